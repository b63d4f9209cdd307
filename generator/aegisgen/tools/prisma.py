"""Prisma Migrate."""

from __future__ import annotations

from aegisgen.tools.tool import URL, Called, Role, Shell, Tool, Written


def _others(called: Called) -> dict[Role, list[str] | Shell]:
    status = [*called.prefix, "migrate", "status", *called.rest]
    return {"status": Shell("{} || :", status), "verify": status}  # exits 1 where something is pending


def _usual(called: Called) -> dict[str, object] | None:
    # `npx` may fetch what is no dependency; `npm exec --no` does not.
    fetches = called.prefix[0] in {"npx", "pnpx"} and "prisma" not in called.packages
    return {"packageManager": called.manager} if called.manager and not called.rest and not fetches else None


TOOL = Tool(
    title="Prisma",
    # Prisma has no command that only connects, and works with any of its versions.
    ping='node -e \'const url = new URL(process.env.{url}); require("net").connect(url.port || 5432, url.hostname)'
    '.on("connect", () => process.exit(0)).on("error", () => process.exit(1))\'',
    # Exits 1 where something is pending, which is no reason to stop before the migration.
    status="sh: {exec} prisma migrate status || :",
    migrate="{exec} prisma migrate deploy",
    verify="{exec} prisma migrate status",
    mark_done="{exec} prisma migrate resolve --applied NAME",
    lock="node",
    locking="an advisory lock; whoever waits for it for more than 10 s fails",
    # Error P1002
    held=(("timed out trying to acquire a postgres advisory lock", "another session holds Prisma's lock"),),
    tables=("_prisma_migrations",),
    names="SELECT DISTINCT migration_name FROM {table} WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL",
    # No lock_timeout: a migration that gives up waiting counts as failed (P3009), until a person has resolved it.
    named_by_url=True,
    shipped=r"/migration\.sql$",
    written=(
        Written("insert", "id checksum migration_name", "{migration_name}", event="begins"),
        Written("update", "finished_at id"),
    ),
    recorded=("migration_name started_at finished_at", "migration_name, started_at, finished_at"),
    says_failed=r"Migration name: (\S+)",
    file=lambda name: f"{name}/migration.sql",
    fields=frozenset({"packageManager"}),
    needs_url=True,
    wiring=URL,
    files=("prisma/schema.prisma",),
    dependencies=("prisma", "@prisma/client"),
    program="prisma",
    roles=((("migrate", "deploy"), "migrate"), (("migrate", "status"), "status")),
    others=_others,
    usual=_usual,
    own_lock_without="pg",
)
