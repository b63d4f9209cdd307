"""One sync as a picture: what ran when, from left to right; below it the migrations, and what they kept others from.

Its colours are those of the page that holds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from aegisgen.argocd.svg_text import Font, escape, shorten
from aegisgen.output.numbers import counted, duration
from aegisgen.rehearsal.outcome import ContainerRun, MigrationRun, StepRun, SyncRun
from aegisgen.rehearsal.show import wording

WIDTH = 1060
_LABEL, _PLOT = 300, 510
_LEFT = _LABEL + 16
_STATUS = _LEFT + _PLOT + 12
_ROW, _HEAD, _AXIS = 24, 30, 26
_BAR = 12
_LEAST_BAR = 2.5
_TICKS = 7
_TEXT, _MONO = Font(12), Font(12, mono=True)
_STEPS = (1, 2, 5)


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


def timeline(sync: SyncRun, migrations: Sequence[MigrationRun]) -> str:
    """Return the picture as an SVG element; `migrations` are the scenario's, of which it shows those of this sync."""
    mine = [one for one in migrations if sync.began <= one.began <= sync.ended]
    rows = [*_steps(sync), *_migrations(mine)]
    last = max([sync.ended, *(bar.ended for row in rows for bar in row.bars)])
    scale = _Scale(sync.began, max(last - sync.began, 0.001))
    height = _AXIS + sum(_ROW if row.bars else _HEAD for row in rows) + 6
    parts = [
        f'<svg class="timeline" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">',
        f"<title>{escape(_summary(sync, mine))}</title>",
        *scale.grid(height),
    ]
    y = _AXIS
    for row in rows:
        step = _ROW if row.bars else _HEAD
        parts += _draw(row, y + step - _ROW, scale)
        y += step
    return "\n".join([*parts, "</svg>"])


class _Scale(NamedTuple):
    """How seconds become pixels."""

    began: float
    seconds: float

    def x(self, at: float) -> float:
        return _LEFT + _PLOT * min(max((at - self.began) / self.seconds, 0.0), 1.0)

    def grid(self, height: float) -> Iterator[str]:
        step = _round_step(self.seconds / _TICKS)
        for number in range(int(self.seconds / step + 1e-9) + 1):
            x = self.x(self.began + number * step)
            label = duration(number * step) if number else "0"
            yield f'<path class="grid" d="M{x:.1f} {_AXIS - 8}V{height - 6:g}"/>'
            yield f'<text class="tick" x="{x:.1f}" y="{_AXIS - 13}">{escape(label)}</text>'


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
    for one in migrations:
        bar = Bar(one.began, one.began + one.seconds, "migration bad" if one.error else "migration", wording.title(one))
        status = "failed" if one.error else f"{duration(one.seconds)}, {wording.rows(one)}"
        yield Row(wording.title(one), (bar,), status, "file")
    blocking: dict[str, list[Bar]] = {}
    for one in migrations:
        for held in wording.strongest(one):
            if held.mode in wording.BLOCKS and not held.new:
                # A lock is given back when its transaction ends, and with it, mostly, the migration.
                ended = one.began + one.seconds
                title = f"{wording.lock(held)} ({one.file})"
                kind = "reads" if held.mode == wording.STRONGEST else "writes"
                blocking.setdefault(held.table, []).append(Bar(ended - held.seconds, ended, f"lock {kind}", title))
    if blocking:
        yield Row("Tables that others had to wait for", style="locks")
    for table, bars in blocking.items():
        total = duration(sum(bar.ended - bar.began for bar in bars))
        kept = "reads and writes" if any(bar.style.endswith("reads") for bar in bars) else "writes"
        yield Row(table, tuple(bars), f"{kept} blocked for {total}", "table")


def _draw(row: Row, y: float, scale: _Scale) -> Iterator[str]:
    base = y + _ROW / 2 + 4
    if not row.bars:
        yield _text(0, base, f"head {row.style}", row.label, WIDTH - 20)
        return
    indent = {"container": 26, "resource": 12, "file": 12, "table": 12}[row.style]
    yield _text(indent, base, f"label {row.style}", row.label, _LABEL - indent, font=_MONO)
    top = y + (_ROW - _BAR) / 2
    for bar in row.bars:
        x, end = scale.x(bar.began), scale.x(bar.ended)
        width = max(end - x, _LEAST_BAR)
        yield (
            f'<rect class="bar {escape(bar.style)}" x="{min(x, _LEFT + _PLOT - width):.1f}" y="{top:g}" '
            f'width="{width:.1f}" height="{_BAR}" rx="2"><title>{escape(bar.title)}</title></rect>'
        )
    yield _text(_STATUS, base, "status", row.status, WIDTH - _STATUS)


def _text(x: float, y: float, style: str, text: str, room: float, *, font: Font = _TEXT) -> str:
    shown = shorten(text, room, font)
    title = f"<title>{escape(text)}</title>" if shown != text else ""
    return f'<text class="{escape(style)}" x="{x:g}" y="{y:g}">{title}{escape(shown)}</text>'


def _summary(sync: SyncRun, migrations: Sequence[MigrationRun]) -> str:
    steps = counted(len(sync.steps), "step")
    return f"Timeline of {wording.sync_line(sync)}; {steps}, {counted(len(migrations), 'migration')}"


def _round_step(seconds: float) -> float:
    """Return the next of 1, 2, 5, 10, 20 ... (or 0.1, 0.2 ...) seconds that is not shorter."""
    size = 0.001
    while True:
        for factor in _STEPS:
            if size * factor >= seconds:
                return size * factor
        size *= 10
