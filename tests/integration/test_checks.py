"""Integrity checks, against a real PostgreSQL and by commands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.integration.steps_support import connection, containers, programs, say
from tests.postgres import Database
from tests.tools import need

pytestmark = pytest.mark.tools

OUTCOME = re.compile(r"step=check set=(\S+) outcome=(ok|failed)")


def run(folder: Path, project: Path, shell: list[str], database: Database, *checks: dict) -> tuple[int, dict, str]:
    """Return the exit code, each check's outcome, and the termination message."""
    say(project, checks={"run": [{"name": f"check-{n}", **check} for n, check in enumerate(checks)]})
    found = containers("checks")
    env, path = connection(database), programs(database, folder)
    (container,) = found.values()
    ended = container.run(folder, shell, env, path)
    return ended.code, dict(OUTCOME.findall(ended.log)), ended.message


GOOD = [
    ({"sql": "SELECT 1", "expect": {"equals": 1}}),
    ({"sql": "SELECT true", "expect": {"equals": True}}),
    ({"sql": "SELECT 'it''s \"$HOME\" `id` \\\\ $1'", "expect": {"equals": 'it\'s "$HOME" `id` \\\\ $1'}}),
    ({"sql": "SELECT NULL", "expect": {"equals": ""}}),
    ({"sql": "SELECT n, n * n\nFROM generate_series(1, 2) n", "expect": {"rows": ["1|1", "2|4"]}}),
    ({"sql": "SELECT 1 WHERE false", "expect": {"rows": []}}),
    ({"sql": "SELECT 10", "expect": {"min": 9}}),
    ({"sql": "SELECT -2.5", "expect": {"min": -3, "max": -2}}),
    ({"sql": "SELECT $q$a 'quoted' text$q$", "expect": {"equals": "a 'quoted' text"}}),
]
BAD = [
    ({"sql": "SELECT 1", "expect": {"equals": 2}}),
    ({"sql": "SELECT 1", "expect": {"equals": True}}),
    ({"sql": "SELECT 10", "expect": {"max": 9}}),
    ({"sql": "SELECT 9", "expect": {"min": 10}}),
    ({"sql": "SELECT 'ten'", "expect": {"min": 0}}),
    ({"sql": "SELECT NULL", "expect": {"max": 3}}),
    ({"sql": "SELECT count(*) FROM nowhere", "expect": {"min": 0}}),
    ({"sql": "CREATE TABLE made (id int)", "expect": {"equals": ""}}),
]


def test_what_holds_passes(full: Path, tmp_path: Path, shell: list[str], database: Database) -> None:
    need("grep")
    code, outcomes, message = run(tmp_path, full, shell, database, *GOOD)
    assert outcomes == {f"check-{n}": "ok" for n in range(len(GOOD))}
    assert (code, message) == (0, "")


def test_all_run_and_those_that_failed_are_named(
    full: Path, tmp_path: Path, shell: list[str], database: Database
) -> None:
    code, outcomes, message = run(tmp_path, full, shell, database, *BAD, GOOD[0])
    names = [f"check-{n}" for n in range(len(BAD))]
    assert outcomes == dict.fromkeys(names, "failed") | {f"check-{len(BAD)}": "ok"}
    assert (code, message) == (40, f"checks: failed: {' '.join(names)}; passed: 1\n")
    assert database.ask("SELECT to_regclass('made')") == [(None,)], "a check must change nothing"


def test_commands_are_checks_too(full: Path, tmp_path: Path, shell: list[str], database: Database) -> None:
    strange = {"command": ["test", "it's $HOME `id`", "=", "it's $HOME `id`"]}
    code, outcomes, message = run(tmp_path, full, shell, database, {"command": ["false"]}, strange)
    assert outcomes == {"check-0": "failed", "check-1": "ok"}
    assert (code, message) == (40, "checks: failed: check-0; passed: 1\n")
