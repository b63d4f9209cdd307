"""How each migration tool writes down, in the database, what it has applied: that is where one migration ends.

A row is recognised by its columns, not by its table, whose name projects may change. Most tools insert it after the
migration; Prisma and golang-migrate insert it before, and come back to it.
Sources: the statements themselves as Knex 3.3, Alembic 1.20, Django 5.2 and golang-migrate 4.19 were seen to execute
them; for Prisma, Flyway and Liquibase, the tables' definitions in their documentation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from aegisgen.rehearsal.observe.serverlog import Statement
from aegisgen.tools import TOOLS

Row = Mapping[str, str]


class Mark(NamedTuple):
    """A row of bookkeeping that was written."""

    event: str
    """`begins`; `ends`: what was executed since the last mark belongs to it; `reverts`: that took it back."""
    name: str
    """The tool's own for the migration; empty where only its own earlier mark knows it."""
    table: str


# aegisgen's own record is no migration's.
_KNOWN = frozenset({"aegisgen_runs", "aegisgen_syncs"}.union(*(tool.tables for tool in TOOLS.values())))
# The most columns first: they tell more.
_WRITTEN = sorted(
    (written for tool in TOOLS.values() for written in tool.written), key=lambda written: -len(written.columns.split())
)
_IDENTIFIER = r'(?:"(?:[^"]|"")+"|[A-Za-z_]\w*)'
_TABLE = rf"({_IDENTIFIER}(?:\.{_IDENTIFIER})?)"
_INSERT = re.compile(rf"\s*insert\s+into\s+{_TABLE}\s*\(([^)]*)\)\s*values\s*\((.*)", re.IGNORECASE | re.DOTALL)
_UPDATE = re.compile(rf"\s*update\s+{_TABLE}\s+set\s+(.*)", re.IGNORECASE | re.DOTALL)
_DELETE = re.compile(rf"\s*delete\s+from\s+{_TABLE}\s+where\s+(.*)", re.IGNORECASE | re.DOTALL)
# Knex makes its tables before its first mark, under whatever names.
_KNEX_TABLE = re.compile(
    rf'\s*create table (?:if not exists )?{_TABLE} \((?:"id" serial primary key, "name" varchar\(255\), "batch"'
    r'|"index" serial primary key, "is_locked")',
    re.IGNORECASE,
)
_VALUE = r"(\$\d+|NULL|E?'(?:[^']|'')*'|[^,()\s]+(?:\([^()]*\))?)(?:::\w+)?"
_VALUES = re.compile(rf"\s*{_VALUE}\s*(?:,|\))", re.IGNORECASE)
_EQUALS = re.compile(rf"(?:{_IDENTIFIER}\.)*({_IDENTIFIER})\s*=\s*{_VALUE}", re.IGNORECASE)
_TRUE = {"true", "t", "1"}


# A row is short; a migration's own INSERT need not be.
_LONGEST_ROW = 20_000


def mark(statement: Statement, tables: Iterable[str] = _KNOWN) -> Mark | None:
    """Return what the statement writes down; None where it is no row of bookkeeping.

    An INSERT tells by its columns. What updates and deletes tells nothing by itself, and counts in one of `tables`.
    """
    text = statement.text
    if statement.error or len(text) > _LONGEST_ROW:
        return None
    if match := _INSERT.match(text):
        names = [_plain(name.strip()).lower() for name in match[2].split(",")]
        values = [_value(value, statement.values) for value in _VALUES.findall(match[3])]
        row = {**dict.fromkeys(names, ""), **dict(zip(names, values, strict=False))}
        return _mark("insert", row, match[1])
    for verb, pattern in (("update", _UPDATE), ("delete", _DELETE)):
        match = pattern.match(text)
        if match and _bare(match[1]) in set(tables):
            return _mark(verb, _equalities(match[2], statement.values), match[1])
    return None


def _mark(verb: str, row: Row, table: str) -> Mark | None:
    for written in _WRITTEN:
        if written.verb == verb and row.keys() >= set(written.columns.split()):
            begins = bool(written.begins_if) and row[written.begins_if].lower() in _TRUE
            return Mark("begins" if begins else written.event, written.name.format_map(row), _plain(table))
    return None


def bookkeeping_tables(statements: Iterable[Statement]) -> frozenset[str]:
    """Return the names, without schemas, of the tables that hold bookkeeping, and of the locks beside them."""
    tables = set(_KNOWN)
    for statement in statements:
        if made := _KNEX_TABLE.match(statement.text):
            tables.add(_bare(made[1]))
        if written := mark(statement):
            tables.add(_bare(written.table))
    return frozenset(tables | {f"{name}_lock" for name in tables} | {"databasechangeloglock"})


def mentions(tables: Iterable[str]) -> re.Pattern[str]:
    """Return what finds one of the tables in a statement."""
    names = "|".join(map(re.escape, sorted(tables, key=len, reverse=True)))
    return re.compile(rf"(?<!\w)(?:{names})(?!\w)", re.IGNORECASE)


def _equalities(text: str, values: tuple[str | None, ...]) -> Row:
    """Return the first value of each column: what an UPDATE sets comes before what it looks for."""
    return {_plain(name).lower(): _value(value, values) for name, value in reversed(_EQUALS.findall(text))}


def _value(text: str, values: tuple[str | None, ...]) -> str:
    if text.startswith("$"):
        place = int(text[1:]) - 1
        return (values[place] or "") if place < len(values) else ""
    return text.removeprefix("E")[1:-1].replace("''", "'") if text.endswith("'") else text


def _plain(identifier: str) -> str:
    return ".".join(part.strip('"') for part in identifier.split("."))


def _bare(identifier: str) -> str:
    return _plain(identifier).rpartition(".")[2]
