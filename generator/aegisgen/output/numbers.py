"""Numbers for people."""

from __future__ import annotations

_MINUTE = 60
_MILLISECOND = 0.001


def counted(number: int, noun: str) -> str:
    """Return `1 file`, `2 files`, `12,345 files`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def duration(seconds: float) -> str:
    """Return how long something took: `under 1 ms`, `8 ms`, `3.1 s`, `1 min 05 s`."""
    if seconds < _MILLISECOND / 2:
        return "under 1 ms"
    if seconds < 1:
        return f"{seconds / _MILLISECOND:.0f} ms"
    if round(seconds, 1) < _MINUTE:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), _MINUTE)
    return f"{minutes} min {rest:02d} s"
