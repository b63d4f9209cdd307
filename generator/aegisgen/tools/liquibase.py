"""Liquibase's command line."""

from __future__ import annotations

from aegisgen.tools.tool import Called, Role, Shell, Tool, Wiring, Written


def _others(called: Called) -> dict[Role, list[str] | Shell]:
    return {"ping": [*called.prefix, "history"], "status": [*called.prefix, "status", "--verbose"]}


def _usual(called: Called) -> dict[str, object] | None:
    return {} if called.prefix == ["liquibase"] and called.words[-1] == "update" else None


TOOL = Tool(
    title="Liquibase",
    ping="liquibase history",
    status="liquibase status --verbose",
    migrate="liquibase update",
    rollback="liquibase rollback-count --count=1",
    mark_done="liquibase mark-next-changeset-ran",
    pending=("has not been applied", "have not been applied"),
    done=("is up to date",),
    lock="none",
    locking="a row that survives a killed run; the next ones wait for it for 5 minutes and fail",
    unlock="liquibase release-locks",
    # StandardLockService
    held=(("could not acquire change log lock", "Liquibase's lock row says that a migration runs"),),
    tables=("databasechangelog",),
    written=(
        Written("insert", "id author filename dateexecuted", "{filename}::{id}::{author}"),
        Written("delete", "id author filename", "{filename}::{id}::{author}", event="reverts"),
    ),
    recorded=("filename id author dateexecuted", "filename || '::' || id || '::' || author, NULL, dateexecuted"),
    says_failed=r"Migration failed for changeset (\S+?):?\s",
    file=lambda name: name.partition("::")[0],
    jdbc=True,
    wiring=Wiring(
        config=("LIQUIBASE_COMMAND_URL", "LIQUIBASE_COMMAND_USERNAME"),
        secret=("LIQUIBASE_COMMAND_PASSWORD",),
        url=None,
        shared={"LIQUIBASE_COMMAND_USERNAME": "{database}"},
        own={"LIQUIBASE_COMMAND_URL": "jdbc:postgresql://{host}:5432/{database}"},
    ),
    files=("liquibase.properties",),
    image="liquibase/liquibase",
    program="liquibase",
    roles=(
        (("update",), "migrate"),
        (("migrate",), "migrate"),
        (("status",), "status"),
        (("history",), "status"),
        (("validate",), "verify"),
    ),
    others=_others,
    usual=_usual,
)
