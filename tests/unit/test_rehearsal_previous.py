"""The release before: what `--previous` names, and what git says without it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.trees import put

from aegisgen.errors import UsageError
from aegisgen.rehearsal.image.app import App, app_of
from aegisgen.rehearsal.image.previous import previous_of
from aegisgen.rehearsal.outcome import NotRehearsedError
from aegisgen.rehearsal.postgres import pooler

FIRST, SECOND = "migrations/1_users.js", "migrations/2_orders.js"


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run(["git", "-C", folder, *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def app(tmp_path: Path) -> App:
    """An application in a repository's folder, on a branch that has added a migration, with one not yet committed."""
    repository = tmp_path / "repository"
    folder = repository / "apps/api"
    put(folder, {"package.json": "{}", FIRST: "one\n", "run.sh": "#!/bin/sh\n", ".gitignore": "node_modules\n"})
    (folder / "run.sh").chmod(0o755)
    (folder / "link").symlink_to("package.json")
    put(folder / "node_modules/pg", {"index.js": ""})
    git(repository, "init", "--quiet", "--initial-branch=main")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message=one")
    git(repository, "checkout", "--quiet", "-b", "next")
    put(folder, {SECOND: "two\n", FIRST: "edited\n"})
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message=two")
    put(folder, {"migrations/3_more.js": "three\n"})
    return App(folder, "/app")


def test_without_the_option_it_is_where_the_branch_left_the_main_one(app: App, tmp_path: Path) -> None:
    previous = previous_of(None, app, tmp_path / "previous")
    assert previous
    assert previous.path == "/app"
    assert (previous.folder / FIRST).read_text() == "one\n"
    assert not (previous.folder / SECOND).exists()
    assert (previous.folder / "run.sh").stat().st_mode & 0o111
    assert (previous.folder / "link").read_text() == "{}"
    assert (previous.folder / "node_modules/pg/index.js").exists()


def test_a_revision_and_a_folder_can_be_named(app: App, tmp_path: Path) -> None:
    previous = previous_of("HEAD", app, tmp_path / "previous")
    assert previous
    assert sorted(file.name for file in (previous.folder / "migrations").iterdir()) == ["1_users.js", "2_orders.js"]
    assert previous_of(str(previous.folder), app, tmp_path / "unused") == App(previous.folder, "/app")


@pytest.mark.parametrize("text", ["no-such", "--output=x"])
def test_what_is_neither_is_refused(app: App, tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match=f"--previous {text}: no such folder, and as a revision"):
        previous_of(text, app, tmp_path / "previous")


def test_without_a_repository_there_is_none(tmp_path: Path) -> None:
    put(tmp_path / "app", {"package.json": "{}"})
    assert previous_of(None, app_of(str(tmp_path / "app")), tmp_path / "previous") is None


def test_a_folder_that_is_new_has_none(app: App, tmp_path: Path) -> None:
    put(app.folder.parent / "new", {"package.json": "{}"})
    new = App(app.folder.parent / "new")
    assert previous_of(None, new, tmp_path / "previous") is None
    with pytest.raises(UsageError, match="has nothing of"):
        previous_of("HEAD", new, tmp_path / "previous")


def test_without_pgbouncer_the_install_line_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    with pytest.raises(NotRehearsedError, match="apt-get install pgbouncer"):
        pooler.pgbouncer()
