"""What is in a database, in a form that can be compared: structure, rows, and which migrations are recorded."""

from __future__ import annotations

from typing import NamedTuple

import psycopg

# Bookkeeping of who runs and ran, which changes where the database does not.
_LEFT_OUT = ("aegisgen_%", "%migrations_lock", "databasechangeloglock")
_MOST_ROWS = 100_000

_STRUCTURE = """
SELECT 'column', format('%%I.%%I.%%I', n.nspname, c.relname, a.attname),
  format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull || ' ' || coalesce(pg_get_expr(d.adbin, d.adrelid), '')
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT c.relname LIKE ANY (%(left_out)s)
UNION ALL
SELECT 'index', format('%%I.%%I', n.nspname, c.relname), pg_get_indexdef(i.indexrelid) || ' ' || i.indisvalid
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname !~ '^pg_' AND NOT t.relname LIKE ANY (%(left_out)s)
UNION ALL
SELECT 'constraint', format('%%s.%%I', conrelid::regclass, conname), pg_get_constraintdef(o.oid)
FROM pg_constraint o LEFT JOIN pg_class t ON t.oid = o.conrelid JOIN pg_namespace n ON n.oid = o.connamespace
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND (t.relname IS NULL OR NOT t.relname LIKE ANY (%(left_out)s))
UNION ALL
SELECT 'function', p.oid::regprocedure::text, md5(coalesce(p.prosrc, ''))
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = p.oid AND deptype = 'e')
UNION ALL
SELECT 'schema', nspname, '' FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
UNION ALL
SELECT 'type', format('%%I.%%I', n.nspname, t.typname), coalesce(
  (SELECT string_agg(enumlabel, ',' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid), '')
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND t.typtype IN ('e', 'd')
UNION ALL
SELECT 'view', c.oid::regclass::text, pg_get_viewdef(c.oid)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('v', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT c.relname LIKE ANY (%(left_out)s)
UNION ALL
SELECT 'trigger', format('%%s.%%I', tgrelid::regclass, tgname), pg_get_triggerdef(oid)
FROM pg_trigger WHERE NOT tgisinternal
"""
_TABLES = """
SELECT format('%%I.%%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT c.relname LIKE ANY (%(left_out)s) AND c.reltuples <= %(most)s
"""


class Fingerprint(NamedTuple):
    """Everything that a migration changes: what is defined, and a checksum of each table's rows."""

    things: frozenset[tuple[str, str, str]]

    def difference(self, later: Fingerprint) -> str:
        """Say in a line what is another in `later`; empty where nothing is."""
        gone = {(kind, name) for kind, name, _ in self.things - later.things}
        new = {(kind, name) for kind, name, _ in later.things - self.things}
        changes = [
            *(f"{kind} {name} is new" for kind, name in sorted(new - gone)),
            *(f"{kind} {name} is gone" for kind, name in sorted(gone - new)),
            *(f"{kind} {name} is another" for kind, name in sorted(gone & new)),
        ]
        shown = 4
        more = f" and {len(changes) - shown} more" if len(changes) > shown else ""
        return ", ".join(changes[:shown]) + more


def fingerprint(session: psycopg.Connection) -> Fingerprint:
    """Read it, as a superuser or the owner."""
    values: dict[str, object] = {"left_out": list(_LEFT_OUT), "most": _MOST_ROWS}
    things = {(str(kind), str(name), str(text)) for kind, name, text in session.execute(_STRUCTURE, values)}
    for (table,) in session.execute(_TABLES, values).fetchall():
        query = f"SELECT md5(coalesce(string_agg(t::text, E'\\n' ORDER BY t::text), '')) FROM {table} t"  # noqa: S608 - quoted by format()
        row = session.execute(query.encode()).fetchone()
        things.add(("rows of", str(table), str(row[0]) if row else ""))
    return Fingerprint(frozenset(things))
