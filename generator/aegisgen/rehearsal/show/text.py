"""A rehearsal for people: the table of scenarios, what failed and why, what the migrations did.

Failures come first, each with what was expected and what was there, the pods as kubectl shows them and the end of the
logs. No control character of a log or a name reaches the terminal: they come out as visible escapes.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from io import StringIO
from typing import NamedTuple, TextIO

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from aegisgen.output.numbers import counted, duration
from aegisgen.output.visible import visible
from aegisgen.rehearsal.outcome import Rehearsal, ScenarioRun, SyncRun, Verdict
from aegisgen.rehearsal.show import wording
from aegisgen.rehearsal.show.pods import COLUMNS, pods
from aegisgen.rehearsal.show.release import sections

_LOG_LINES = 12
# Narrower terminals get the mark alone, and keep the room for the reason.
_WIDE = 90
_STATEMENT = 300
_WHOLE = {"scenario", "verdict", "took", "rows"}


# A file or a pipe has no width; CI systems show this much.
_UNKNOWN_WIDTH = 120
_NARROWEST = 40


class View(NamedTuple):
    """How wide text may get, in columns, and whether it may be coloured."""

    width: int = _UNKNOWN_WIDTH
    colour: bool = False

    @classmethod
    def of(cls, stream: TextIO) -> View:
        """Return what `stream` takes: colour on a terminal only, and not where NO_COLOR forbids it."""
        if not stream.isatty():
            return cls()
        width = shutil.get_terminal_size((_UNKNOWN_WIDTH, 0)).columns
        return cls(max(width, _NARROWEST), colour=not os.environ.get("NO_COLOR"))


def render(rehearsal: Rehearsal, view: View | None = None) -> str:
    """Return the report, its lines no wider than the view where they can be wrapped at all."""
    view = view or View()
    console = Console(
        file=StringIO(),
        width=view.width,
        force_terminal=view.colour,
        color_system="standard" if view.colour else None,
        no_color=not view.colour,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
        _environ={},
    )
    with console.capture() as capture:
        for block in _blocks(rehearsal, view):
            console.print(block, soft_wrap=False)
    # Rich fills its lines up with blanks.
    return "".join(f"{line.rstrip()}\n" for line in capture.get().rstrip().split("\n"))


def _blocks(rehearsal: Rehearsal, view: View) -> Iterator[RenderableType]:
    yield _line(f"Rehearsal of {rehearsal.environment} on {rehearsal.postgres}", "bold")
    for note in rehearsal.notes:
        yield _line(f"note: {note}", "dim")
    yield _line("")
    if rehearsal.scenarios:
        yield _scenarios(rehearsal, wide=view.width >= _WIDE)
        yield _line("")
    for scenario in rehearsal.scenarios:
        if scenario.verdict is Verdict.FAILED:
            yield from _failure(scenario)
    model = wording.model_scenario(rehearsal)
    if model:
        yield _migrations(model)
        yield _line("")
    yield from _advice(rehearsal)
    for section in sections(rehearsal):
        yield _line(section.title, "bold red" if section.bad else "bold")
        yield from map(_indented, section.lines)
        yield _line("")
    failed = any(scenario.verdict is Verdict.FAILED for scenario in rehearsal.scenarios)
    breaks = rehearsal.compatibility is not None and bool(rehearsal.compatibility.breaking)
    colour = "red" if failed or rehearsal.gates else "green" if rehearsal.passed and not breaks else "yellow"
    yield _line(wording.summary(rehearsal), f"bold {colour}")


def _scenarios(rehearsal: Rehearsal, *, wide: bool) -> Table:
    table = _table("scenario", "verdict" if wide else "", "took", "")
    for scenario in wording.worst_first(rehearsal.scenarios):
        colour = wording.COLOURS[scenario.verdict]
        why = scenario.reason if scenario.verdict is not Verdict.PASSED else scenario.title
        table.add_row(
            _line(scenario.name, "bold"),
            _line(f"{wording.MARKS[scenario.verdict]} {scenario.verdict if wide else ''}", colour),
            _line(duration(scenario.seconds) if scenario.verdict in {Verdict.PASSED, Verdict.FAILED} else ""),
            _line(why, "" if scenario.verdict in {Verdict.FAILED, Verdict.NOT_REHEARSED} else "dim"),
        )
    return table


def _failure(scenario: ScenarioRun) -> Iterator[RenderableType]:
    yield _line(f"{wording.MARKS[scenario.verdict]} {scenario.name}: {scenario.title}", "bold red")
    facts = []
    broken = [expectation for expectation in scenario.expectations if not expectation.passed]
    for expectation in broken:
        facts += [("expected", expectation.text, ""), ("got", expectation.got, "red")]
    if passed := len(scenario.expectations) - len(broken):
        facts.append(("passed", counted(passed, "other expectation"), "dim"))
    if not broken:
        facts.append(("reason", scenario.reason, "red"))
    yield _facts(facts)
    for sync in scenario.syncs:
        yield from _sync(sync)
    for migration in wording.broken(scenario.migrations):
        applied = ", ".join(wording.applied_before(migration, scenario.migrations)) or "nothing in this scenario"
        yield _line("")
        yield _facts(
            [
                ("migration", migration.file, ""),
                (wording.speaker(migration), migration.error, "red"),
                ("statement", _short(migration.failed_statement), ""),
                ("applied", applied, ""),
                *((title, text, "") for title, text in wording.reasons(migration)),
            ]
        )
    yield _line("")


def _sync(sync: SyncRun) -> Iterator[RenderableType]:
    yield _line("")
    yield _line(wording.sync_line(sync), "bold")
    for step in sync.steps if not sync.succeeded else ():
        if step.detail:
            yield _indented(f"{step.phase} wave {step.wave}, {step.resource}: {step.status}: {step.detail}")
    rows = pods(sync)
    if rows:
        yield _line("")
        table = _table(*COLUMNS)
        for row in rows:
            table.add_row(*map(_line, row))
        yield table
    # Of each container the last failing attempt: earlier ones mostly say the same.
    last = {
        (step.resource, run.container): run for step in sync.steps for run in filter(wording.failing, step.containers)
    }
    for run in last.values():
        yield _line("")
        yield _line(f"{run.pod}/{run.container}, attempt {run.attempt}, {wording.ending(run)}", "bold")
        lines = (run.log or run.message).rstrip().splitlines()
        if len(lines) > _LOG_LINES:
            yield _indented(f"... {counted(len(lines) - _LOG_LINES, 'line')} before", "dim")
        yield from map(_indented, lines[-_LOG_LINES:])


def _migrations(scenario: ScenarioRun) -> RenderableType:
    table = _table("migration", "took", "rows", "locks", title=f"Migrations, as they ran in {visible(scenario.name)}")
    for migration in scenario.migrations:
        locks: RenderableType = Text("\n").join(
            map(_line, (*map(wording.lock, wording.strongest(migration)), *wording.rewritten(migration)))
        )
        table.add_row(
            _line(wording.title(migration), "red" if migration.error else ""),
            _line(duration(migration.seconds)),
            _line("?" if migration.rows is None else f"{migration.rows:,}"),
            locks,
        )
    notes = dict.fromkeys(migration.note for migration in scenario.migrations if migration.note)
    return Group(table, *(_line(f"note: {note}", "dim") for note in notes))


def _advice(rehearsal: Rehearsal) -> Iterator[RenderableType]:
    counsels = wording.counsels(rehearsal)
    if counsels:
        yield _line(f"squawk on the SQL that was executed: {counted(len(counsels), 'finding')}", "bold")
        for file, advice in counsels:
            yield Text.assemble(_line(f"{file}: "), _line(f"[{advice.rule}]", "yellow"), " ", _line(advice.message))
            yield _line(f"    in: {_short(advice.statement)}", "dim")
            if advice.help:
                yield _line(f"    fix: {advice.help}")
        yield _line("")


def _facts(facts: Iterable[tuple[str, str, str]]) -> Table:
    """A line for each fact that has a text: its title, the text and the text's style."""
    table = Table.grid(padding=(0, 2))
    for title, text, style in facts:
        if text:
            table.add_row(_line(title, "bold"), _line(text, style))
    return table


def _table(*columns: str, title: str = "") -> Table:
    table = Table(
        box=None,
        title=title or None,
        title_justify="left",
        title_style="bold",
        header_style="dim",
        padding=(0, 3, 0, 0),
        pad_edge=False,
    )
    for column in columns:
        # What names something is broken anywhere rather than cut; figures and what `--scenario` takes stay whole.
        table.add_column(column, overflow="fold", no_wrap=column in _WHOLE)
    return table


def _line(text: str, style: str = "") -> Text:
    """Return one line that holds nothing but what prints."""
    return Text(visible(" ".join(text.splitlines()) if "\n" in text else text), style=style, overflow="fold")


def _indented(text: str, style: str = "") -> Padding:
    return Padding(_line(text, style), (0, 0, 0, 2))


def _short(statement: str) -> str:
    line = " ".join(statement.split())
    return line if len(line) <= _STATEMENT else f"{line[:_STATEMENT]}..."
