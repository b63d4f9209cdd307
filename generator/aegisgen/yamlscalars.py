"""What an unquoted word of YAML means.

As Kubernetes' own reader (sigs.k8s.io/yaml) has it, which differs from PyYAML's safe loader: timestamps and `1:30` are
strings and `1e3` is a number.
"""

from __future__ import annotations

import re
from functools import lru_cache

TAG = "tag:yaml.org,2002:"
MAX_DIGITS = 400
BOOLS = {
    word: value
    for value, words in ((True, ("yes", "true", "on")), (False, ("no", "false", "off")))
    for lower in words
    for word in (lower, lower.capitalize(), lower.upper())
}

_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_INT = re.compile(r"[-+]?(?:0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|0|[1-9][0-9_]*)\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9_]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_SPECIAL_FLOAT = re.compile(r"(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z")


@lru_cache(maxsize=4096)
def tag_of(value: str) -> str:
    """Return the tag of an unquoted word."""
    if value in _NULLS:
        return TAG + "null"
    if value in BOOLS:
        return TAG + "bool"
    if value == "<<":
        return TAG + "merge"
    first = value[0]
    if first.isdigit() or first in "+-.":
        if _INT.match(value):
            return TAG + "int"
        if _FLOAT.match(value) or _SPECIAL_FLOAT.match(value):
            return TAG + "float"
    return TAG + "str"


@lru_cache(maxsize=4096)
def number(value: str) -> int | float:
    """Return the number that a word stands for. Raises ValueError or OverflowError where it stands for none."""
    text = value.replace("_", "").lower()
    sign = -1 if text.startswith("-") else 1
    digits = text.lstrip("+-")
    if digits.startswith(("0x", "0b", "0o")):
        return sign * int(digits, 0)
    if _INT.match(value):
        return sign * (int(digits, 8) if digits.startswith("0") and digits != "0" else int(digits))
    return float(text.replace(".inf", "inf").replace(".nan", "nan"))


def scalar(tag: str, value: str) -> object:
    """Return what a word means under a tag. Raises ValueError, with the reason, where that is nothing."""
    if tag == TAG + "str" or tag in {TAG + "merge", TAG + "value", TAG + "timestamp"}:
        return value
    if tag == TAG + "null":
        return None
    if tag == TAG + "bool":
        return BOOLS.get(value, value)
    if tag in {TAG + "int", TAG + "float"}:
        if len(value) > MAX_DIGITS:
            raise ValueError(f"a number of more than {MAX_DIGITS} digits")
        try:
            return number(value)
        except (ValueError, OverflowError):
            raise ValueError("something that is not a number under a number's tag") from None
    raise ValueError(f"the unknown tag {tag}")
