"""What the new migrations mean for the running release and its users: the words that text, JUnit and the page share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from aegisgen.output.numbers import counted, duration
from aegisgen.rehearsal.compat.records import BrokenQuery, Compatibility
from aegisgen.rehearsal.outcome import Rehearsal

_MOST_QUERIES = 50
_LONGEST_QUERY = 200
# Less is what the machine's other work delays.
_NOTICED_SECONDS = 0.05


class Section(NamedTuple):
    """A title, and a line for each fact."""

    title: str
    lines: tuple[str, ...]
    bad: bool


def sections(rehearsal: Rehearsal) -> list[Section]:
    """Return what is known, the worst first; nothing where nothing was asked."""
    found = [Section("Stopped by --fail-on", rehearsal.gates, bad=True)] if rehearsal.gates else []
    if rehearsal.compatibility:
        found.append(_release(rehearsal.compatibility))
    if rehearsal.waits:
        found.append(Section("Users while the pending migrations ran", tuple(_waits(rehearsal)), bad=False))
    if rehearsal.filled:
        found.append(_rows(rehearsal))
    return found


def _release(compatibility: Compatibility) -> Section:
    title = "The running release on the new schema: "
    if compatibility.note and not compatibility.changes:
        return Section(title + compatibility.note, (), bad=False)
    queries = compatibility.planned
    breaking = len(compatibility.breaking)
    if queries:
        title += f"{len(compatibility.broken):,} of {counted(queries, 'query').replace('querys', 'queries')} break"
    elif breaking:
        title += f"{counted(breaking, 'change')} may break it; --queries tells which of its queries"
    else:
        title += "no change breaks it"
    title += f"; {compatibility.note}" if compatibility.note else ""
    return Section(title, tuple(_lines(compatibility)), bad=bool(breaking))


def _lines(compatibility: Compatibility) -> Iterator[str]:
    for query in compatibility.broken[:_MOST_QUERIES]:
        yield f"breaks{_rate(query)}: {_short(query.query)}"
        yield f"    {query.error}{_since(query.migration)}"
    if (more := len(compatibility.broken) - _MOST_QUERIES) > 0:
        yield f"and {more:,} more; --format json has all"
    for rename in compatibility.renames:
        yield f"expand and contract in one release: {rename}"
    for change in compatibility.changes:
        yield f"{change.kind}: {change.text}{_since(change.migration)}"
    if compatibility.unplanned or compatibility.skipped:
        yield (
            f"left out: {compatibility.unplanned:,} that cannot be planned on the old schema either, "
            f"{compatibility.skipped:,} that have no plan"
        )


def _rate(query: BrokenQuery) -> str:
    if query.per_second is not None:
        return f" {query.per_second:,.1f} times a second"
    return f", called {query.calls:,} times" if query.calls is not None else ""


def _since(migration: str) -> str:
    return f" ({migration})" if migration else ""


def _waits(rehearsal: Rehearsal) -> Iterator[str]:
    for waits in rehearsal.waits:
        kinds = {"reads": waits.reads, "writes": waits.writes, "reports": waits.reports}
        blocked = [f"{kind} {duration(seconds)}" for kind, seconds in kinds.items() if seconds >= _NOTICED_SECONDS]
        note = f" ({waits.note})" if waits.note else ""
        yield f"{waits.table}: {'blocked: ' + ', '.join(blocked) if blocked else 'nobody waited'}{note}"


def _rows(rehearsal: Rehearsal) -> Section:
    made = sum(table.made for table in rehearsal.filled)
    lines = [
        f"{table.table}: {table.made:,} of {counted(table.wanted, 'row')}: {table.reason}"
        for table in rehearsal.filled
        if table.reason
    ]
    title = f"Made rows: {made:,} in {counted(sum(table.made > 0 for table in rehearsal.filled), 'table')}"
    return Section(title, tuple(lines), bad=False)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_QUERY else f"{line[:_LONGEST_QUERY]}..."
