"""goose, the program of pressly/goose."""

from __future__ import annotations

from aegisgen.tools.tool import URL, Called, Role, Shell, Tool, Written


def _others(called: Called) -> dict[Role, list[str] | Shell]:
    status = [*called.prefix, "status"]
    return {"ping": status, "status": status, "rollback": [*called.prefix, "down"]}


TOOL = Tool(
    title="goose",
    ping='goose {at} postgres "${url}" version',
    status='goose {at} postgres "${url}" status',
    migrate='goose {at} postgres "${url}" up',
    rollback='goose {at} postgres "${url}" down',
    mark_done_sql="INSERT INTO {table} (version_id, is_applied) VALUES (VERSION, true);",
    pending=("Pending ",),
    done=(" -- ",),
    at="-dir {path}",
    lock=None,
    locking="not at all",
    tables=("goose_db_version",),
    lock_timeout="PGOPTIONS",
    shipped=r"/\d+_[^/]+\.(sql|go)$",
    # internal/dialects/postgres.go
    written=(
        Written("insert", "version_id is_applied", "{version_id}"),
        Written("delete", "version_id", "{version_id}", event="reverts"),
    ),
    recorded=("version_id is_applied", "version_id::text, NULL, NULL"),
    says_failed=r"failed to run SQL migration (\S+?):",
    needs_path=True,
    needs_url=True,
    wiring=URL,
    image="",
    program="goose",
    roles=((("up",), "migrate"), (("up-by-one",), "migrate"), (("status",), "status"), (("version",), "status")),
    others=_others,
)
