"""What a database defines, as far as a running release can notice it: read before and after, and compared.

Objects are known by their numbers, so that what was renamed is told from what was dropped and made anew. The rule of
the two kinds is that of expand and contract (https://martinfowler.com/bliki/ParallelChange.html).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

import psycopg

from aegisgen.rehearsal.compat.records import CONTRACT, EXPAND

_RELATIONS = """
SELECT c.oid::bigint, CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || c.relname,
  c.relkind::text, c.relrowsecurity, coalesce(pg_get_viewdef(CASE WHEN c.relkind IN ('v', 'm') THEN c.oid END), '')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.oid >= 16384
AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
"""
_COLUMNS = """
SELECT a.attrelid::bigint, a.attnum::int, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
  a.atthasdef OR a.attidentity <> '' OR a.attgenerated <> ''
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attrelid >= 16384 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
"""
_CONSTRAINTS = """
SELECT o.oid::bigint, o.conrelid::bigint, o.conname, pg_get_constraintdef(o.oid) FROM pg_constraint o
WHERE o.contype IN ('c', 'u', 'f', 'x', 'p') AND o.conrelid >= 16384
UNION ALL SELECT i.indexrelid::bigint, i.indrelid::bigint, c.relname, pg_get_indexdef(i.indexrelid)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indisunique AND i.indrelid >= 16384
AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid)
"""
_ENUMS = """
SELECT t.oid::bigint, format_type(t.oid, NULL), array_agg(e.enumlabel::text ORDER BY e.enumsortorder)
FROM pg_type t JOIN pg_enum e ON e.enumtypid = t.oid GROUP BY t.oid
"""
_FUNCTIONS = """
SELECT p.oid::bigint, p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE p.oid >= 16384 AND n.nspname !~ '^pg_'
AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = p.oid AND deptype = 'e')
"""
_KINDS = {"r": "table", "p": "table", "v": "view", "m": "materialized view", "f": "foreign table"}


class Column(NamedTuple):
    """One of a table's or view's."""

    name: str
    type: str
    not_null: bool
    default: bool
    """Whether a row gets a value where an INSERT leaves it out."""


class Relation(NamedTuple):
    """A table or view, its columns by their numbers."""

    name: str
    kind: str
    guarded: bool
    """Whether it has row-level security."""
    definition: str
    columns: Mapping[int, Column] = {}


class Catalogue(NamedTuple):
    """All of it, by numbers."""

    relations: Mapping[int, Relation]
    constraints: Mapping[int, tuple[int, str, str]]
    enums: Mapping[int, tuple[str, tuple[str, ...]]]
    functions: Mapping[int, str]

    def without(self, tables: Collection[str]) -> Catalogue:
        """Return it without tables of these names, which have no schema."""
        kept = {
            oid: relation for oid, relation in self.relations.items() if relation.name.rpartition(".")[2] not in tables
        }
        return self._replace(relations=kept)


class Difference(NamedTuple):
    """A change, without the migration that made it."""

    kind: str
    text: str


def read(session: psycopg.Connection) -> Catalogue:
    """Read it from the session's database."""
    columns: dict[int, dict[int, Column]] = {}
    for oid, number, *column in session.execute(_COLUMNS).fetchall():
        columns.setdefault(oid, {})[number] = Column(*column)
    return Catalogue(
        {
            oid: Relation(*values)._replace(columns=columns.get(oid, {}))
            for oid, *values in session.execute(_RELATIONS).fetchall()
        },
        {oid: (table, name, text) for oid, table, name, text in session.execute(_CONSTRAINTS).fetchall()},
        {oid: (name, tuple(labels)) for oid, name, labels in session.execute(_ENUMS).fetchall()},
        dict(session.execute(_FUNCTIONS).fetchall()),
    )


def differences(old: Catalogue, new: Catalogue) -> Iterator[Difference]:
    """Yield what is another in `new`."""
    names = {relation.name: oid for oid, relation in new.relations.items()}
    partners = {oid: oid if oid in new.relations else names.get(was.name) for oid, was in old.relations.items()}
    for oid, was in old.relations.items():
        partner = partners[oid]
        if partner is None:
            yield Difference(CONTRACT, f"{_KINDS[was.kind]} {was.name} dropped")
        else:
            yield from _relation(was, new.relations[partner], same=partner == oid)
    for oid in sorted(new.relations.keys() - set(partners.values())):
        yield Difference(EXPAND, f"{_KINDS[new.relations[oid].kind]} {new.relations[oid].name} is new")
    yield from _constraints(old, new)
    yield from _enums(old, new)
    kept = set(new.functions.values())
    for signature in sorted(set(old.functions.values()) - kept):
        yield Difference(CONTRACT, f"function {signature} dropped")


