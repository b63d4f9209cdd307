"""Migrations on a server of the user's own, whose log is not ours to read: what their tools wrote down, and samples.

The tools' tables tell names and times. What these tables look like: their tools' documentation, and for Knex, Django
and golang-migrate the statements that make them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

import psycopg

from aegisgen.rehearsal.observe.files import Files
from aegisgen.rehearsal.observe.migrations import sampled
from aegisgen.rehearsal.observe.sample import INTERVAL_SECONDS, Seen
from aegisgen.rehearsal.outcome import MigrationRun
from aegisgen.rehearsal.postgres.sessions import Login, connect
from aegisgen.tools import TOOLS

NOTE = (
    "the server is your own, so its log is not read: times are those that the tool wrote down, locks were sampled "
    f"every {INTERVAL_SECONDS * 1000:.0f} ms, and what was executed is not known"
)


class Row(NamedTuple):
    """What a tool wrote down about one migration; times in seconds since 1970, None where it writes none."""

    name: str
    began: float | None
    ended: float | None


_BOOKS = sorted((tool.recorded for tool in TOOLS.values() if tool.tables), key=lambda book: -len(book[0].split()))
_TABLES = """
SELECT format('%I.%I', table_schema, table_name), array_agg(column_name::text) FROM information_schema.columns
WHERE table_schema NOT IN ('pg_catalog', 'information_schema') GROUP BY table_schema, table_name ORDER BY 1
"""


def recorded(login: Login) -> tuple[Row, ...]:
    """Return what tools have written down so far, in the order of their tables and rows."""
    found: list[Row] = []
    with suppress(psycopg.Error), connect(login) as session:
        for table, columns in session.execute(_TABLES).fetchall():
            what = next((what for needed, what in _BOOKS if set(needed.split()) <= set(columns)), "")
            if what:
                rows = session.execute(f"SELECT {what} FROM {table}".encode()).fetchall()  # noqa: S608 -- ours, quoted
                found += [Row(str(name), _seconds(began), _seconds(ended)) for name, began, ended in rows]
    return tuple(found)


def migrations(
    before: Sequence[Row],
    after: Sequence[Row],
    *,
    files: Files,
    samples: Sequence[Seen],
    tables: Mapping[int, str],
    start: float,
    scenario_time: Callable[[float], float],
) -> tuple[MigrationRun, ...]:
    """Return a record for each migration that was written down since `start`."""
    known = {row.name for row in before}
    fresh = sorted((row for row in after if row.name not in known), key=lambda row: row.ended or start)
    found = []
    earlier = start
    for row in fresh:
        ended = max(row.ended or earlier, earlier)
        # A tool that writes the end only is taken to have begun with the first lock after the migration before.
        first = min((seen.first for seen in samples if earlier <= seen.first <= ended), default=ended)
        began = min(row.began or first, ended)
        found.append(
            MigrationRun(
                file=files.locate(row.name),
                began=max(scenario_time(began), 0.0),
                seconds=ended - began,
                locks=sampled(began, ended, samples, tables),
                note=NOTE,
            )
        )
        earlier = ended
    return tuple(found)


def _seconds(moment: object) -> float | None:
    return moment.timestamp() if isinstance(moment, datetime) else None
