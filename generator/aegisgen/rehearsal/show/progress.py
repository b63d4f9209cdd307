"""The progress of a rehearsal on a terminal: a line for each scenario that runs, the finished ones above it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Column
from rich.text import Text

from aegisgen.output.numbers import counted, duration
from aegisgen.output.streams import unescaped
from aegisgen.output.visible import visible
from aegisgen.rehearsal.outcome import ScenarioRun
from aegisgen.rehearsal.show import wording

# Often enough to look alive; each refresh costs the rehearsal a few milliseconds of a core.
_REFRESHES = 6


class Events:
    """Takes what happens, from any thread, in any order of scenarios."""

    def __init__(self, total: int, board: Progress) -> None:
        self._board = board
        self._scenarios = counted(total, "scenario")
        self._done = 0
        self._tasks = {"": board.add_task(f"0 of {self._scenarios}", total=None, doing="")}

    def began(self, name: str, title: str) -> None:
        """A scenario started."""
        self._tasks[name] = self._board.add_task(visible(name), total=None, doing=visible(title))

    def step(self, name: str, what: str, status: str) -> None:
        """Something in the scenario is now as `status` says: `Job/api-migration`, `Running`. Texts are redacted."""
        if name in self._tasks:
            self._board.update(self._tasks[name], doing=visible(f"{what}: {status}"), refresh=True)

    def ended(self, run: ScenarioRun) -> None:
        """A scenario is done: its line moves up."""
        self._done += 1
        self._board.remove_task(self._tasks.pop(run.name))
        self._board.update(self._tasks[""], description=f"{self._done} of {self._scenarios}")
        if not self._board.disable:
            mark = (wording.MARKS[run.verdict], wording.COLOURS[run.verdict])
            rest = f" {duration(run.seconds)}  {visible(run.reason or run.title)}"
            line = Text.assemble(mark, " ", (visible(run.name), "bold"), rest)
            self._board.console.print(line, overflow="ellipsis", no_wrap=True)


@contextmanager
def progress(total: int, stream: TextIO | None = None) -> Iterator[Events]:
    """Show the progress of `total` scenarios on `stream` (standard error) while the block runs, if it is a terminal.

    It goes away at the end: the report says all that it said. The terminal is left as it was, whatever ends the block.
    """
    stream = unescaped(sys.stderr) if stream is None else stream
    board = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", style="bold", markup=False),
        TimeElapsedColumn(),
        TextColumn("{task.fields[doing]}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis")),
        console=Console(file=stream, no_color=bool(os.environ.get("NO_COLOR")), highlight=False, emoji=False),
        disable=not stream.isatty() or os.environ.get("TERM") == "dumb",
        refresh_per_second=_REFRESHES,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    with board:
        yield Events(total, board)
