"""Values as YAML that means exactly them, whoever reads it.

The output must mean the same to PyYAML (YAML 1.1), to Kustomize and kubectl (Go) and to a YAML 1.2 reader, on whatever
line of a template it lands. So a string stays plain only if it cannot be taken for anything else.
"""

from __future__ import annotations

import re

from msgspec import UnsetType

# A letter (or '/', '_', './', '../') first, then nothing that YAML gives a meaning to; ':' only inside a word.
_PLAIN = re.compile(r"(?:[A-Za-z_/]|\.\.?/)(?:[A-Za-z0-9_./@%+=-]|:(?=[A-Za-z0-9_./@=-]))*\Z")
# Kubernetes quantities: their units are letters that make no number of any YAML.
_QUANTITY = re.compile(r"[1-9][0-9]*(?:m|k|M|G|T|P|[KMGTP]i)\Z")
# Words that some reader takes for a boolean or null (YAML 1.1 and Go's resolver).
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def to_yaml(value: object) -> str:
    """Return a scalar, a flow list or a flow mapping on one line.

    Takes str, bool, int, None, and lists and dicts of them. Raises TypeError for anything else: a template that prints
    an object by accident must not render.
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(to_yaml, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_string(str(key))}: {to_yaml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, UnsetType):
        raise TypeError("a value that is not set")
    raise TypeError(f"{type(value).__name__} cannot be rendered as YAML")


def _string(text: str) -> str:
    if (_PLAIN.match(text) and text.lower() not in _WORDS) or _QUANTITY.match(text):
        return text
    if text.isprintable() and text.isascii() and "##" not in text:
        return "'" + text.replace("'", "''") + "'"
    # `##[` on any line is a command to GitHub's runner (actions/runner, ActionCommand.cs), which reads what CI prints.
    return '"' + "".join(map(_escape, text)).replace("##", "#\\x23") + '"'


def _escape(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable():
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004
