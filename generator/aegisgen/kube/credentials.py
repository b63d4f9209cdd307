"""The one detector of secrets in plain text: for profiles, for rules, and for what `adopt` shows.

Known token forms are secrets wherever they stand. Anything else needs the name of its key: a name such as
`DB_PASSWORD` makes any plain value a secret, a name such as `AUTH_SEED` only a random one. No secret leaves this
module. The forms are those that the providers document, as GitHub's secret scanning and gitleaks list them.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from functools import lru_cache

from aegisgen.output.visible import visible

# Each form behind a word that stands in all of its matches: looking for a word costs a fraction of a pattern's time.
# All patterns are compiled where somebody needs them, and kept by `re`: together they would take 10 ms at every start.
_FORMS: dict[str, str] = {
    "PRIVATE KEY": r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----",
    "LS0tLS1CRUdJTiB": r"LS0tLS1CRUdJTiB(?:QUklWQVRF|SU0EgUFJJVkFUR|FQyBQUklWQVRF|PUEVOU1NIIFBSSVZBVE|FTkNSWVBURUQg)",
    "AGE-SECRET-KEY-": r"AGE-SECRET-KEY-1[0-9A-Z]{58}",
    "PuTTY-User-Key-File": r"PuTTY-User-Key-File-\d",
    "AKIA": r"\bAKIA[0-9A-Z]{16}\b",
    "ASIA": r"\bASIA[0-9A-Z]{16}\b",
    "gh": r"\bgh[pousr]_[A-Za-z0-9]{36,}",
    "github_pat_": r"\bgithub_pat_[A-Za-z0-9_]{22,}",
    "gl": r"\bgl(?:pat|dt|rt|ptt|ft|imt|agent|oas|cbt|soat|ffct)-[A-Za-z0-9_-]{20,}|\bgl(?:sa|c)_[A-Za-z0-9_+/=]{32,}",
    "xox": r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}",
    "xapp-": r"\bxapp-\d-[A-Z0-9]+-\d+-[a-z0-9]+",
    "hooks.slack.com/": r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_-]{16,}",
    "/api/webhooks/": r"discord(?:app)?\.com/api/webhooks/\d{8,}/[\w-]{20,}",
    "webhook.office.com/": r"webhook\.office\.com/webhookb2/[\w@/-]{40,}",
    "k_live_": r"\b[rs]k_live_[A-Za-z0-9]{16,}",
    "whsec_": r"\bwhsec_[A-Za-z0-9+/]{24,}",
    "AIza": r"\bAIza[0-9A-Za-z_-]{35}",
    "GOCSPX-": r"\bGOCSPX-[\w-]{20,}",
    "ya29.": r"\bya29\.[\w-]{20,}",
    "npm_": r"\bnpm_[A-Za-z0-9]{36}",
    "pypi-": r"\bpypi-AgE[\w-]{50,}",
    "SG.": r"\bSG\.[\w-]{16,}\.[\w-]{16,}",
    "SK": r"\bSK[0-9a-f]{32}\b",
    "key-": r"\bkey-[0-9a-f]{32}\b",
    "AccountKey=": r"\bAccountKey=[A-Za-z0-9+/]{40,}",
    "AccessKey=": r"\b(?:Shared)?AccessKey=[A-Za-z0-9+/]{40,}",
    "sig=": r"[?&]sig=[A-Za-z0-9%+/]{30,}",
    "eyJ": r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.",
    "hv": r"\bhv[sbr]\.[\w-]{20,}",
    "_v1_": r"\bdo[opr]_v1_[a-f0-9]{64}",
    "sk-": r"\bsk-(?:(?:proj|ant|svcacct)-[\w-]{20,}|[A-Za-z0-9]{40,})",
    "hf_": r"\bhf_[A-Za-z0-9]{34}",
    "dapi": r"\bdapi[0-9a-f]{32}",
    "dp.": r"\bdp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9._-]{40,}",
    "shp": r"\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}",
    "NRAK-": r"\bNRAK-[A-Z0-9]{27}",
    "lin_api_": r"\blin_api_[A-Za-z0-9]{32,}",
    ".atlasv1.": r"\b[A-Za-z0-9]{14}\.atlasv1\.[\w=-]{60,}",
    "pscale_": r"\bpscale_(?:tkn|pw|oauth)_[\w.=-]{32,}",
    "sntry": r"\bsntry[su]_[A-Za-z0-9+/=_]{32,}",
    "dckr_pat_": r"\bdckr_pat_[\w-]{20,}",
    '"auth"': r'"auth"\s*:\s*"[A-Za-z0-9+/]{8,}={0,2}"',
    ":AA": r"\b\d{8,10}:AA[\w-]{33}\b",
}
# Forms in which a placeholder may stand where the secret would.
_EMBEDDED = {
    "://": r"://[^\s:/@?#]*:(?P<value>[^\s@/?#]+)@",
    "=": r"(?i)[?&;](?:password|passwd|pwd|access_?token|api_?key|client_?secret)=(?P<value>[^\s&;'\"]+)",
    "uthorization": r"(?i)authorization['\"]?\s*[:=]\s*['\"]?(?:bearer|basic|token)\s+(?P<value>[\w.~+/=$({<-]{8,})",
}
_MIN_LENGTH = 7  # of a URL with a password

_NAME = (
    r"(?i)(?:PASSW(?:OR)?D|PASSPHRASE|SECRET|TOKEN|API_?KEY|(?:ACCESS|PRIVATE|SECRET|SIGNING|ENCRYPTION|MASTER)_?KEY"
    r"|CREDENTIALS?|WEBHOOK_?URL)\Z|(?:\A|[_.-])(?:PASS|PWD)\Z"
)
# A name that hints at a secret, and an ending that says what else it is.
_HINT = r"(?i)PASS|PWD|SECRET|TOKEN|KEY|AUTH|CRED|SALT|SEED|PEPPER|SIGN|PRIVATE|COOKIE|SESSION"
_OTHER = (
    r"(?i)PUBLIC|(?:NAME|FILE|PATH|DIR|URL|URI|HOST|PORT|TTL|REF|VERSION|ISSUER|AUDIENCE|ALG(?:ORITHM)?|TYPE|HEADER|ENABLED"
    r"|EXPIRY|SECONDS|LENGTH|SIZE|COUNT|LIMIT|COMMIT|SHA|SHA256|DIGEST|HASH|CHECKSUM|FINGERPRINT|THUMBPRINT|IMAGE|ID"
    r"|SPACE|CLASS)S?\Z"
)

# What stands where a secret would: a variable, a template, a placeholder, a switch, a file, a public key, a reference.
_HARMLESS = (
    r"(?i)\$[({]|\A\$|`|\A[<{%=]|\A(?:true|false|yes|no|none|null|changeme|redacted|x+|\*+|-)\Z|\A-"
    r"|\A(?:\.{0,2}/|~/|file:|vault:|op:|arn:|projects/|sha256:|ssh-(?:rsa|ed25519) |ecdsa-)"
)
_REFERENCE = r"[a-z][a-z0-9]*(?:[-.][a-z0-9]+)+\Z"
_REFERENCE_WORD = r"secret|cred|passw|token|key|auth|pull"
_REFERABLE = r"(?i)(?:SECRET|TOKEN|KEY|CREDENTIALS?)\Z"
_URL = r"[a-z][a-z0-9+.-]*://"
_WEBHOOK = r"(?i)WEBHOOK"
_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z"
_RANDOM = r"[A-Za-z0-9+/_=.~!#%^&*-]{20,200}\Z"
_HEX = r"[0-9a-fA-F]{32,}\Z"
_WORDS = r"(?:[A-Z]?[a-z]+|[A-Z]+|\d{1,4})(?:[-_./](?:[A-Z]?[a-z]+|[A-Z]+|\d{1,4}))*\Z"
_MIN_BITS, _MIN_HEX_BITS = 3.7, 3.0

_OPTION = (
    r"(?i)(?:\A|\s)--?(?P<option>(?:[a-z0-9]+[-_])*(?:password|passwd|pass|token|secret|api[-_]?key|secret[-_]key))(?:=|\s+)"
    r"['\"]?(?P<value>[^\s'\"]+)"
    r"|(?:\A|[\s;'\"])(?P<name>[A-Z0-9_.-]*(?:PASSWORD|PASSWD|TOKEN|SECRET|API_?KEY|ACCESS_?KEY))="
    r"['\"]?(?P<assigned>[^\s'\";]+)"
    r"|(?:\A|\s)(?:-u|--user)(?:=|\s+)['\"]?[^\s:'\"$]+:(?P<password>(?!\d+(?:\s|\Z))[^\s'\"]+)"
)
_OPTION_WORDS = ("pass", "token", "secret", "key", "-u")
# How much of a value a message shows, and of one that is longer.
_LONGEST, _BEGINNING = 240, 120
_EXPRESSION = r"[()\[]|\b(?:process\.env|os\.environ)\b"


@lru_cache(maxsize=4096)
def secret_value(name: str, value: str) -> bool:
    """Tell whether a variable or key of this name holds a secret in plain text."""
    if not value:
        return False
    if secret_text(value):
        return True
    if re.search(_NAME, name):
        return not _harmless(name, value) and (re.search(_WEBHOOK, name) is not None or not re.match(_URL, value))
    return bool(re.search(_HINT, name)) and not re.search(_OTHER, name) and _random(value)


@lru_cache(maxsize=4096)
def secret_text(text: str) -> bool:
    """Tell whether a text holds a secret of a known form: a token, a private key, a URL with a password."""
    if len(text) < _MIN_LENGTH:
        return False
    if any(word in text and re.search(form, text) for word, form in _FORMS.items()):
        return True
    matches = (match for word, form in _EMBEDDED.items() if word in text for match in re.finditer(form, text))
    return any(not re.search(_HARMLESS, match["value"]) for match in matches)


def shown(name: str, value: object) -> str:
    """Return a value as a message shows it: on one line, not too long, and hidden where it is a secret."""
    if value in (None, ""):
        return "none" if value is None else "empty"
    text = str(value)
    if secret_value(name, text) or secret_text(f"{name}={text}"):
        return "(hidden)"
    cut = text if len(text) <= _LONGEST else f"{text[:_BEGINNING]}... ({len(text)} characters)"
    return visible(cut)


@lru_cache(maxsize=1024)
def secret_option(command_line: str) -> bool:
    """Tell whether a command line carries a password or token."""
    if secret_text(command_line):
        return True
    lower = command_line.lower()
    if not any(word in lower for word in _OPTION_WORDS):
        return False
    for match in re.finditer(_OPTION, command_line):
        name = match["option"] or match["name"] or "password"
        value = match["value"] or match["assigned"] or match["password"]
        if not _harmless(name, value) and not re.search(_EXPRESSION, value):
            return True
    return False


def _harmless(name: str, value: str) -> bool:
    """Tell whether a value is none, although the name of its key says secret."""
    if re.search(_HARMLESS, value):
        return True
    if not re.search(_REFERABLE, name):
        return False
    return value.isdecimal() or bool(re.match(_REFERENCE, value) and re.search(_REFERENCE_WORD, value))


def _random(value: str) -> bool:
    if not re.match(_RANDOM, value) or re.match(_UUID, value) or re.search(_HARMLESS, value) or re.match(_WORDS, value):
        return False
    bits = -sum(count / len(value) * math.log2(count / len(value)) for count in Counter(value).values())
    if re.match(_HEX, value):
        return bits >= _MIN_HEX_BITS
    kinds = [any(map(kind, value)) for kind in (str.isupper, str.islower, str.isdigit)]
    return all(kinds) and bits >= _MIN_BITS and not _encoded_words(value)


def _encoded_words(value: str) -> bool:
    """Tell whether a value is base64 of plain text, which hides nothing and says nothing."""
    from base64 import b64decode  # noqa: PLC0415 - start-up time

    try:
        return b64decode(value, validate=True).decode("ascii").isprintable()
    except ValueError:
        return False
