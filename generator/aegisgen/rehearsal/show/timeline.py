"""One sync as a picture: what ran when, from left to right; below it the migrations, and what they kept others from.

The page's template draws it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from aegisgen.output.numbers import counted, duration
from aegisgen.rehearsal.outcome import ContainerRun, MigrationRun, StepRun, SyncRun
from aegisgen.rehearsal.show import wording

_TICKS = 7
_STEPS = (1, 2, 5, 10, 20)


class Bar(NamedTuple):
    """Something that lasted; seconds from the start of the scenario. `style` is its class, `title` what it was."""

    began: float
    ended: float
    style: str
    title: str


class Row(NamedTuple):
    """A line of the picture; one without bars is a heading."""

    label: str
    bars: tuple[Bar, ...] = ()
    status: str = ""
    style: str = ""


class Timeline(NamedTuple):
    """The picture of a sync, from its beginning until the last bar ends."""

    title: str
    rows: tuple[Row, ...]
    began: float
    seconds: float

    @property
    def ticks(self) -> Iterator[tuple[str, str]]:
        """The marks of the axis: where each stands, as CSS, and what it says."""
        step = _round_step(self.seconds / _TICKS)
        for number in range(int(self.seconds / step + 1e-9) + 1):
            label = duration(number * step) if number else "0"
            yield f"left:{self._percent(self.began + number * step):.2f}%", label

    def place(self, bar: Bar) -> str:
        """Return where a bar stands, as CSS."""
        return f"left:{self._percent(bar.began):.2f}%;right:{100 - self._percent(bar.ended):.2f}%"

    def _percent(self, at: float) -> float:
        return 100 * min(max((at - self.began) / self.seconds, 0.0), 1.0)


def timeline(sync: SyncRun, migrations: Sequence[MigrationRun]) -> Timeline:
    """Return the picture; `migrations` are the scenario's, of which it shows those of this sync."""
    mine = [run for run in migrations if sync.began <= run.began <= sync.ended]
    rows = (*_steps(sync), *_migrations(mine))
    last = max([sync.ended, *(bar.ended for row in rows for bar in row.bars)])
    counts = f"{counted(len(sync.steps), 'step')}, {counted(len(mine), 'migration')}"
    title = f"Timeline of {wording.sync_line(sync)}; {counts}"
    return Timeline(title, rows, sync.began, max(last - sync.began, 0.001))


def _steps(sync: SyncRun) -> Iterator[Row]:
    place = None
    for step in sync.steps:
        if (step.phase, step.wave) != place:
            place = (step.phase, step.wave)
            yield Row(f"{step.phase}, wave {step.wave}", style=step.phase)
        status = f"{step.status}: {step.detail}" if step.detail else step.status
        title = f"{step.resource}: {status}, {duration(step.ended - step.began)}"
        yield Row(step.resource, (Bar(step.began, step.ended, f"step {step.phase}", title),), step.status, "resource")
        yield from _containers(step)
    if sync.skipped:
        yield Row(f"left out: {', '.join(sync.skipped)}", style="skipped")


def _containers(step: StepRun) -> Iterator[Row]:
    for name in dict.fromkeys(run.container for run in step.containers):
        for lane in _lanes([run for run in step.containers if run.container == name]):
            pods = list(dict.fromkeys(run.pod for run in lane))
            label = f"{name}, {counted(len(pods), 'pod')}" if len(pods) > 1 else f"{pods[0]}/{name}"
            yield Row(label, tuple(map(_attempt, lane)), lane[-1].status, "container")


def _lanes(runs: Iterable[ContainerRun]) -> list[list[ContainerRun]]:
    """Put attempts that follow one another into one row, and those that overlap into several."""
    lanes: list[list[ContainerRun]] = []
    for run in sorted(runs, key=lambda run: (run.began, run.pod)):
        same = [lane for lane in lanes if lane[-1].ended <= run.began]
        own = [lane for lane in same if lane[-1].pod == run.pod]
        if own or same:
            (own or same)[0].append(run)
        else:
            lanes.append([run])
    return lanes


def _attempt(run: ContainerRun) -> Bar:
    outcome = "bad" if wording.failing(run) else "running" if run.code is None else "good"
    lasted = duration(run.ended - run.began)
    title = f"{run.pod}/{run.container}, attempt {run.attempt}: {wording.ending(run)}, {lasted}"
    return Bar(run.began, run.ended, f"attempt {outcome}", title)


def _migrations(migrations: Sequence[MigrationRun]) -> Iterator[Row]:
    if not migrations:
        return
    yield Row("Migrations, as PostgreSQL executed them", style="migrations")
    for run in migrations:
        bar = Bar(run.began, run.began + run.seconds, "migration bad" if run.error else "migration", wording.title(run))
        status = "failed" if run.error else f"{duration(run.seconds)}, {wording.rows(run)}"
        yield Row(wording.title(run), (bar,), status, "file")
    blocking: dict[str, list[Bar]] = {}
    for run in migrations:
        for held in wording.strongest(run):
            if held.mode in wording.BLOCKS and not held.new:
                # A lock is given back when its transaction ends, and with it, mostly, the migration.
                ended = run.began + run.seconds
                title = f"{wording.lock(held)} ({run.file})"
                kind = "reads" if held.mode == wording.STRONGEST else "writes"
                blocking.setdefault(held.table, []).append(Bar(ended - held.seconds, ended, f"lock {kind}", title))
    if blocking:
        yield Row("Tables that others had to wait for", style="locks")
    for table, bars in blocking.items():
        total = duration(sum(bar.ended - bar.began for bar in bars))
        kept = "reads and writes" if any(bar.style.endswith("reads") for bar in bars) else "writes"
        yield Row(table, tuple(bars), f"{kept} blocked for {total}", "table")


def _round_step(seconds: float) -> float:
    """Return the next of 1, 2, 5, 10, 20 ... (or 0.1, 0.2 ...) seconds that is not shorter."""
    size = 10.0 ** math.floor(math.log10(seconds))
    return next(size * factor for factor in _STEPS if size * factor >= seconds)
