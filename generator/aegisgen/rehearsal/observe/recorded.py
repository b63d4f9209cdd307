"""Migrations on a server of the user's own, whose log is not ours to read: what their tools wrote down.

The tools' tables tell names and times. What these tables look like: their tools' documentation, and for Knex, Django
and golang-migrate the statements that make them.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

import psycopg

from aegisgen.rehearsal.outcome import MigrationRun
from aegisgen.rehearsal.postgres.sessions import Login, connect
from aegisgen.rehearsal.sources import Files
from aegisgen.tools import TOOLS

NOTE = (
    "the server is your own, so its log is not read: times are those that the tool wrote down (where it writes the end "
    "only, they count from the migration before), and what was executed and locked is not known"
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
    recorded_rows: list[Row] = []
    with suppress(psycopg.Error), connect(login) as session:
        for table, columns in session.execute(_TABLES).fetchall():
            what = next((what for needed, what in _BOOKS if set(needed.split()) <= set(columns)), "")
            if what:
                rows = session.execute(f"SELECT {what} FROM {table}".encode()).fetchall()  # noqa: S608 -- ours, quoted
                recorded_rows += [Row(str(name), _seconds(began), _seconds(ended)) for name, began, ended in rows]
    return tuple(recorded_rows)


def migrations(
    before: Sequence[Row], after: Sequence[Row], files: Files, since: float, start: float
) -> tuple[MigrationRun, ...]:
    """Return a record for each migration that was written down since a moment; `start` is the scenario's.

    Both are seconds since 1970.
    """
    known = {row.name for row in before}
    records = []
    earlier = since
    for row in sorted((row for row in after if row.name not in known), key=lambda row: row.ended or since):
        ended = max(row.ended or earlier, earlier)
        began = min(row.began or earlier, ended)
        records.append(MigrationRun(files.locate(row.name), max(began - start, 0.0), ended - began, note=NOTE))
        earlier = ended
    return tuple(records)


def _seconds(moment: object) -> float | None:
    return moment.timestamp() if isinstance(moment, datetime) else None
