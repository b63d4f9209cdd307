"""Knex, by the application's package scripts."""

from __future__ import annotations

from aegisgen.tools.tool import Called, Role, Shell, Tool, Written


def _others(called: Called) -> dict[Role, list[str] | Shell]:
    return {
        "status": [*called.prefix, "migrate:list", *called.rest],
        "rollback": [*called.prefix, "migrate:rollback", *called.rest],
    }


TOOL = Tool(
    title="Knex",
    ping="{run} {ping}",
    status="{run} {status}",
    migrate="{run} {migrate}",
    rollback="{run} {rollback}",
    take_back="{exec} knex migrate:down",
    pending=("Pending Migration file/files.",),
    done=("No Pending Migration files Found.",),
    lock="node",
    locking="a row that survives a killed run, and makes whoever comes second fail instead of wait",
    runtimes=("node",),
    unlock="{exec} knex migrate:unlock",
    # lib/migrations/migrate/Migrator.js
    held=(("migration table is already locked", "Knex's lock row says that a migration runs"),),
    # lib/migrations/migrate/table-creator.js
    tables=("knex_migrations",),
    names="SELECT name FROM {table} ORDER BY id",
    lock_timeout="PGOPTIONS",
    shipped=r"(?<!\.d)\.[cm]?[jt]s$",
    written=(
        Written("insert", "batch migration_time name", "{name}"),
        Written("delete", "name", "{name}", event="reverts"),
    ),
    recorded=("batch migration_time name", "name, NULL, migration_time"),
    says_failed=r'migration file "([^"]+)" failed',
    lock_table="{table}_lock",
    mark_done_sql=(
        "INSERT INTO {table} (name, batch, migration_time) "
        "SELECT 'FILE', coalesce(max(batch), 0) + 1, now() FROM {table};"
    ),
    fields=frozenset({"scripts", "table", "lockTable", "sets", "packageManager"}),
    files=("knexfile.js", "knexfile.ts", "knexfile.cjs", "knexfile.mjs"),
    dependencies=("knex",),
    program="knex",
    roles=(
        (("migrate:latest",), "migrate"),
        (("migrate:up",), "migrate"),
        (("migrate:status",), "status"),
        (("migrate:list",), "status"),
        (("migrate:rollback",), "rollback"),
        (("migrate:down",), "rollback"),
    ),
    others=_others,
)
