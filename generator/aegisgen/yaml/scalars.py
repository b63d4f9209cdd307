"""What an unquoted word of YAML means, and to whom.

Kubernetes' own reader (sigs.k8s.io/yaml 1.6, which kubectl and Argo CD read manifests with) takes numbers as Go writes
them, and `1:30` and timestamps for strings. Seen by running it; `tests/fixtures/yaml/scalars.tsv` has the words.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable
from enum import Enum
from functools import cache, lru_cache

TAG = "tag:yaml.org,2002:"
STR = TAG + "str"


class Dialect(Enum):
    """Whose reading of `y`, `yes` and `on` counts; the words of YAML 1.1 for a boolean, in three cases each."""

    PLAIN = "plain"
    """kubectl and Argo CD on a plain manifest, Kustomize on its own kustomization file: all of them are booleans."""
    KUSTOMIZE = "kustomize"
    """Kustomize on what it composes: it quotes them, and then they are strings to everybody."""
    OWN = "own"
    """aegisgen on its own files: `y` is a name like any other, and `yes` a mistake that types find."""


def _bools(*pairs: tuple[str, str]) -> dict[str, bool]:
    cased = ((word, index) for pair in pairs for index, lower in enumerate(pair) for word in _cases(lower))
    return {word: not index for word, index in cased}


def _cases(word: str) -> tuple[str, ...]:
    return word, word.capitalize(), word.upper()


_TRUE_FALSE = _bools(("true", "false"))
_OWN_BOOLS = _bools(("true", "false"), ("yes", "no"), ("on", "off"))
_BOOLS = {Dialect.PLAIN: _OWN_BOOLS | _bools(("y", "n")), Dialect.KUSTOMIZE: _TRUE_FALSE, Dialect.OWN: _OWN_BOOLS}
_NULLS = frozenset(("", "~", *_cases("null")))
_SPECIAL = {f"{sign}.{word}": float(f"{sign}inf") for sign in ("", "+", "-") for word in ("inf", "Inf", "INF")}
_SPECIAL |= dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan"))
# Go's strconv.ParseInt with base 0, and the floats of go.yaml.in/yaml/v2, resolve.go; `_` is gone by then.
_INT = re.compile(r"[-+]?(?:0(?:[xX][0-9a-fA-F]+|[bB][01]+|[oO]?[0-7]+)?|[1-9][0-9]*)\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_POINT_FIRST = re.compile(r"\.[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+(?:_[0-9]+)*)?\Z")
_BASES = {"x": 16, "b": 2, "o": 8}
_MAX_INT_DIGITS = 70  # more than any integer of 64 bits has, in any base
# JSON, by which sigs.k8s.io/yaml goes, writes a whole number below this without a point or an exponent.
_WHOLE = 1e21


@cache
def tags(dialect: Dialect) -> Callable[[str], str]:
    """Return what gives the tag of an unquoted word; each dialect has a cache, as most words come again and again."""
    bools = _BOOLS[dialect]

    @lru_cache(maxsize=8192)
    def tag_of(value: str) -> str:
        if value in _NULLS:
            return TAG + "null"
        if value in bools:
            return TAG + "bool"
        if value == "<<":
            return TAG + "merge"
        if _number(value) is None:
            return STR
        return TAG + ("int" if _INT.match(value.replace("_", "")) else "float")

    return tag_of


def scalar(tag: str, value: str, dialect: Dialect) -> object:
    """Return what a word means under a tag. Raises ValueError, with the reason, where that is nothing."""
    kind = tag.removeprefix(TAG)
    if kind in {"str", "merge", "value", "timestamp"}:
        return value
    if kind == "null" and value in _NULLS:
        return None
    if kind == "bool" and value in _BOOLS[dialect]:
        return _BOOLS[dialect][value]
    if kind in {"int", "float"}:
        number = _number(value)
        if number is not None and (kind == "float" or _INT.match(value.replace("_", ""))):
            return number
    if kind == "binary":
        return b64decode(value).decode()
    if kind in {"null", "bool", "int", "float"}:
        raise ValueError(f"something else under the tag of a {kind}")
    raise ValueError(f"the unknown tag {tag}")


def key(tag: str, value: str, dialect: Dialect) -> str:
    """Return a key as JSON has it, where all keys are strings. Raises ValueError for a null."""
    if dialect is not Dialect.PLAIN or tag == STR:
        return value
    meaning = scalar(tag, value, dialect)
    if meaning is None:
        raise ValueError("null as a key, expected a word")
    if isinstance(meaning, bool):
        return "true" if meaning else "false"
    return str(meaning) if isinstance(meaning, int | str) else value


@lru_cache(maxsize=8192)
def _number(value: str) -> int | float | None:
    first = value[:1]
    if value in _SPECIAL:
        return _SPECIAL[value]
    if first == ".":
        return _float(value.replace("_", "")) if _POINT_FIRST.match(value) else None
    if not (first.isascii() and first.isdigit()) and first not in {"+", "-"}:
        return None
    plain = value.replace("_", "")
    if len(plain) <= _MAX_INT_DIGITS and _INT.match(plain):
        number = _integer(plain)
        if -(2**63) <= number < 2**64:
            return number
    return _float(plain) if _FLOAT.match(plain) else None


def _integer(plain: str) -> int:
    digits = plain.lstrip("+-")
    base = _BASES.get(digits[1:2].lower()) if digits.startswith("0") else 10
    number = int(digits[2:], base) if base and base != 10 else int(digits, base or 8)  # noqa: PLR2004
    return -number if plain.startswith("-") else number


def _float(plain: str) -> int | float | None:
    """Return a float, as an integer where JSON writes it so; None where it is too large: to Go that is a string."""
    number = float(plain)
    if number in {float("inf"), float("-inf")}:
        return None
    if not number.is_integer() or abs(number) >= _WHOLE:
        return number
    digits, _, exponent = repr(number).partition("e")  # the shortest digits, as Go has them
    return (
        int(digits.replace(".", "").ljust(int(exponent) + 1 + digits.startswith("-"), "0")) if exponent else int(number)
    )
