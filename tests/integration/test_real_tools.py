"""Each migration tool as it really is, beside what the runner adds: a revert, branches that diverged, three at once.

The tools come from their registries: PyPI (Alembic, Django), npm (Prisma), the Go module proxy (golang-migrate, goose), Maven
Central (Flyway). Prisma's schema engine is the one in its own package, in WebAssembly. docs/runner.md has what is seen here as
a table.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from tests.leftovers import until
from tests.pods import Ended, Pod, container
from tests.postgres import Database
from tests.real_tools import TOOLS, installed, release
from tests.steps import migrate_with
from tests.trees import executable

pytestmark = [pytest.mark.tools, pytest.mark.long]

Start = Callable[..., Pod]
URL = ("prisma", "golang-migrate", "goose")


@pytest.fixture(params=TOOLS)
def tool(request: pytest.FixtureRequest) -> str:
    """A tool, installed."""
    name: str = request.param
    installed(name)
    return name


@pytest.fixture
def start(tool: str, database: Database, project: Path, tmp_path: Path) -> Start:
    """Start the production container in an image with some of the migrations; with `command`, the tool alone."""
    where: dict[str, object] = {}
    if tool in URL:
        where = {"env": {"url": "DATABASE_URL"}, "secret": {"keys": ["DATABASE_URL"]}}
    migrate_with(project, TOOLS[tool].says | {"env": {}}, **where)
    # The lock's client, where the tool's own image has none of its own.
    executable(tmp_path / "client/python3", f'exec {sys.executable} "$@"')
    env = database.env
    address = f"{env['DATABASE_HOST']}:{env['DATABASE_PORT']}/{env['DATABASE_NAME']}"
    account = f"{quote(env['DATABASE_USER'], safe='')}:{quote(env['DATABASE_PASSWORD'], safe='')}"
    env |= {
        "DATABASE_URL": f"postgresql://{account}@{address}?sslmode=disable",
        "FLYWAY_URL": f"jdbc:postgresql://{address}",
        "FLYWAY_USER": env["DATABASE_USER"],
        "FLYWAY_PASSWORD": env["DATABASE_PASSWORD"],
        "REDGATE_DISABLE_TELEMETRY": "true",
        "PRISMA_SCHEMA_ENGINE_BINARY": f"{installed(tool)}/bin/none",
        "PRISMA_QUERY_ENGINE_LIBRARY": f"{installed(tool)}/bin/none",
        "PATH": f"{installed(tool)}/bin:{tmp_path / 'client'}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
    }

    def started(*names: str, command: str = "", **more: str) -> Pod:
        images = tmp_path / "images"
        images.mkdir(exist_ok=True)
        image = images / "-".join(names)
        if not image.exists():
            release(tool, image, *names)
        words = ["-c", command] if command else container("production")["command"][1:]
        return Pod(["dash", *words], env | more, image)

    return started


def own(tool: str) -> str:
    """The tool's own command, as the container runs it."""
    words = container("production")["command"]
    return next(word.removeprefix("migrate=") for word in words if word.startswith("migrate="))


def columns(database: Database) -> list[str]:
    table = "SELECT attname FROM pg_attribute WHERE attrelid = 'users'::regclass AND attnum > 0 ORDER BY attnum"
    return [name for (name,) in database.ask(table)]


def well(ended: Ended) -> None:
    assert ended.code == 0, ended.log


def test_a_release_migrates_and_the_next_one_too(start: Start, database: Database) -> None:
    well(start("users").end())
    well(start("users", "note").end())
    assert columns(database) == ["id", "note"]


# What each does by itself, called as the container calls it, where a newer release has migrated.
ALONE = {"alembic": False, "django": True, "prisma": True, "golang-migrate": False, "goose": True, "flyway": True}


def test_a_revert(tool: str, start: Start, database: Database) -> None:
    well(start("users", "note").end())
    alone = start("users", command=own(tool)).end()
    assert (alone.code == 0) == ALONE[tool], alone.log
    ended = start("users").end()
    well(ended)
    assert columns(database) == ["id", "note"]
    if tool in {"alembic", "django", "prisma", "golang-migrate"}:
        assert ("compare", "ahead") in ended.steps
        assert f"a newer release has applied {TOOLS[tool].recorded}" in ended.log


def test_branches_that_diverged(tool: str, start: Start, database: Database) -> None:
    well(start("users", "note").end())
    ended = start("users", "other").end()
    if tool in {"django", "prisma", "golang-migrate"}:
        assert ended.code == 19, ended.log
        assert TOOLS[tool].recorded in ended.message
    assert (ended.code == 0) == (tool in {"alembic", "goose"}), ended.log
    assert columns(database) == {
        # It knows of no branches: the other's comes on top.
        "goose": ["id", "note", "other"],
    }.get(tool, ["id", "note"])


@pytest.mark.parametrize("tool", ["alembic"], indirect=True)  # whose sessions its own environment may name
def test_sessions_that_hide_their_name_are_refused(start: Start, database: Database) -> None:
    ended = start("users", HIDE="api").end()
    assert ended.code == 25, ended.log
    assert database.ask("SELECT to_regclass('users')") == [(None,)]


def test_three_at_once(start: Start, database: Database) -> None:
    pods = [start("users", "note") for _ in range(3)]
    ended = [pod.end() for pod in pods]
    assert [each.code for each in ended] == [0, 0, 0], "\n\n".join(each.log for each in ended)
    assert columns(database) == ["id", "note"]


# A statement of theirs waits as long as it takes.
WITHOUT = ("golang-migrate", "prisma")


def test_a_table_in_use_is_waited_for(tool: str, start: Start, database: Database) -> None:
    """A long reader: others go first, and the migration is tried again, where the tool can."""
    well(start("users").end())
    with database.connect() as report:
        report.execute("BEGIN")
        report.execute("SELECT count(*) FROM users")
        pod = start("users", "note")
        waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        until(lambda: "outcome=again" in pod.log or (tool in WITHOUT and database.ask(waits)), tool)
        report.execute("ROLLBACK")
        well(pod.end())
    assert columns(database) == ["id", "note"]