def renames(old: Catalogue, new: Catalogue) -> Iterator[str]:
    """Yield what one release both makes and takes away, so that no moment suits both releases."""
    for oid in old.relations.keys() & new.relations.keys():
        was, now = old.relations[oid], new.relations[oid]
        if was.name != now.name:
            yield f"{was.name} becomes {now.name}"
        for number in was.columns.keys() & now.columns.keys():
            if was.columns[number].name != now.columns[number].name:
                yield f"{now.name}.{was.columns[number].name} becomes {now.columns[number].name}"
        gone = [was.columns[number] for number in was.columns.keys() - now.columns.keys()]
        made = [now.columns[number] for number in now.columns.keys() - was.columns.keys()]
        for dropped in gone:
            if heirs := [added.name for added in made if added.type == dropped.type and added.name != dropped.name]:
                yield f"{now.name}.{dropped.name} is dropped where {' and '.join(heirs)} is added, of the same type"


def _relation(was: Relation, now: Relation, *, same: bool) -> Iterator[Difference]:
    if was.name != now.name:
        yield Difference(CONTRACT, f"{_KINDS[was.kind]} {was.name} renamed to {now.name}")
    if now.guarded and not was.guarded:
        yield Difference(CONTRACT, f"{now.name}: row-level security is on")
    by_name = {column.name: number for number, column in now.columns.items()}
    partners: set[int] = set()
    for number, column in was.columns.items():
        # What was dropped and made anew under its name matters as it is now.
        partner = number if same and number in now.columns else by_name.get(column.name)
        if partner is None:
            yield Difference(CONTRACT, f"{now.name}.{column.name} dropped")
        else:
            partners.add(partner)
            yield from _column(f"{now.name}.{column.name}", column, now.columns[partner])
    for number in now.columns.keys() - partners:
        column = now.columns[number]
        yield _added(f"{now.name}.{column.name}", column, view=bool(now.definition))
    if was.definition and was.definition != now.definition and was.columns == now.columns:
        yield Difference(EXPAND, f"view {now.name} changed, its columns are the same")


def _added(name: str, column: Column, *, view: bool) -> Difference:
    if column.not_null and not column.default:
        return Difference(CONTRACT, f"{name} added, NOT NULL without a default")
    means = ", NOT NULL with a default" if column.not_null else "" if view else ", nullable"
    return Difference(EXPAND, f"{name} added{means}")


def _column(name: str, was: Column, now: Column) -> Iterator[Difference]:
    if was.name != now.name:
        yield Difference(CONTRACT, f"{name} renamed to {now.name}")
    if was.type != now.type:
        wider = _is_wider(was.type, now.type)
        verb = "widened" if wider else "changed"
        yield Difference(EXPAND if wider else CONTRACT, f"{name}: type {verb} from {was.type} to {now.type}")
    if now.not_null and not was.not_null:
        yield Difference(CONTRACT, f"{name} is NOT NULL now")
    if was.not_null and not now.not_null:
        yield Difference(EXPAND, f"{name} may be NULL now")
    if was.default and not now.default:
        yield Difference(CONTRACT, f"{name} has no default any more")


def _constraints(old: Catalogue, new: Catalogue) -> Iterator[Difference]:
    known = {(old.relations[table].name, text) for table, _, text in old.constraints.values() if table in old.relations}
    for oid, (table, name, text) in new.constraints.items():
        # One of a new table concerns nobody yet; a rename or a new spelling has its number.
        if oid in old.constraints or table not in old.relations or table not in new.relations:
            continue
        if (new.relations[table].name, text) not in known:
            yield Difference(CONTRACT, f"{new.relations[table].name}: {name} may refuse rows: {text}")


def _enums(old: Catalogue, new: Catalogue) -> Iterator[Difference]:
    names = dict(new.enums.values())
    for oid, (name, labels) in old.enums.items():
        _, now = new.enums.get(oid, (name, names.get(name, ())))
        if not now:
            yield Difference(CONTRACT, f"type {name} dropped")
            continue
        for label in labels:
            if label not in now:
                yield Difference(CONTRACT, f"type {name}: value '{label}' is gone")
        for label in now:
            if label not in labels:
                yield Difference(EXPAND, f"type {name}: value '{label}' added")


_LENGTH = re.compile(r"(?P<base>.*?)\((?P<length>\d+)(?:,(?P<scale>\d+))?\)\Z")
_INTEGERS = ("smallint", "integer", "bigint", "numeric")


def _is_wider(was: str, now: str) -> bool:
    """Whether every value of the first type is one of the second, and reads alike."""
    if was in _INTEGERS and now in _INTEGERS:
        return _INTEGERS.index(was) < _INTEGERS.index(now)
    before, after = _LENGTH.match(was), _LENGTH.match(now)
    base = before["base"] if before else was
    if base in {"character varying", "text"} and now in {"text", "character varying"}:
        return True
    if not before:
        return False
    if now == base:
        return True
    if not after or after["base"] != base:
        return False
    scale, room = int(after["scale"] or 0), int(after["length"])
    least = int(before["scale"] or 0)
    return scale >= least and room - scale >= int(before["length"]) - least
