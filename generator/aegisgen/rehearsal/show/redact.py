"""Secrets never reach a reader: every text of a rehearsal is searched for them before it is shown.

Looked for is the value itself and what programs make of it when they quote or encode it: JSON, URL, base64, SQL and
shell. Not even a log's remains are shown where its middle was left out: redact before that, with `Redaction.text`.
"""

from __future__ import annotations

import json
import re
import shlex
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from typing import TypeVar, cast
from urllib.parse import quote, quote_plus

MASK = "***"
_Record = TypeVar("_Record", bound=tuple[object, ...])


class Redaction:
    """Takes the given secret values out of texts and records. Blank values are no secrets."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets if secret.strip() for form in _forms(secret) if form}
        # The longest first: what contains another secret must not leave its own rest behind.
        ordered = sorted(forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def text(self, text: str) -> str:
        """Return `text` with every secret as `***`."""
        return self._pattern.sub(MASK, text) if self._pattern else text

    def record(self, record: _Record) -> _Record:
        """Return the same record (a Rehearsal, a ScenarioRun ...) with every secret in any of its texts as `***`."""
        return cast("_Record", self._clean(record))

    def _clean(self, value: object) -> object:
        if isinstance(value, Enum):
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, tuple):
            cleaned = tuple(map(self._clean, value))
            make: Callable[[Iterable[object]], object] | None = getattr(value, "_make", None)  # of a NamedTuple
            return make(cleaned) if make else cleaned
        return value


def _forms(secret: str) -> Iterator[str]:
    yield secret
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    raw = secret.encode("utf-8", "surrogateescape")
    yield quote(raw, safe="")
    yield quote(raw)
    yield quote_plus(raw)
    # Without the padding, which some leave out.
    yield b64encode(raw).decode().rstrip("=")
    yield secret.replace("'", "''")
    yield secret.replace("\\", "\\\\").replace("'", "''")
    yield secret.replace("\\", "\\\\").replace("'", "\\'")
    yield shlex.quote(secret).strip("'")
