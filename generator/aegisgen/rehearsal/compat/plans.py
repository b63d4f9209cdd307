"""Queries of pg_stat_statements, planned on a schema: whether they would run, without running them.

EXPLAIN (GENERIC_PLAN) takes texts with $1 since PostgreSQL 16; on an older server they are prepared, and the generic
plan is forced. An INSERT that leaves out a column which must not be NULL and has no default is planned all the same;
the plan's target list shows NULL in the column's place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import psycopg
from psycopg import errors

from aegisgen.rehearsal.compat.files import Query
from aegisgen.rehearsal.observe.script import split

GENERIC = 160000
"""The server's version since which EXPLAIN knows GENERIC_PLAN."""
_PLANNED = re.compile(
    r"(?:\s|--[^\n]*\n|/\*.*?\*/|\()*(?:select|insert|update|delete|merge|with|values|table)\b",
    re.IGNORECASE | re.DOTALL,
)
_PARAMETER = re.compile(r"\$(\d+)")
_EXPLAIN = "EXPLAIN ({}VERBOSE, COSTS OFF, FORMAT JSON) "
# A trigger may give what the INSERT leaves out.
_REQUIRED = """
SELECT n.nspname, c.relname, array_agg(CASE WHEN a.attnotnull AND NOT a.attisdropped AND a.attgenerated = ''
  THEN a.attname::text END ORDER BY a.attnum)
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE a.attnum > 0 AND c.relkind IN ('r', 'p') AND c.oid >= 16384
AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgtype & 7 = 7 AND NOT t.tgisinternal)
GROUP BY n.nspname, c.relname
"""
_Required = Mapping[tuple[str, str], Sequence[str | None]]


class _Insert(NamedTuple):
    """A node of a plan that inserts."""

    table: tuple[str, str]
    output: Sequence[str]
    """The target list of what it inserts."""


def split_off_utilities(queries: Sequence[Query]) -> tuple[list[Query], int]:
    """Return the queries that have a plan, and how many have none. What holds several statements has none here."""
    planned = [query for query in queries if _PLANNED.match(query.text) and len(split(query.text)) == 1]
    return planned, len(queries) - len(planned)


def failures(session: psycopg.Connection, queries: Sequence[Query], *, generic: bool | None = None) -> dict[Query, str]:
    """Return the queries that would fail, each with the reason; nothing of the session or the database changes.

    They are planned with the search_path that the session began with. `generic`: by GENERIC_PLAN; by default where the
    server has it.
    """
    if generic is None:
        generic = session.info.server_version >= GENERIC
    with session.transaction(force_rollback=True):
        session.execute("SET LOCAL search_path TO DEFAULT")
        session.execute("SET LOCAL plan_cache_mode TO force_generic_plan")
        required = {(schema, name): columns for schema, name, columns in session.execute(_REQUIRED).fetchall()}
        reasons = ((query, _failure(session, query.text, required, generic=generic)) for query in queries)
        return {query: reason for query, reason in reasons if reason}


def _failure(session: psycopg.Connection, text: str, required: _Required, *, generic: bool) -> str:
    try:
        with session.transaction(force_rollback=True):
            plan = _explained(session, text) if generic else _prepared(session, text)
    except errors.QueryCanceled:
        raise
    except psycopg.Error as error:
        return str(error).split("\n", 1)[0]
    for node in _inserts(plan):
        for column, value in zip(required.get(node.table, ()), node.output, strict=False):
            if column and value.startswith("NULL::"):
                return (
                    f'null value in column "{column}" of "{node.table[1]}": the INSERT leaves it out, it has no default'
                )
    return ""


def _explained(session: psycopg.Connection, text: str) -> object:
    row = session.execute((_EXPLAIN.format("GENERIC_PLAN, ") + text).encode()).fetchone()
    return row[0] if row else None


def _prepared(session: psycopg.Connection, text: str) -> object:
    session.execute(f"PREPARE aegisgen_query AS {text}".encode())
    try:
        count = max((int(number) for number in _PARAMETER.findall(text)), default=0)
        values = f"({', '.join(['NULL'] * count)})" if count else ""
        with session.transaction(force_rollback=True):
            row = session.execute((_EXPLAIN.format("") + f"EXECUTE aegisgen_query{values}").encode()).fetchone()
        return row[0] if row else None
    finally:
        session.execute("DEALLOCATE aegisgen_query")


def _inserts(plan: object) -> Iterator[_Insert]:
    if isinstance(plan, list):
        for part in plan:
            yield from _inserts(part)
    elif isinstance(plan, dict):
        if plan.get("Operation") == "Insert":
            outputs = (node["Output"] for node in plan.get("Plans", ()) if "Output" in node)
            yield _Insert((plan.get("Schema", ""), plan.get("Relation Name", "")), next(outputs, ()))
        for part in plan.values():
            if isinstance(part, list | dict):
                yield from _inserts(part)
