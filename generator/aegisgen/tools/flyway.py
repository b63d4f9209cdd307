"""Flyway's command line."""

from __future__ import annotations

from aegisgen.tools.tool import Called, Role, Shell, Tool, Wiring, Written


def _others(called: Called) -> dict[Role, list[str] | Shell]:
    info = [*called.prefix, "info", *called.rest]
    return {"ping": info, "status": info, "verify": [*called.prefix, "validate", *called.rest]}


def _usual(called: Called) -> dict[str, object] | None:
    return {} if called.prefix == ["flyway"] and not called.rest else None


TOOL = Tool(
    title="Flyway",
    ping="flyway info",
    status="flyway {at} info",
    migrate="flyway {at} -lockRetryCount={timeout} -initSql='SET lock_timeout = {lock_timeout}' migrate",
    lock_timeout="command",
    verify="flyway {at} validate",
    mark_done="flyway -skipExecutingMigrations=true -target=VERSION migrate",
    at="-locations=filesystem:{path}",
    lock="none",
    locking="an advisory lock, tried once a second",
    tables=("flyway_schema_history",),
    shipped=r"/[VU][^/]*__[^/]*\.(sql|java)$",
    written=(Written("insert", "installed_rank script success", "{script}"),),
    recorded=(
        "script installed_on execution_time success",
        "script, installed_on - execution_time * interval '1 ms', installed_on",
    ),
    says_failed=r"(?:Migration|Script) (\S+\.(?:sql|java))(?: \([^)]*\))? failed",
    jdbc=True,
    wiring=Wiring(
        config=("FLYWAY_URL", "FLYWAY_USER"),
        secret=("FLYWAY_PASSWORD",),
        url=None,
        shared={"FLYWAY_USER": "{database}"},
        own={"FLYWAY_URL": "jdbc:postgresql://{host}:5432/{database}"},
    ),
    files=("flyway.toml", "flyway.conf", "conf/flyway.conf"),
    image="flyway/flyway",
    program="flyway",
    roles=((("migrate",), "migrate"), (("info",), "status"), (("validate",), "verify")),
    others=_others,
    usual=_usual,
)
