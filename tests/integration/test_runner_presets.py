"""What is rendered for each tool and setting is clean shell, and arrives in the container as it was rendered."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from tests.pods import container
from tests.shells import objections
from tests.steps import migrate_with
from tests.tools import need
from tests.trees import edited

pytestmark = pytest.mark.tools

HOSTILE = ["a b", "it's", '"$HOME"', "`id`", "*", "a\\b", "é"]
MIGRATIONS: dict[str, dict] = {
    "knex": {"tool": "knex"},
    "prisma": {"tool": "prisma", "packageManager": "npm"},
    "flyway": {"tool": "flyway", "path": "db/it's here"},
    "liquibase": {"tool": "liquibase"},
    "alembic": {"tool": "alembic"},
    "django": {"tool": "django"},
    "golang-migrate": {"tool": "golang-migrate", "path": "db/migrations"},
    "command": {
        "tool": "command",
        "commands": {"ping": HOSTILE, "status": HOSTILE, "migrate": HOSTILE, "verify": HOSTILE},
        "lock": {"runtime": "node", "module": "it's", "directory": "a b"},
    },
    "sets": {"sets": [{"name": "main"}, {"name": "other", "table": "t", "scripts": {"migrate": "m"}}]},
    "unlocked": {"lock": {"enabled": False}},
    "json": {"log": "json"},
}


@pytest.fixture(params=MIGRATIONS)
def command(request: pytest.FixtureRequest, project: Path) -> list[str]:
    """The container's command under each of the settings above."""
    migrate_with(project, MIGRATIONS[request.param], env={"url": "DATABASE_URL"})
    with edited(project / "aegisgen.yaml") as data:
        data["services"]["api"]["database"]["secret"]["keys"] = ["DATABASE_PASSWORD", "DATABASE_URL"]
    return container("production")["command"]


def test_shellcheck_has_nothing_to_say(command: list[str]) -> None:
    assert objections("#!/bin/sh\n" + max(command[2:5], key=len)) == ""


def test_the_kubelet_leaves_the_command_as_it_is(command: list[str]) -> None:
    """In `command` the kubelet expands $(NAME) and halves $$ (k8s.io/kubernetes third_party/forked/golang/expansion)."""
    for word in command:
        assert "$$" not in word
        assert not re.search(r"\$\([A-Za-z_][A-Za-z0-9_]*\)", word)


def test_what_holds_the_lock_is_a_program(command: list[str]) -> None:
    if len(command) == 3:
        assert "aegisgen-lock" not in command[2]
    elif command[5].startswith("//"):
        need("node")
        done = subprocess.run(["node", "--check", "-"], input=command[5], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    else:
        compile(command[5], "lock.py", "exec")
