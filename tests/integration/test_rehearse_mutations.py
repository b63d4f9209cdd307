"""Every scenario can fail: without what it guards it does, and the others beside it do not."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from tests.conftest import aegisgen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.tools, pytest.mark.slow]

OVERLAY = "overlays/production/api"
BACKUP = "  database: {postgres: {version: 17}}\n  backup: {volume: {claim: backups}}\n"
ROLLBACK = "  rollback: {automatic: true, directory: migrations, down: [node_modules/.bin/knex, migrate:down]}\n"


@pytest.fixture(autouse=True)
def _needs(kustomize: tuple[str, ...]) -> None:
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'aegisgen[rehearse]'")


def render(project: Path, said: str = "") -> None:
    profile = project / "profiles/production.yaml"
    profile.write_text(profile.read_text() + said)
    outcome = aegisgen("render", "production")
    assert outcome.code == 0, outcome.err


def change(file: Path, pattern: str, replacement: str) -> None:
    text, count = re.subn(pattern, replacement, file.read_text())
    assert count, f"nothing to change in {file.name}"
    file.write_text(text)


def no_lock(project: Path) -> None:
    change(project / "profiles/production.yaml", "  migrations:\n", "  migrations:\n    lock: {enabled: false}\n")
    render(project)


def no_wait(project: Path) -> None:
    change(project / OVERLAY / "migration-job.yaml", r"-lt 60 \]", "-lt 0 ]")


def no_deadline(project: Path) -> None:
    change(project / OVERLAY / "migration-job.yaml", r"  activeDeadlineSeconds: .*\n", "")


def no_backup_check(project: Path) -> None:
    render(project, BACKUP)
    change(project / OVERLAY / "backup-job.yaml", r"\|\| give_up \d+ ", "|| say ")


def last_batch(project: Path) -> None:
    render(project, ROLLBACK)
    job = project / OVERLAY / "rollback-sync-fail.yaml"
    change(
        job,
        r"roll_back\(\) \{",
        "roll_back() { node_modules/.bin/knex migrate:rollback; return; }\n              unused() {",
    )


@pytest.mark.parametrize(
    ("mutate", "guards", "others"),
    [
        (no_lock, {"pods-at-once", "killed"}, {"clean"}),
        (no_wait, {"database-late"}, {"clean"}),
        (no_deadline, {"deadline", "config-missing"}, {"clean"}),
        (no_backup_check, {"backup-full"}, {"clean"}),
        (last_batch, {"rollback-after-presync"}, {"rollback-after-sync"}),
    ],
)
def test_without_what_they_guard_exactly_the_guards_fail(
    app: Path, project: Path, mutate: Callable[[Path], None], guards: set[str], others: set[str]
) -> None:
    mutate(project)
    names = [word for name in sorted(guards | others) for word in ("--scenario", name)]
    outcome = aegisgen("rehearse", "--path", str(project / OVERLAY), "--app", str(app), *names, "--format", "json")
    assert outcome.out, outcome.err
    found = {scenario["name"]: scenario for scenario in json.loads(outcome.out)["scenarios"]}
    verdicts = {name: scenario["verdict"] for name, scenario in found.items()}
    expected = {**dict.fromkeys(guards, "failed"), **dict.fromkeys(others, "passed")}
    assert verdicts == expected, {name: scenario.get("reason") for name, scenario in found.items()}


@pytest.mark.parametrize(
    ("said", "scenario"), [(BACKUP, "backup-full"), (ROLLBACK, "rollback-after-presync")]
)  # the others pass as they are in test_rehearse
def test_with_what_they_guard_they_pass(app: Path, project: Path, said: str, scenario: str) -> None:
    render(project, said)
    outcome = aegisgen("rehearse", "production", "--app", str(app), "--scenario", scenario)
    assert outcome.code == 0, outcome.out + outcome.err
