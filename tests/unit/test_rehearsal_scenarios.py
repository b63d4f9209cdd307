"""Scenario files: aegisgen's own are right, and what is wrong in one of the user's is said with its place."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from tests.trees import put

from aegisgen.errors import InputError, UsageError
from aegisgen.rehearsal.image.app import App, app_of, copy_app
from aegisgen.rehearsal.image.knex import BEHAVIOURS, files_of, migrations_folder, write_migrations
from aegisgen.rehearsal.scenario.load import DEFAULT, chosen, scenarios
from aegisgen.rehearsal.scenario.options import images, provided, variables

GOOD = """\
apiVersion: aegisgen.dev/v1
kind: Scenario
metadata: {name: mine}
spec:
  title: Mine
  syncs:
    - title: One
      migrations: {next: fails}
      expect: {sync: fails, database: unchanged}
"""


def test_aegisgens_own_can_all_be_read_and_go_by_the_names_of_their_files() -> None:
    known = scenarios((), None)
    folder = Path(__file__).resolve().parents[2] / "generator/aegisgen/rehearsal/scenario/own"
    assert sorted(known) == sorted(file.stem for file in folder.glob("*.yaml"))
    assert set(DEFAULT) <= set(known)


def test_a_file_of_ones_own_is_played_beside_or_in_place_of_them(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(GOOD)
    (tmp_path / "clean.yaml").write_text(GOOD.replace("name: mine", "name: clean"))
    files = [tmp_path / "mine.yaml", tmp_path / "clean.yaml"]
    known = scenarios(files, None)
    assert known["clean"].spec.title == "Mine"
    assert [one.name for one in chosen(known, (), files, every=False)] == ["mine", "clean"]


def test_all_errors_are_said_with_their_place(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(GOOD.replace("next: fails", "next: explodes").replace("database:", "databse:"))
    with pytest.raises(InputError) as caught:
        scenarios([file], None)
    lines = str(caught.value).splitlines()
    assert len(lines) == 2
    assert "bad.yaml:8:26: spec.syncs.0.migrations.next: not allowed, expected" in lines[0]
    assert "bad.yaml:9:29: spec.syncs.0.expect.databse: unknown field; did you mean 'database'?" in lines[1]


def test_an_unknown_name_is_met_with_the_closest() -> None:
    with pytest.raises(UsageError, match="did you mean 'killed'"):
        chosen(scenarios((), None), ["kiled"], (), every=False)


@pytest.mark.parametrize(
    ("last", "package", "expected", "form"),
    [
        ("20260103000000_x.js", {}, "20260103000001_aegisgen_rehearsal_next.js", "exports.up ="),
        ("007_x.ts", {}, "008_aegisgen_rehearsal_next.ts", "export const up = async (knex: any)"),
        ("20260103000000_x.js", {"type": "module"}, "20260103000001_aegisgen_rehearsal_next.js", "export const up ="),
    ],
)
def test_an_added_migration_is_the_last_one_in_the_form_of_the_others(tmp_path, last, package, expected, form) -> None:
    folder = tmp_path / "src/database/migrations"
    folder.mkdir(parents=True)
    (tmp_path / "package.json").write_text(json.dumps(package))
    (folder / last).write_text("")
    assert migrations_folder(tmp_path, "apps/api/migrations") == folder
    for behaviour in BEHAVIOURS:
        assert write_migrations(folder, {"next": behaviour}) == (expected,)
    assert files_of(folder) == (last, expected)
    assert form in (folder / expected).read_text()
    assert write_migrations(folder, {}) == ()
    assert files_of(folder) == (last,)


def test_options_are_read_and_no_message_repeats_a_value(tmp_path: Path) -> None:
    file = tmp_path / "some.env"
    file.write_text("# comment\n\nA=1=2\nB=\n")
    assert provided([f"Secret/s={file}", "PersistentVolumeClaim/backups"]) == {
        ("Secret", "s"): {"A": "1=2", "B": ""},
        ("PersistentVolumeClaim", "backups"): {},
    }
    assert variables(["A=b=c"]) == {"A": "b=c"}
    assert images([f"ghcr.io/x/y={tmp_path}"]) == {"ghcr.io/x/y": tmp_path.resolve()}
    file.write_text("A=1\nhunter2\n")
    with pytest.raises(InputError) as caught:
        provided([f"Secret/s={file}"])
    assert "some.env:2:1: expected KEY=VALUE" in str(caught.value)
    assert "hunter2" not in str(caught.value)
    for read, wrong in (
        (variables, "=hunter2"),
        (images, "x=/nowhere/at/all"),
        (provided, "Pod/x"),
        (provided, "Secret"),
    ):
        with pytest.raises(UsageError) as refused:
            read([wrong])
        assert "expected" in str(refused.value)
        assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("files", "command"),
    [
        ({}, "npm install"),
        ({"package-lock.json": "{}"}, "npm ci"),
        ({"pnpm-lock.yaml": ""}, "pnpm install --frozen-lockfile"),
        ({"yarn.lock": "", "node_modules/other/package.json": "{}"}, "yarn install --immutable"),
    ],
)
def test_an_application_without_its_packages_is_refused(tmp_path: Path, files: dict[str, str], command: str) -> None:
    put(tmp_path, {"package.json": '{"dependencies": {"knex": "3", "pg": "8"}}', **files})
    with pytest.raises(UsageError, match=rf"knex and whatever else .* run '{command}' in it first"):
        app_of(f"{tmp_path}:/srv/app")


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"package.json": "{"},
        {"package.json": "[]"},
        {"package.json": '{"dependencies": []}'},
        {"package.json": '{"devDependencies": {"knex": "3"}}'},
        {"package.json": '{"dependencies": {"knex": "3", "pg": "8"}}', "node_modules/pg/package.json": "{}"},
        {"package.json": '{"dependencies": {"knex": "3"}}', ".pnp.cjs": ""},
    ],
)
def test_an_application_whose_packages_may_be_there_is_taken(tmp_path: Path, files: dict[str, str]) -> None:
    put(tmp_path, files)
    assert app_of(str(tmp_path)) == App(tmp_path.resolve())


def test_a_copy_can_be_written_to_and_shares_the_packages(tmp_path: Path) -> None:
    source, copy = tmp_path / "app", tmp_path / "copy"
    put(source, {"migrations/1.js": "", "node_modules/knex/package.json": "{}", ".git/HEAD": ""})
    (source / "link").symlink_to("migrations")
    os.mkfifo(source / "pipe")
    (source / "migrations").chmod(0o555)
    source.chmod(0o555)
    copy_app(source, copy)
    assert {file.name for file in copy.iterdir()} == {"migrations", "node_modules", "link"}
    assert [(copy / name).readlink() for name in ("node_modules", "link")] == [
        source / "node_modules",
        Path("migrations"),
    ]
    assert all(folder.stat().st_mode & 0o200 for folder in (copy, copy / "migrations"))
