"""What looks like a secret in plain text. Names and shapes only: a value never leaves this module."""

from __future__ import annotations

import re
from functools import lru_cache

_NAME = re.compile(
    r"PASSW(?:OR)?D\Z|(?:\A|[_.-])(?:PASS(?:PHRASE)?|PWD|SECRET|TOKEN|API_?KEY|(?:ACCESS|PRIVATE|SECRET|SIGNING|ENCRYPTION)_?KEY"
    r"|CREDENTIALS?|WEBHOOK_?URL)\Z",
    re.IGNORECASE,
)
_SHAPES = re.compile(
    r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\bgh[pousr]_[A-Za-z0-9]{36,}"
    r"|\bglpat-[A-Za-z0-9_-]{20,}"
    r"|\bxox[abprs]-[A-Za-z0-9-]{10,}"
    r"|\bsk_live_[A-Za-z0-9]{16,}"
    r"|\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\."
    r"|://[^\s:/@$<{]+:[^\s@/$<{*]+@"
)
_OPTION = re.compile(
    r"(?:\A|\s)--?(?:[a-z]+[-_])*(?:password|passwd|pass|token|secret|api[-_]?key|secret[-_]key)(?:=|\s+)['\"]?(?P<value>[^\s'\"]+)"
    r"|(?:\A|[\s;])(?P<name>[A-Z_]*(?:PASSWORD|TOKEN|SECRET))=['\"]?(?P<assigned>[^\s'\";]+)",
    re.IGNORECASE,
)
# What each of the shapes and options above has in it: looking for a word costs a fraction of looking for a pattern.
_SHAPE_WORDS = (
    "-----BEGIN ",
    "AKIA",
    "ASIA",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "glpat-",
    "xox",
    "sk_live_",
    "eyJ",
    "://",
)
_OPTION_WORDS = ("pass", "token", "secret", "key")

# What stands where a secret would: a variable, a file, a placeholder, a switch.
_HARMLESS = re.compile(r"\$|/|\A[<{]|\A(?:true|false|yes|no|none|null|changeme|x+|\*+|-)\Z|\A-", re.IGNORECASE)


def secret_value(name: str, value: str) -> bool:
    """Tell whether a variable or key of this name holds a secret in plain text."""
    if not value:
        return False
    if _named_secret(name):
        return "://" in value or not _HARMLESS.search(value)
    return secret_text(value)


@lru_cache(maxsize=1024)
def _named_secret(name: str) -> bool:
    return bool(_NAME.search(name))


@lru_cache(maxsize=512)
def secret_text(value: str) -> bool:
    """Tell whether a text holds something of a secret's shape: a private key, a token, a URL with a password."""
    return any(word in value for word in _SHAPE_WORDS) and bool(_SHAPES.search(value))


@lru_cache(maxsize=512)
def secret_option(command_line: str) -> bool:
    """Tell whether a command line carries a password or token."""
    if secret_text(command_line):
        return True
    lower = command_line.lower()
    if not any(word in lower for word in _OPTION_WORDS):
        return False
    found = (match["value"] or match["assigned"] or "" for match in _OPTION.finditer(command_line))
    return any(not _HARMLESS.search(value) for value in found)
