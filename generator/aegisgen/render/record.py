"""What the runner needs to record its runs in the database."""

from __future__ import annotations

import json

from aegisgen.profile.agreement.rollback import records
from aegisgen.profile.migrations import Migrations, MigrationSet
from aegisgen.profile.target import Target
from aegisgen.render.environment import Templates
from aegisgen.tools import TOOLS


def recording(target: Target, templates: Templates) -> dict[str, object]:
    """Return the values of `runner/record.sh.j2`. Raises InputError where a template fails."""
    if not records(target):
        return {"record": None, "runs": ""}
    settings = target.settings
    migrations, env = settings.migrations, settings.database.env
    names = {name: getattr(env, name) for name in env.__struct_fields__}
    sets: list[tuple[str, Migrations | MigrationSet]] = [(one.name, one) for one in migrations.sets] or [
        ("main", migrations)
    ]
    record = {
        "service": f"{target.environment}/{target.service}",
        "image": target.image,
        "env": {name: value for name, value in names.items() if value},
        "module": migrations.lock.module or "pg",
        "directory": migrations.lock.directory or ".",
        "sets": [
            {
                "name": name,
                "table": quoted(bookkeeping_table(migrations, one)),
                "folder": settings.rollback.directory or one.path or "",
            }
            for name, one in sets
        ],
    }
    return {"record": json.dumps(record), "runs": templates.render("runner/runs.js.j2")}


def bookkeeping_table(migrations: Migrations, one: Migrations | MigrationSet) -> str:
    """Return the table in which a set's migrations are recorded, as the profile or the tool names it."""
    return one.table or TOOLS[migrations.tool].tables[0]


def quoted(table: str) -> str:
    """Quote a table's name, with or without its schema, for SQL."""
    return ".".join(f'"{part}"' for part in table.split("."))
