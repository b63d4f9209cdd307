"""How far a long run has come: a bar on a terminal, after a second; silence everywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

from aegisgen.output.streams import unescaped

_Result = TypeVar("_Result")

# What is done sooner needs no bar; and rich, which draws it, takes a while to import.
PATIENCE_SECONDS = 1.0


class _Bar(Protocol):
    def show(self, done: int) -> None: ...

    def close(self) -> None: ...


def tracked(
    results: Iterable[_Result], total: int, what: str, weigh: Callable[[_Result], int] = lambda _: 1
) -> Iterator[_Result]:
    """Yield the results as they come, and show how many of `total` there have been and how long the others may take.

    `what` they are, in the plural; `weigh` says for how many a result counts. Shown on stderr, if that is a terminal.
    """
    if not sys.stderr.isatty():
        yield from results
        return
    begun, done = time.monotonic(), 0
    bar: _Bar | None = None
    try:
        for result in results:
            done += weigh(result)
            if bar is None and done < total and time.monotonic() - begun > PATIENCE_SECONDS:
                bar = _bar(total, what, begun)
            if bar is not None:
                bar.show(done)
            yield result
    finally:
        if bar is not None:
            bar.close()


def _bar(total: int, what: str, begun: float) -> _Bar:
    from rich.console import Console  # noqa: PLC0415 - see PATIENCE_SECONDS
    from rich.progress import BarColumn, Progress, TextColumn  # noqa: PLC0415

    class RichBar:
        """Drawn when something has come, and not by a thread: whoever has one cannot safely fork."""

        def __init__(self) -> None:
            columns = (
                BarColumn(),
                TextColumn("{task.completed:,}/{task.total:,} {task.description}{task.fields[left]}"),
            )
            console = Console(file=unescaped(sys.stderr))
            self._progress = Progress(*columns, console=console, transient=True, auto_refresh=False)
            self._task = self._progress.add_task(what, total=total, left="")
            self._progress.start()

        def show(self, done: int) -> None:
            left = (time.monotonic() - begun) / done * (total - done) if done else 0
            self._progress.update(self._task, completed=done, left=f", {_spoken(left)} left", refresh=True)

        def close(self) -> None:
            self._progress.stop()

    return RichBar()


def _spoken(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"  # noqa: PLR2004
