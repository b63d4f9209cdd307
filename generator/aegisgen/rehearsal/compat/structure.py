"""What filling a table has to respect: types, NOT NULL, unique and foreign keys, checks. Tables are known by number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import psycopg

_COLUMNS = """
SELECT c.oid::bigint, n.nspname, c.relname, c.relkind::text, c.relispartition, a.attnum::int, a.attname,
  format_type(coalesce(nullif(t.typbasetype, 0), a.atttypid),
    CASE WHEN t.typbasetype = 0 THEN a.atttypmod ELSE t.typtypmod END),
  a.attnotnull OR t.typnotnull, ARRAY(SELECT enumlabel::text FROM pg_enum WHERE enumtypid =
    coalesce(nullif(t.typbasetype, 0), t.oid) ORDER BY enumsortorder)
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_type t ON t.oid = a.atttypid
WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND c.relkind IN ('r', 'p') AND c.oid >= 16384
ORDER BY c.oid, a.attnum
"""
_UNIQUE = """
SELECT i.indrelid::bigint, ARRAY(SELECT k::int FROM unnest(i.indkey::int2[]) k WHERE k > 0
  UNION SELECT d.refobjsubid FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
  AND d.refobjid = i.indrelid AND d.refobjsubid > 0 AND i.indexprs IS NOT NULL ORDER BY 1)
FROM pg_index i WHERE i.indisunique AND i.indrelid >= 16384
"""
_FOREIGN = """
SELECT conrelid::bigint, conkey::int[], confrelid::bigint, confkey::int[] FROM pg_constraint
WHERE contype = 'f' AND conparentid = 0 ORDER BY cardinality(conkey) DESC, oid
"""
_CHECKS = """
SELECT conrelid::bigint, conkey::int[], pg_get_expr(conbin, conrelid) FROM pg_constraint
WHERE contype = 'c' AND conrelid >= 16384
"""


class Column(NamedTuple):
    """A column; of a domain it is the type beneath. `labels` are an enum's."""

    name: str
    type: str
    not_null: bool
    labels: Sequence[str]


class Reference(NamedTuple):
    """A foreign key's column: whose row, and which column of it."""

    table: int
    column: int
    together: Sequence[int]
    """The columns that refer to that row."""


class Target(NamedTuple):
    """A table of the database."""

    name: tuple[str, str]
    partitioned: bool
    columns: dict[int, Column]

    @property
    def shown(self) -> str:
        """As reports name it."""
        schema, name = self.name
        return name if schema == "public" else f"{schema}.{name}"


class Structure(NamedTuple):
    """All tables of a database. Columns are known by their table's number and their own."""

    tables: Mapping[int, Target]
    unique: Mapping[int, Sequence[Sequence[int]]]
    """The columns of each unique key of a table."""
    references: Mapping[tuple[int, int], Reference]
    checks: Mapping[tuple[int, int], str]
    """The CHECK constraint that is about this column alone."""


def read(session: psycopg.Connection) -> Structure:
    """Read it from the session's database."""
    tables: dict[int, Target] = {}
    for oid, schema, name, kind, part, number, *column in session.execute(_COLUMNS).fetchall():
        table = tables.setdefault(oid, Target((schema, name), kind == "p" or part, {}))
        table.columns[number] = Column(*column)
    unique: dict[int, list[list[int]]] = {}
    for oid, numbers in session.execute(_UNIQUE).fetchall():
        unique.setdefault(oid, []).append(numbers)
    references: dict[tuple[int, int], Reference] = {}
    for oid, numbers, parent, keys in session.execute(_FOREIGN).fetchall():
        for number, key in zip(numbers, keys, strict=True):
            references.setdefault((oid, number), Reference(parent, key, numbers))
    checks = {
        (oid, numbers[0]): text for oid, numbers, text in session.execute(_CHECKS).fetchall() if len(numbers or ()) == 1
    }
    return Structure(tables, unique, references, checks)
