"""Progress on a terminal: a line for each scenario that runs, the finished ones above it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from aegisgen.output.numbers import counted, duration
from aegisgen.output.visible import visible
from aegisgen.rehearsal.outcome import ScenarioRun
from aegisgen.rehearsal.show import wording
from aegisgen.rehearsal.show.progress import Progress
from aegisgen.rehearsal.show.text import COLOURS

# Often enough to look alive; each refresh costs the rehearsal a few milliseconds of a core.
_REFRESHES = 6


@contextmanager
def live(total: int, stream: TextIO) -> Iterator[Board]:
    """Show the progress of `total` scenarios on a terminal while the block runs, and clear it afterwards."""
    console = Console(file=stream, no_color=bool(os.environ.get("NO_COLOR")), highlight=False, emoji=False)
    board = Board(total, console)
    # It goes away at the end: the report that follows says all that it said.
    with Live(
        get_renderable=board.picture,
        console=console,
        refresh_per_second=_REFRESHES,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    ):
        yield board


class _Row(NamedTuple):
    title: str
    doing: str
    began: float
    spinner: Spinner


class Board(Progress):
    """The state of what is shown; a `Progress`."""

    def __init__(self, total: int, console: Console) -> None:
        self._total = total
        self._console = console
        self._done = 0
        self._running: dict[str, _Row] = {}
        # Scenarios and the refreshing thread meet here.
        self._lock = threading.Lock()

    def began(self, name: str, title: str) -> None:
        """A scenario started."""
        with self._lock:
            self._running[name] = _Row(title, "", time.monotonic(), Spinner("dots"))

    def step(self, name: str, what: str, status: str) -> None:
        """Something in the scenario is now as `status` says."""
        with self._lock:
            row = self._running.get(name)
            if row:
                self._running[name] = row._replace(doing=f"{what}: {status}")

    def ended(self, run: ScenarioRun) -> None:
        """A scenario is done: its line moves up and stays."""
        with self._lock:
            self._running.pop(run.name, None)
            self._done += 1
        mark = Text(wording.MARKS[run.verdict], style=COLOURS[run.verdict])
        said = run.reason or run.title
        self._console.print(
            Text.assemble(mark, " ", (visible(run.name), "bold"), f" {duration(run.seconds)}  {visible(said)}"),
            overflow="ellipsis",
            no_wrap=True,
        )

    def picture(self) -> RenderableType:
        """Return what is shown now."""
        with self._lock:
            rows = list(self._running.items())
            done = self._done
        table = Table.grid(padding=(0, 1))
        for column in range(4):
            table.add_column(no_wrap=True, overflow="ellipsis", ratio=1 if column == 3 else None)  # noqa: PLR2004
        for name, row in rows:
            clock = f"{time.monotonic() - row.began:.0f} s"
            table.add_row(
                row.spinner, Text(visible(name), "bold"), Text(clock, "dim"), Text(visible(row.doing or row.title))
            )
        return Group(table, Text(f"{done} of {counted(self._total, 'scenario')}", "dim"))
