"""How each migration tool writes down, in the database, what it has applied: that is where one migration ends.

A row is recognised by its columns, not by its table, whose name projects may change. Most tools insert it after the
migration; Prisma and golang-migrate insert it before, and come back to it.
Sources: the statements themselves as Knex 3.3, Alembic 1.20, Django 5.2 and golang-migrate 4.19 were seen to execute
them; for Prisma, Flyway and Liquibase, the tables' definitions in their documentation.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from aegisgen.rehearsal.observe.serverlog import Statement

    Row = Mapping[str, str]


class Event(Enum):
    """What a row says of its migration."""

    BEGINS = "begins"
    ENDS = "ends"
    """What was executed since the last mark belongs to it."""
    STEPS = "steps"
    """It has ended; only the tool's own earlier mark knows which."""
    REVERTS = "reverts"
    """What was executed since the last mark took it back."""


class Mark(NamedTuple):
    """A row of bookkeeping that was written. `name` is the tool's own for the migration."""

    event: Event
    name: str
    table: str


class _Kind(NamedTuple):
    """A statement that marks: its verb, the columns that tell it, and how they name the migration."""

    verb: str
    columns: frozenset[str]
    event: Callable[[Row], Event]
    name: Callable[[Row], str]


_KNOWN = (
    "knex_migrations",
    "alembic_version",
    "flyway_schema_history",
    "_prisma_migrations",
    "django_migrations",
    "schema_migrations",
    "databasechangelog",
    # aegisgen's own record of runs.
    "aegisgen_runs",
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


def _always(event: Event) -> Callable[[Row], Event]:
    return lambda _row: event


def _column(name: str) -> Callable[[Row], str]:
    return lambda row: row[name]


def _kind(verb: str, columns: str, event: Event | Callable[[Row], Event], name: Callable[[Row], str]) -> _Kind:
    return _Kind(verb, frozenset(columns.split()), _always(event) if isinstance(event, Event) else event, name)


def _changeset(row: Row) -> str:
    return f"{row['filename']}::{row['id']}::{row['author']}"


def _dirty(row: Row) -> Event:
    return Event.BEGINS if row["dirty"].lower() in _TRUE else Event.ENDS


KINDS = (
    _kind("insert", "batch migration_time name", Event.ENDS, _column("name")),  # Knex
    _kind("delete", "name app", Event.REVERTS, lambda row: f"{row['app']}.{row['name']}"),  # Django
    _kind("insert", "app name applied", Event.ENDS, lambda row: f"{row['app']}.{row['name']}"),
    _kind("insert", "installed_rank script success", Event.ENDS, _column("script")),  # Flyway
    _kind("insert", "id author filename dateexecuted", Event.ENDS, _changeset),  # Liquibase
    _kind("delete", "id author filename", Event.REVERTS, _changeset),
    _kind("insert", "id checksum migration_name", Event.BEGINS, _column("migration_name")),  # Prisma
    _kind("update", "finished_at id", Event.STEPS, lambda _row: ""),
    _kind("insert", "version dirty", _dirty, _column("version")),  # golang-migrate
    _kind("insert", "version_num", Event.ENDS, _column("version_num")),  # Alembic
    _kind("update", "version_num", Event.ENDS, _column("version_num")),
    _kind("delete", "version_num", Event.REVERTS, _column("version_num")),
    _kind("delete", "name", Event.REVERTS, _column("name")),  # Knex
)
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
        kind = _kind_of("insert", names)
        if kind is None:
            return None
        found = [_value(value, statement.values) for value in _VALUES.findall(match[3])]
        row = {**dict.fromkeys(names, ""), **dict(zip(names, found, strict=False))}
        return Mark(kind.event(row), kind.name(row), _plain(match[1]))
    for verb, pattern in (("update", _UPDATE), ("delete", _DELETE)):
        match = pattern.match(text)
        if match and _bare(match[1]) in set(tables):
            named = _equalities(match[2], statement.values)
            kind = _kind_of(verb, named)
            return Mark(kind.event(named), kind.name(named), _plain(match[1])) if kind else None
    return None


def _kind_of(verb: str, columns: Iterable[str]) -> _Kind | None:
    there = frozenset(columns)
    return next((kind for kind in KINDS if kind.verb == verb and kind.columns <= there), None)


def bookkeeping_tables(statements: Iterable[Statement]) -> frozenset[str]:
    """Return the names, without schemas, of the tables that hold bookkeeping, and of the locks beside them."""
    found = set(_KNOWN)
    for statement in statements:
        if made := _KNEX_TABLE.match(statement.text):
            found.add(_bare(made[1]))
        if written := mark(statement):
            found.add(_bare(written.table))
    return frozenset(found | {f"{name}_lock" for name in found} | {"databasechangeloglock"})


def mentions(tables: Iterable[str]) -> re.Pattern[str]:
    """Return what finds one of the tables in a statement."""
    names = "|".join(map(re.escape, sorted(tables, key=len, reverse=True)))
    return re.compile(rf"(?<!\w)(?:{names})(?!\w)", re.IGNORECASE)


def _equalities(text: str, values: tuple[str | None, ...]) -> Row:
    """Return the first value of each column: what an UPDATE sets comes before what it looks for."""
    row: dict[str, str] = {}
    for name, value in _EQUALS.findall(text):
        row.setdefault(_plain(name).lower(), _value(value, values))
    return row


def _value(text: str, values: tuple[str | None, ...]) -> str:
    if text.startswith("$"):
        place = int(text[1:]) - 1
        return (values[place] or "") if place < len(values) else ""
    return text.removeprefix("E")[1:-1].replace("''", "'") if text.endswith("'") else text


def _plain(identifier: str) -> str:
    return ".".join(part.strip('"') for part in identifier.split("."))


def _bare(identifier: str) -> str:
    return _plain(identifier).rpartition(".")[2]
