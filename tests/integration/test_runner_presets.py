"""What is rendered for each tool and setting arrives in the container as it was rendered."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from tests.pods import container
from tests.steps import migrate_with
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


def test_a_command_reaches_its_shell_word_by_word(project: Path) -> None:
    migrate_with(project, MIGRATIONS["command"])
    for word in container("staging")["command"]:
        if word.startswith(("ping=", "status=", "migrate=", "verify=")):
            assert shlex.split(word.partition("=")[2]) == HOSTILE


def test_the_kubelet_leaves_the_command_as_it_is(command: list[str]) -> None:
    """In `command` the kubelet expands $(NAME) and halves $$ (k8s.io/kubernetes third_party/forked/golang/expansion)."""
    for word in command:
        assert "$$" not in word
        assert not re.search(r"\$\([A-Za-z_][A-Za-z0-9_]*\)", word)
