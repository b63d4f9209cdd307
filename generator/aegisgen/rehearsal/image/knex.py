"""Migrations for Knex that a scenario adds to the application's own, and what Knex's bookkeeping says.

Source: Knex 3.x, `lib/migrations/migrate` (order by name, `config.transaction`, the table of what was applied).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from aegisgen.rehearsal.sources import BUILT, own_files

GATE = (1634036081, 1735681381)
"""The advisory lock at which slow migrations wait; whoever holds it decides when they go on."""
GATE_MARK = "aegisgen rehearsal gate"
PREFIX = "aegisgen_rehearsal_"
_FILE = re.compile(r"(\d+)[_-].*\.(js|cjs|mjs|ts)\Z")

_WAIT = (
    "await knex.raw(`SELECT pg_advisory_lock_shared({0}, {1}), pg_advisory_unlock_shared({0}, {1}) "
    "/* {2} pid=${{process.pid}} */`);"
).format(*GATE, GATE_MARK)
_CREATE = 'await knex.schema.createTable("{table}", (table) => {{ table.increments(); }});'
_CREATE_AGAIN = 'await knex.raw("CREATE TABLE IF NOT EXISTS {table} (id serial PRIMARY KEY)");'
_BROKEN = 'await knex.raw("ALTER TABLE aegisgen_rehearsal_no_such_table ADD COLUMN name text");'
_FILL = 'await knex.raw("INSERT INTO {table} DEFAULT VALUES");'
# As a new column without a default is refused: a dry run's copy of these tables is empty, and takes it.
_NEED_EMPTY = """const own = "SELECT tablename FROM pg_tables WHERE tablename LIKE 'aegisgen_rehearsal%'";
  const { rows } = await knex.raw(own);
  for (const { tablename } of rows) await knex.raw(`ALTER TABLE ${tablename} ADD COLUMN added int NOT NULL`);"""
# All tables but who migrates and what is applied. A dry run's copy has no rows, and does not see it fail; a retry does.
_LOSE = (
    """let lost = (await knex.raw("SELECT count(to_regclass('{table}'))")).rows[0].count > 0;
  const kept = "tablename ~ 'migrations|aegisgen' AND tablename !~ 'aegisgen_rehearsal'";
  const own = `FROM pg_tables WHERE tableowner = current_user AND NOT (${{kept}})`;
  for (const {{ name }} of (await knex.raw(`SELECT format('%I.%I', schemaname, tablename) AS name ${{own}}`)).rows) {{
    lost = lost || (await knex.raw(`SELECT count(*) FROM ${{name}}`)).rows[0].count > 0;
    await knex.raw(`TRUNCATE ${{name}} CASCADE`);
  }}
  if (lost) await knex.raw("CREATE TABLE IF NOT EXISTS {table} (id int)");
  if (lost) """  # noqa: S608 - names are quoted by format()
    + _BROKEN
)

ALTERED = """
SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
WHERE tableowner = current_user AND tablename !~ 'migrations|aegisgen' ORDER BY 1 LIMIT 1
"""
"""Asks which table `adds-a-column` alters; no row where the application has none."""
_ALTER = (
    f"const [altered] = (await knex.raw(`{ALTERED}`)).rows;\n  "
    "if (altered) await knex.raw(`ALTER TABLE ${{{{altered.name}}}} {how}`);"
)

BEHAVIOURS: Mapping[str, tuple[bool, tuple[str, ...]]] = {
    "adds-a-table": (True, (_CREATE_AGAIN,)),
    "adds-a-table-without-transaction": (False, (_CREATE_AGAIN,)),
    "cannot-be-taken-back": (False, (_CREATE_AGAIN,)),
    "adds-a-row": (True, (_CREATE_AGAIN, _FILL)),
    "adds-a-column": (True, (_ALTER.format(how="ADD COLUMN {table} text"),)),
    "loses-rows-and-fails": (False, (_LOSE,)),
    "is-slow": (False, (_CREATE_AGAIN, _WAIT)),
    "hangs": (False, (_CREATE_AGAIN, _WAIT)),
    "fails": (True, (_CREATE, _BROKEN)),
    "fails-on-rows": (True, (_CREATE, _NEED_EMPTY)),
    "fails-without-transaction": (False, (_CREATE, _BROKEN)),
}
"""What a migration can be like: whether in a transaction, and what it does.

Where all of a call are, Knex makes one transaction of them: what came before one that fails is not applied either.

What takes long does so outside of a transaction, as an index that is built while the application writes: inside, Knex
would take its lock in the same transaction, and a killed run would leave nothing behind.
"""
_DROP = 'await knex.schema.dropTableIfExists("{table}");'
_WAYS_BACK = {"cannot-be-taken-back": _BROKEN, "adds-a-column": _ALTER.format(how="DROP COLUMN IF EXISTS {table}")}


def migrations_folder(app: Path, hint: str) -> Path | None:
    """Return the folder with the application's migrations: `hint` where it is there, else the one with most of them."""
    if hint and (app / hint).is_dir():
        return app / hint
    folders = Counter(file.parent for file in own_files(app, BUILT) if _FILE.match(file.name))
    counts = ((count, -len(folder.parts), folder) for folder, count in folders.items() if "migrations" in folder.name)
    best = max(counts, default=None)
    return app / best[2] if best else None


def files_of(folder: Path) -> tuple[str, ...]:
    """Return the names of all migrations in the order in which they run."""
    return tuple(sorted(file.name for file in folder.iterdir() if _FILE.match(file.name)))


def write_migrations(folder: Path, wanted: Mapping[str, str]) -> tuple[str, ...]:
    """Let exactly these migrations (behaviour by name) follow the application's own; return their files' names."""
    for old in folder.glob(f"*_{PREFIX}*"):
        old.unlink()
    own = files_of(folder)
    last = _FILE.match(own[-1]) if own else None
    number, width, extension = (int(last[1]), len(last[1]), last[2]) if last else (20260101000000, 14, "js")
    module = extension in {"mjs", "ts"} or (extension == "js" and _is_module(folder))
    names = []
    for index, (name, behaviour) in enumerate(wanted.items(), 1):
        file = folder / f"{number + index:0{width}d}_{PREFIX}{name.replace('-', '_')}.{extension}"
        file.write_text(_text(name, behaviour, module=module, typed=extension == "ts"))
        names.append(file.name)
    return tuple(names)


def _text(name: str, behaviour: str, *, module: bool, typed: bool) -> str:
    transaction, steps = BEHAVIOURS[behaviour]
    table = PREFIX + name.replace("-", "_")
    argument = "knex: any" if typed else "knex"
    body = "\n".join(f"  {step.format(table=table) if '{table}' in step else step}" for step in steps)
    drop = _WAYS_BACK.get(behaviour, _DROP).format(table=table)
    parts = {"up": f"async ({argument}) => {{\n{body}\n}}", "down": f"async ({argument}) => {{\n  {drop}\n}}"}
    if not transaction:
        parts["config"] = "{ transaction: false }"
    form = "export const {} = {};" if module else "exports.{} = {};"
    return "// Written by a rehearsal.\n" + "\n".join(form.format(*part) for part in parts.items()) + "\n"


def _is_module(folder: Path) -> bool:
    for place in (folder, *folder.parents):
        file = place / "package.json"
        if file.is_file():
            try:
                data = json.loads(file.read_bytes())
            except ValueError:
                return False
            return isinstance(data, dict) and data.get("type") == "module"
    return False
