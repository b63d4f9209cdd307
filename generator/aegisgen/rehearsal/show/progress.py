"""What a rehearsal tells while it runs, and to whom: a terminal, or nobody."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from aegisgen.output.streams import unescaped
from aegisgen.rehearsal.outcome import ScenarioRun


class Progress:
    """Takes what happens, from any thread, in any order of scenarios; this one shows nothing."""

    def began(self, name: str, title: str) -> None:
        """A scenario started."""

    def step(self, name: str, what: str, status: str) -> None:
        """Something in the scenario is now as `status` says: `Job/api-migration`, `Running`. Texts are redacted."""

    def ended(self, run: ScenarioRun) -> None:
        """A scenario is done."""


@contextmanager
def progress(total: int, stream: TextIO | None = None) -> Iterator[Progress]:
    """Show the progress of `total` scenarios on `stream` (standard error) while the block runs, if it is a terminal.

    The terminal is left as it was, whatever ends the block.
    """
    stream = unescaped(sys.stderr) if stream is None else stream
    if not stream.isatty() or os.environ.get("TERM") == "dumb":
        yield Progress()
        return
    from aegisgen.rehearsal.show.live import live  # noqa: PLC0415 -- Rich, where somebody looks

    with live(total, stream) as events:
        yield events
