"""What is known of each migration, put together: the log's times, the second run's locks and rows, its file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from aegisgen.rehearsal.observe.attribute import Executed, changes
from aegisgen.rehearsal.observe.files import UNATTRIBUTED, Files, said_to_fail
from aegisgen.rehearsal.observe.sample import INTERVAL_SECONDS, Seen
from aegisgen.rehearsal.observe.second_run import Effects
from aegisgen.rehearsal.observe.serverlog import Statement
from aegisgen.rehearsal.outcome import MigrationRun, TableLock

MOST_STATEMENTS = 200
CUT = "the session was cut before COMMIT; PostgreSQL took the transaction back"
HALF_DONE = "it ended before its tool recorded it; what it executed outside a transaction stays"
_NOT_RECORDED = "no bookkeeping of a known tool names these statements"

# From the strongest to the weakest (PostgreSQL's documentation, "Table-Level Locks").
MODES = (
    "AccessExclusiveLock",
    "ExclusiveLock",
    "ShareRowExclusiveLock",
    "ShareLock",
    "ShareUpdateExclusiveLock",
    "RowExclusiveLock",
    "RowShareLock",
    "AccessShareLock",
)


class Evidence(NamedTuple):
    """What locks and rows are told from. `effects` is by transaction; `missing` says why it lacks some."""

    effects: Mapping[int, Effects]
    """By the identity of the transaction."""
    missing: str
    samples: Sequence[Seen]
    tables: Mapping[int, str]
    """The names of the tables that samples speak of."""


def assemble(
    found: Sequence[Executed],
    evidence: Evidence,
    files: Files,
    *,
    logs: Iterable[str],
    applied: Iterable[str],
    scenario_time: Callable[[float], float],
) -> tuple[MigrationRun, ...]:
    """Return a record a migration, without advice.

    `applied` are the names that had been recorded before; `scenario_time` takes seconds since 1970.
    """
    names = _names(found, files, said_to_fail(logs), list(applied))
    return tuple(
        _record(one, name, evidence, files, scenario_time=scenario_time) for one, name in zip(found, names, strict=True)
    )


def _record(
    one: Executed, name: str, evidence: Evidence, files: Files, *, scenario_time: Callable[[float], float]
) -> MigrationRun:
    began = min((statement.began for statement in one.statements), default=one.ended)
    exact = all(id(part.transaction) in evidence.effects for part in one.parts if changes(part.statements))
    notes = [] if exact else [f"locks were sampled every {INTERVAL_SECONDS * 1000:.0f} ms: {evidence.missing}"]
    failed = one.failed
    error = failed.error if failed else ""
    if not one.complete and not failed:
        if one.lost:
            error = CUT
        elif one.kept:
            error = HALF_DONE
        else:
            notes.append(_NOT_RECORDED)
    locks, rows = (
        _exact(one, evidence) if exact else (sampled(began, one.ended, evidence.samples, evidence.tables), None)
    )
    return MigrationRun(
        file=files.locate(name) if name else UNATTRIBUTED,
        began=max(scenario_time(began), 0.0),
        seconds=max(one.ended - began, 0.0),
        rows=rows,
        statements=_texts(one.statements),
        locks=locks,
        failed_statement=_refused(one, failed, evidence),
        error=error,
        reverts=one.reverts,
        note="; ".join(notes),
    )


def _exact(one: Executed, evidence: Evidence) -> tuple[tuple[TableLock, ...], int | None]:
    held: dict[tuple[str, str, bool], float] = {}
    rows = 0
    for part in one.parts:
        effects = evidence.effects.get(id(part.transaction))
        if effects is None:
            continue
        mine = {
            place for place, one in enumerate(part.transaction.statements) if any(one is it for it in part.statements)
        }
        rows += sum(effects.rows[place] for place in mine)
        for taken in effects.taken:
            if taken.statement in mine:
                key = (taken.table, taken.mode, taken.new)
                seconds = part.transaction.ended - part.transaction.statements[taken.statement].began
                held[key] = held.get(key, 0.0) + max(seconds, 0.0)
    locks = [TableLock(table, mode, seconds, new) for (table, mode, new), seconds in held.items()]
    return _sorted(locks), rows


def sampled(began: float, ended: float, samples: Iterable[Seen], tables: Mapping[int, str]) -> tuple[TableLock, ...]:
    """Return the locks that were seen between two moments, in seconds since 1970."""
    held: dict[tuple[str, str], float] = {}
    for seen in samples:
        first, last = max(seen.first, began), min(seen.last, ended)
        name = tables.get(seen.relation)
        if name and first <= last:
            held[name, seen.mode] = held.get((name, seen.mode), 0.0) + last - first
    return _sorted([TableLock(table, mode, seconds) for (table, mode), seconds in held.items()])


def _sorted(locks: Iterable[TableLock]) -> tuple[TableLock, ...]:
    """The strongest first; tables that nobody else can see yet come last."""
    return tuple(sorted(locks, key=lambda one: (one.new, MODES.index(one.mode), one.table)))


def _texts(statements: Sequence[Statement]) -> tuple[str, ...]:
    """Each text once where it comes several times in a row."""
    texts = [one.text.strip() for one in statements]
    found = [text for place, text in enumerate(texts) if place == 0 or text != texts[place - 1]]
    more = len(found) - MOST_STATEMENTS
    return (*found[:MOST_STATEMENTS], f"-- and {more} more") if more > 0 else tuple(found)


def _refused(one: Executed, failed: Statement | None, evidence: Evidence) -> str:
    if failed is None:
        return ""
    part = next(part for part in one.parts if any(failed is it for it in part.statements))
    effects = evidence.effects.get(id(part.transaction))
    return (effects.refused if effects else "") or failed.text.strip()


def _names(found: Sequence[Executed], files: Files, said: Sequence[str], applied: list[str]) -> list[str]:
    """Return each one's name; of what failed nobody recorded it: its tool said it, or a later attempt has it."""
    names: list[str] = []
    for place, one in enumerate(found):
        name = one.name
        if not name and not one.complete and one.kept:
            told = (name for name in said if name not in applied)
            name = next(told, "") or _same_again(one, found[place + 1 :]) or files.next_after(applied)
        names.append(name)
        if one.complete:
            applied = [other for other in applied if other != name] if one.reverts else [*applied, name]
    return names


def _same_again(one: Executed, later: Iterable[Executed]) -> str:
    first = one.statements[0].text if one.statements else ""
    return next(
        (other.name for other in later if other.complete and other.statements and other.statements[0].text == first), ""
    )
