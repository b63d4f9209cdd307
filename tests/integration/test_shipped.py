"""A migration that a release has shipped stays as it is: `check --changed-since` says where one was edited."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.conftest import aegisgen
from tests.steps import migrate_with
from tests.trees import put

pytestmark = pytest.mark.tools

FOLDER = "apps/api/src/database/migrations"


@pytest.fixture
def repository(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = project.parent
    put(root, {f"{FOLDER}/1_users.js": "one\n", f"{FOLDER}/README.md": "text\n", f"{FOLDER}/types.d.ts": "text\n"})
    git(root, "init", "--quiet")
    commit(root)
    monkeypatch.chdir(root)
    return root


def git(root: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", root, *identity, *arguments], check=True, capture_output=True)


def commit(root: Path) -> None:
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "x")


def check() -> list[str]:
    outcome = aegisgen("check", "--changed-since", "HEAD", "--no-compose")
    assert outcome.code in {0, 1}, outcome.err
    return [line for line in outcome.out.splitlines() if "D004" in line]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda file: file.write_text("other\n"), "edited"),
        (Path.unlink, "removed"),
        (lambda file: file.rename(file.with_name("2_users.js")), "removed"),
    ],
)
def test_a_shipped_migration_that_is_not_what_it_was(
    repository: Path, change: Callable[[Path], object], what: str
) -> None:
    change(repository / FOLDER / "1_users.js")
    (line,) = check()
    assert line.startswith(f"{FOLDER}/1_users.js: error[D004] a migration that HEAD has was {what}")


@pytest.mark.parametrize(
    "change",
    [
        lambda root: put(root, {f"{FOLDER}/2_new.js": "new\n"}),
        lambda root: put(root, {f"{FOLDER}/README.md": "other\n", f"{FOLDER}/types.d.ts": "other\n"}),
        lambda root: (root / FOLDER / "1_users.js").touch(),
        lambda root: (root / FOLDER / "1_users.js").write_bytes(b"one\r\n"),
        lambda root: put(root, {"apps/web/1_users.js": "other\n"}),
    ],
)
def test_what_is_no_edit_of_a_migration(repository: Path, change: Callable[[Path], object]) -> None:
    change(repository)
    assert check() == []


def test_a_committed_edit_is_found_as_well(repository: Path) -> None:
    (repository / FOLDER / "1_users.js").write_text("other\n")
    commit(repository)
    outcome = aegisgen("check", "--changed-since", "HEAD~1", "--no-compose")
    assert "D004" in outcome.out


@pytest.mark.parametrize(
    ("tool", "file", "found"),
    [
        ("flyway", "V1__users.sql", True),
        ("flyway", "R__view.sql", False),
        ("golang-migrate", "000001_users.up.sql", True),
        ("prisma", "20260101_users/migration.sql", True),
        ("prisma", "migration_lock.toml", False),
        ("alembic", "versions/ab12_users.py", True),
        ("alembic", "env.py", False),
        ("django", "shop/migrations/0001_initial.py", True),
        ("django", "shop/models.py", False),
    ],
)
def test_each_tool_knows_its_own_files(repository: Path, tool: str, file: str, found: bool) -> None:
    url = {"env": {"url": "DATABASE_URL"}, "secret": {"keys": ["DATABASE_URL"]}}
    migrate_with(
        repository / "argocd",
        {"tool": tool, "path": "db", "packageManager": "npm"} if tool == "prisma" else {"tool": tool, "path": "db"},
        **url,
    )
    put(repository, {f"db/{file}": "one\n"})
    commit(repository)
    (repository / "db" / file).write_text("other\n")
    assert bool(check()) == found
