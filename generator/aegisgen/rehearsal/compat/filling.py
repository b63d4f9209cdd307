"""Tables filled with made rows, as many as production has, before the pending migrations run: `--rows`.

NOT NULL, unique and foreign keys then fail here, and what takes long in production takes long here. A foreign key's
value is that of the row it refers to, worked out from that row's number; so triggers, and with them the checks of
foreign keys, are off while rows are made (session_replication_role): they would take most of the time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import psycopg
from psycopg import sql

from aegisgen.rehearsal.compat import structure
from aegisgen.rehearsal.compat.files import Statistics, Table
from aegisgen.rehearsal.compat.records import FilledTable
from aegisgen.rehearsal.compat.structure import Reference, Target
from aegisgen.rehearsal.compat.values import UNLIMITED, Kind, allowed, kind_of

MOST_ROWS = 2_000_000
"""In all tables together: more are not made."""

_SEQUENCES = """
SELECT pg_get_serial_sequence(%(table)s, a.attname) FROM pg_attribute a
WHERE a.attrelid = %(table)s::regclass AND a.attnum > 0 AND NOT a.attisdropped
AND pg_get_serial_sequence(%(table)s, a.attname) IS NOT NULL
"""
# Null and not null must not follow the order of rows, nor that of values.
_SCATTERED = "({n} * 7919 % 1000)"


class _NoValueError(Exception):
    """There is no value for a column. The message says why."""


def fill(session: psycopg.Connection, tables: Iterable[Table], most: int = MOST_ROWS) -> tuple[FilledTable, ...]:
    """Fill the empty ones among the tables, as a superuser, and analyse them all; return what became of each."""
    filling = _Filling(session, {(table.schema, table.name): table for table in tables}, most)
    session.execute("SET session_replication_role = replica")
    filled = (*filling.missing(), *(filling.fill(oid) for oid in filling.order()))
    session.execute("RESET session_replication_role")
    session.execute("ANALYZE")
    return filled


class _Filling:
    """What is known of the database's tables while they are filled."""

    def __init__(self, session: psycopg.Connection, wanted: Mapping[tuple[str, str], Table], most: int) -> None:
        self._session = session
        self._wanted = wanted
        self._targets, self._unique, self._references, self._checks = structure.read(session)
        limit = _limit([table.rows for table in wanted.values()], most)
        self._rows = {oid: min(self._production(oid), limit) for oid in self._targets}
        # What is referred to has a row at least, and so has what that refers to.
        for _ in self._references:
            for (oid, number), reference in self._references.items():
                if self._rows[oid] and self._targets[oid].columns[number].not_null:
                    self._rows[reference.table] = max(self._rows.get(reference.table, 0), 1)
        self._failed: dict[int, str] = {}

    def missing(self) -> Iterator[FilledTable]:
        """Yield the tables that are to have rows and are not there."""
        names = {target.name for target in self._targets.values()}
        for name, table in self._wanted.items():
            if table.rows and name not in names:
                yield FilledTable(
                    Target(name, partitioned=False, columns={}).shown, 0, table.rows, "there is no such table"
                )

    def order(self) -> list[int]:
        """Return the tables that are to have rows, those that others refer to first, as far as that can be."""
        ordered: dict[int, None] = {}
        seen: set[int] = set()

        def visit(oid: int) -> None:
            if oid in seen:
                return
            seen.add(oid)
            for (child, _), reference in self._references.items():
                if child == oid:
                    visit(reference.table)
            if self._rows.get(oid):
                ordered.setdefault(oid)

        for oid in self._targets:
            visit(oid)
        return list(ordered)

    def fill(self, oid: int) -> FilledTable:
        """Fill one table, if it is empty."""
        target, wanted = self._targets[oid], self._production(oid)
        name, rows = sql.Identifier(*target.name), self._rows[oid]
        made, reason = 0, ""
        try:
            with self._session.transaction():
                if self._holds(name):
                    self._failed[oid] = reason = "it has rows already"
                elif target.partitioned:
                    self._failed[oid] = reason = "it is partitioned"
                else:
                    rows, reason = self._capacity(oid, rows)
                    made = self._insert(oid, name, rows)
                    self._rows[oid] = made
        except (_NoValueError, psycopg.Error) as error:
            made, reason = 0, str(error).split("\n", 1)[0]
            self._failed[oid] = reason
        if made < wanted and not reason:
            reason = f"no more than {MOST_ROWS:,} rows are made in all tables together"
        return FilledTable(target.shown, made, wanted, reason)

    def _insert(self, oid: int, name: sql.Identifier, rows: int) -> int:
        strides = self._strides(oid)
        columns = self._targets[oid].columns
        values = [self._value(oid, number, _index(strides.get(number)), set()) for number in columns]
        query = sql.SQL(
            "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM generate_series(0::bigint, {}) AS made (n)"
        )
        names = sql.SQL(", ").join(sql.Identifier(column.name) for column in columns.values())
        self._session.execute(query.format(name, names, sql.SQL(", ".join(values)), sql.Literal(rows - 1)))
        for (sequence,) in self._session.execute(_SEQUENCES, {"table": name.as_string()}).fetchall():
            self._session.execute("SELECT setval(%s, %s)", (sequence, rows + 1))
        return rows

    def _value(self, oid: int, number: int, index: str | None, above: set[tuple[int, int]]) -> str:
        """Return the SQL of a column's value; `index` is the row's number, None where statistics may choose another."""
        column, statistics = self._targets[oid].columns[number], self._statistics(oid, number)
        key = index or "made.n"
        reference = self._references.get((oid, number))
        if reference and (oid, number) not in above:
            value = self._referred(oid, number, reference, key, above | {(oid, number)})
        else:
            if index is None and statistics and statistics.distinct:
                distinct = statistics.distinct
                key = f"(made.n % {max(int(distinct if distinct > 0 else -distinct * self._rows[oid]), 1)})"
            value = self._kind(oid, number).expression.format(n=key)
        if statistics and not column.not_null and statistics.null_fraction and not above:
            thousandth = round(statistics.null_fraction * 1000)
            value = f"CASE WHEN {_SCATTERED.format(n='made.n')} < {thousandth} THEN NULL ELSE {value} END"
        return value

    def _referred(self, oid: int, number: int, reference: Reference, key: str, above: set[tuple[int, int]]) -> str:
        parent = self._targets.get(reference.table)
        rows = self._rows.get(reference.table, 0)
        if parent and reference.table in self._failed:
            column, table = sql.Identifier(parent.columns[reference.column].name), sql.Identifier(*parent.name)
            if self._holds(table):
                array = f"ARRAY(SELECT {column.as_string()} FROM {table.as_string()} ORDER BY ctid LIMIT 1000)"  # noqa: S608 - quoted
                return f"({array})[({key} % cardinality({array}) + 1)::int]"
            rows = 0
        if parent and rows:
            strides = self._strides(reference.table)
            # An index of the parent's own makes its value; here it is that of the row referred to.
            row = f"({key} % {rows})"
            return self._value(reference.table, reference.column, _index(strides.get(reference.column), row), above)
        if self._targets[oid].columns[number].not_null:
            raise _NoValueError(f"{parent.shown if parent else 'a table'}, to which it refers, has no rows")
        return "NULL"

    def _kind(self, oid: int, number: int) -> Kind:
        column = self._targets[oid].columns[number]
        check = self._checks.get((oid, number))
        kind = allowed(check, column.name, column.type) if check else None
        kind = kind or kind_of(column.type, column.labels)
        if kind is None and column.not_null:
            raise _NoValueError(f"no values of the type {column.type} are made ({column.name})")
        return kind or Kind("NULL", 1)

    def _most(self, oid: int, number: int) -> int:
        reference = self._references.get((oid, number))
        return self._rows.get(reference.table, 0) if reference else self._kind(oid, number).most

    def _strides(self, oid: int) -> dict[int, tuple[int, int]]:
        """Return, for columns of unique keys, every how many rows the value is another, and how many values there are.

        They are like the digits of a number: the whole of them is another in each row.
        """
        strides: dict[int, tuple[int, int]] = {}
        for numbers in sorted(self._unique.get(oid, ()), key=len):
            if any(strides.get(number) == (1, UNLIMITED) for number in numbers):
                continue
            # One column that never repeats is enough.
            endless = [number for number in numbers if self._most(oid, number) >= max(self._rows[oid], 1)]
            chosen = [number for number in endless if number not in strides][:1]
            if chosen:
                strides[chosen[0]] = (1, UNLIMITED)
                continue
            stride = 1
            for number in numbers:
                if number not in strides:
                    reference, most = self._references.get((oid, number)), self._most(oid, number)
                    strides |= dict.fromkeys(reference.together if reference else [number], (stride, most))
                    stride *= max(most, 1)
        return strides

    def _capacity(self, oid: int, rows: int) -> tuple[int, str]:
        """Return how many rows the unique keys let in, and why they are fewer."""
        for numbers in self._unique.get(oid, ()):
            room = 1
            for number in numbers:
                room *= max(self._most(oid, number), 1)
            if room < rows:
                names = ", ".join(self._targets[oid].columns[number].name for number in numbers)
                rows, reason = room, f"{names} must be unique, and only {room:,} different ones are made"
                return rows, reason
        return rows, ""

    def _production(self, oid: int) -> int:
        table = self._wanted.get(self._targets[oid].name)
        return table.rows if table else 0

    def _statistics(self, oid: int, number: int) -> Statistics | None:
        table = self._wanted.get(self._targets[oid].name)
        return table.columns.get(self._targets[oid].columns[number].name) if table else None

    def _holds(self, table: sql.Identifier) -> bool:
        row = self._session.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(table)).fetchone()
        return bool(row and row[0])


def _index(stride: tuple[int, int] | None, row: str = "") -> str | None:
    if stride is None:
        return row or None
    every, most = stride
    number = row or "made.n"
    number = number if every == 1 else f"({number} / {every})"
    return number if most == UNLIMITED else f"({number} % {most})"


def _limit(rows: Iterable[int], most: int) -> int:
    """Return the most rows that one table may have, so that all together have no more than `most`."""
    ordered = sorted(rows)
    for place, number in enumerate(ordered):
        share = most // (len(ordered) - place)
        if number > share:
            return share
        most -= number
    return UNLIMITED
