"""`--fail-on`: what of a rehearsal's findings makes it fail."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from aegisgen.errors import UsageError

_LOCK = re.compile(r"lock:(?P<seconds>\d+(?:\.\d+)?)(?:@(?P<rows>\d+))?\Z")
_SQUAWK = re.compile(r"squawk:(?P<rule>[a-z0-9-]+)\Z")
_EXPECTED = (
    "expected lock:SECONDS[@ROWS], such as lock:2@1000000; rewrite; squawk:RULE, such as squawk:renaming-column; or "
    "breaking"
)


class Gate(NamedTuple):
    """One of them. `kind` is lock, rewrite, squawk or breaking."""

    text: str
    kind: str
    seconds: float = 0.0
    """A lock that users wait for may be held so long."""
    rows: int = 0
    """On tables with more rows than that."""
    rule: str = ""


def read_gates(texts: Iterable[str]) -> tuple[Gate, ...]:
    """Read `--fail-on` as often as it was given. Raises UsageError."""
    return tuple(map(_read, dict.fromkeys(texts)))


def _read(text: str) -> Gate:
    if match := _LOCK.match(text):
        return Gate(text, "lock", seconds=float(match["seconds"]), rows=int(match["rows"] or 0))
    if match := _SQUAWK.match(text):
        return Gate(text, "squawk", rule=match["rule"])
    if text in {"rewrite", "breaking"}:
        return Gate(text, text)
    raise UsageError(f"--fail-on {text}: {_EXPECTED}")
