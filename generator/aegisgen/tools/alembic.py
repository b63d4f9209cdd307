"""Alembic."""

from __future__ import annotations

from aegisgen.tools.tool import Called, Role, Shell, Tool, Written

# Where a newer release has migrated, the database answers, and `current` fails.
_PING = "{} || {} 2>&1 | grep -F 'locate revision'"


def _others(called: Called) -> dict[Role, list[str] | Shell]:
    current = [*called.prefix, "current"]
    return {
        "ping": Shell(_PING, current),
        "status": current,
        "rollback": [*called.prefix, "downgrade", "-1"],
    }


def _usual(called: Called) -> dict[str, object] | None:
    return {} if called.prefix == ["alembic"] and called.rest in (["head"], ["heads"]) else None


TOOL = Tool(
    title="Alembic",
    ping="sh: " + _PING.replace("{}", "alembic current"),
    status="alembic current",
    migrate="alembic upgrade heads",
    rollback="alembic downgrade -1",
    mark_done="alembic stamp REVISION",
    done=("(head)",),
    lock="python",
    locking="not at all",
    tables=("alembic_version",),
    names="SELECT version_num FROM {table}",
    # Prints `FROM -> TO (head), message`, or `FROM, FROM -> TO`.
    listing=r'alembic history | sed -nE "s/^.* -> ([^ ,]+).*$/\1/p"',
    newest_only=True,
    lock_timeout="PGOPTIONS",
    # alembic/runtime/migration.py
    shipped=r"/versions/[^/]+\.py$",
    written=(
        Written("insert", "version_num", "{version_num}"),
        Written("update", "version_num", "{version_num}"),
        Written("delete", "version_num", "{version_num}", event="reverts"),
    ),
    recorded=("version_num", "version_num, NULL, NULL"),
    # The last that was begun before the error.
    says_failed=r"Running (?:up|down)grade \S* ?-> (\w+)(?![\s\S]*Running (?:up|down)grade)[\s\S]*Traceback",
    files=("alembic.ini",),
    program="alembic",
    modules=("alembic",),
    roles=(
        (("upgrade",), "migrate"),
        (("current",), "status"),
        (("heads",), "status"),
        (("history",), "status"),
        (("downgrade",), "rollback"),
        (("check",), "verify"),
    ),
    others=_others,
    usual=_usual,
)
