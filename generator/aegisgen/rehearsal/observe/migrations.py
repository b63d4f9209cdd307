"""What is known of each migration, put together: the log's times, the second run's locks and rows, its file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from aegisgen.rehearsal.observe.attribute import Executed, changes
from aegisgen.rehearsal.observe.second_run import Effects
from aegisgen.rehearsal.observe.serverlog import Statement
from aegisgen.rehearsal.outcome import MigrationRun, TableLock
from aegisgen.rehearsal.sources import UNATTRIBUTED, Files, failed_names

MOST_STATEMENTS = 200
CUT = "the session was cut before COMMIT; PostgreSQL took the transaction back"
HALF_DONE = "it ended before its tool recorded it; what it executed outside a transaction stays"
COPIED = "rows are not known: COPY FROM STDIN, whose data is in no log"
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


def assemble(
    executed: Sequence[Executed],
    effects: Mapping[int, Effects],
    missing: str,
    files: Files,
    *,
    logs: Iterable[str],
    applied: Iterable[str],
    start: float,
) -> tuple[MigrationRun, ...]:
    """Return a record a migration, without advice.

    `effects` are the second run's, by the identity of the transaction, and `missing` says why some lack. `applied` are
    the names that had been recorded before; `start` is the scenario's, in seconds since 1970.
    """
    names = _names(executed, files, failed_names(logs), list(applied))
    return tuple(
        _record(migration, files.locate(name) if name else UNATTRIBUTED, effects, missing, start)
        for migration, name in zip(executed, names, strict=True)
    )


def _record(migration: Executed, file: str, effects: Mapping[int, Effects], missing: str, start: float) -> MigrationRun:
    began = min((statement.began for statement in migration.statements), default=migration.ended)
    exact = all(id(part.transaction) in effects for part in migration.parts if changes(part.statements))
    notes = [] if exact else [f"locks and rows are not known: {missing}"]
    failed = migration.failed
    error = failed.error if failed else ""
    if not migration.complete and not failed:
        if migration.lost:
            error = CUT
        elif migration.kept:
            error = HALF_DONE
        else:
            notes.append(_NOT_RECORDED)
    locks, rows = _exact(migration, effects) if exact else ((), None)
    if exact and rows is None:
        notes.append(COPIED)
    return MigrationRun(
        file=file,
        began=max(began - start, 0.0),
        seconds=max(migration.ended - began, 0.0),
        rows=rows,
        statements=_texts(migration.statements),
        locks=locks,
        failed_statement=_refused(migration, failed, effects),
        error=error,
        rewritten=_rewritten(migration, effects),
        reverts=migration.reverts,
        note="; ".join(notes),
    )


def _exact(migration: Executed, effects: Mapping[int, Effects]) -> tuple[tuple[TableLock, ...], int | None]:
    held: dict[tuple[str, str, bool], float] = {}
    rows: int | None = 0
    for part in migration.parts:
        effect = effects.get(id(part.transaction))
        if effect is None:
            continue
        statements = part.transaction.statements
        mine = {place for place, one in enumerate(statements) if any(one is own for own in part.statements)}
        rows = None if rows is None or effect.rows is None else rows + sum(effect.rows[place] for place in mine)
        for taken in effect.taken:
            if taken.statement in mine:
                key = (taken.table, taken.mode, taken.new)
                seconds = part.transaction.ended - statements[taken.statement].began
                held[key] = held.get(key, 0.0) + max(seconds, 0.0)
    return _sorted(TableLock(table, mode, seconds, new) for (table, mode, new), seconds in held.items()), rows


def _rewritten(migration: Executed, effects: Mapping[int, Effects]) -> tuple[str, ...]:
    tables: dict[str, None] = {}
    for part in migration.parts:
        if effect := effects.get(id(part.transaction)):
            statements = part.transaction.statements
            mine = {place for place, one in enumerate(statements) if any(one is own for own in part.statements)}
            tables |= dict.fromkeys(table for place, table in effect.rewritten if place in mine)
    return tuple(tables)


def _sorted(locks: Iterable[TableLock]) -> tuple[TableLock, ...]:
    """The strongest first; tables that nobody else can see yet come last."""
    return tuple(sorted(locks, key=lambda lock: (lock.new, MODES.index(lock.mode), lock.table)))


def _texts(statements: Sequence[Statement]) -> tuple[str, ...]:
    """Each text once where it comes several times in a row."""
    texts = [statement.text.strip() for statement in statements]
    shown = [text for place, text in enumerate(texts) if place == 0 or text != texts[place - 1]]
    more = len(shown) - MOST_STATEMENTS
    return (*shown[:MOST_STATEMENTS], f"-- and {more} more") if more > 0 else tuple(shown)


def _refused(migration: Executed, failed: Statement | None, effects: Mapping[int, Effects]) -> str:
    if failed is None:
        return ""
    part = next(part for part in migration.parts if any(failed is own for own in part.statements))
    effect = effects.get(id(part.transaction))
    return (effect.refused if effect else "") or failed.text.strip()


def _names(executed: Sequence[Executed], files: Files, failed: Sequence[str], applied: list[str]) -> list[str]:
    """Return the migrations' names; empty where nothing tells it.

    Failed migrations have no row: read them from the tool's output (`failed`), else from the attempt that succeeded
    later, else it is the next file of the folder.
    """
    names: list[str] = []
    for place, migration in enumerate(executed):
        name = migration.name
        if not name and not migration.complete and migration.kept:
            told = (name for name in failed if name not in applied)
            name = next(told, "") or _same_again(migration, executed[place + 1 :]) or files.next_after(applied)
        names.append(name)
        if migration.complete:
            applied = [other for other in applied if other != name] if migration.reverts else [*applied, name]
    return names


def _same_again(migration: Executed, later: Iterable[Executed]) -> str:
    first = migration.statements[0].text if migration.statements else ""
    return next(
        (other.name for other in later if other.complete and other.statements and other.statements[0].text == first), ""
    )
