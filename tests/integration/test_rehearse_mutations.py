"""Every scenario can fail: without what it guards it does, and the others beside it do not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.conftest import aegisgen
from tests.tools import need

from aegisgen.rehearsal.scenario.load import scenarios

need("npm", "node")
pytestmark = [pytest.mark.tools, pytest.mark.slow, pytest.mark.usefixtures("kustomize", "shared_servers")]

OVERLAY = "overlays/production/api"
SCRIPTS = "components/migration-runner"
BACKUP = "  database: {postgres: {version: 17}}\n  backup: {volume: {claim: backups}}\n"
ROLLBACK = "  rollback: {automatic: true, directory: migrations, down: [node_modules/.bin/knex, migrate:down]}\n"
DRY_RUN = "  database: {postgres: {version: 17}}\n  dryRun: {deadline: 10m}\n"
GATE = "  approval: {gate: true}\n"
WEBHOOK = "  notifications: {webhook: {secret: {name: hooks, key: audit}}}\n"


def render(project: Path, said: str = "") -> None:
    profile = project / "profiles/production.yaml"
    # One retry shows what four do.
    profile.write_text(profile.read_text().replace("backoffLimit: 3", "backoffLimit: 1") + said)
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
    render(project)
    change(project / SCRIPTS / "under-lock.sh", r'-lt "\$wait" \]', "-lt 0 ]")


def no_deadline(project: Path) -> None:
    render(project)
    change(project / OVERLAY / "migration-job.yaml", r"  activeDeadlineSeconds: .*\n", "")


def no_backup_check(project: Path) -> None:
    render(project, BACKUP)
    change(project / SCRIPTS / "backup.sh", r"\|\| give_up \d+ ", "|| say ")


def last_batch(project: Path) -> None:
    render(project, ROLLBACK)
    instead = "roll_back() { node_modules/.bin/knex migrate:rollback; return; }\nunused() {"
    change(project / SCRIPTS / "rollback.sh", r"roll_back\(\) \{", instead)


def empty_rollback(project: Path) -> None:
    render(project, ROLLBACK)
    change(project / SCRIPTS / "rollback.sh", r"roll_back\(\) \{", "roll_back() { return; }\nunused() {")


def failures_pass(project: Path) -> None:
    render(project)
    change(project / SCRIPTS / "lines.sh", r'exit "\$1"\n', "exit 0\n")


def nothing_migrates(project: Path) -> None:
    render(project)
    change(project / OVERLAY / "migration-job.yaml", "migrate=pnpm run db:migrate:prod", "migrate=true")
    change(project / SCRIPTS / "run.sh", "fail 14 'migrations are still pending'", "end")


def last_batch_anew(project: Path) -> None:
    render(project)
    anew = "migrate=node_modules/.bin/knex migrate:rollback; pnpm run db:migrate:prod"
    change(project / OVERLAY / "migration-job.yaml", "migrate=pnpm run db:migrate:prod", anew)


def late_gate(project: Path) -> None:
    render(project, GATE)
    change(project / OVERLAY / "approval-gate.yaml", "sync-wave: '-5'", "sync-wave: '5'")


def blind_dry_run(project: Path) -> None:
    render(project, DRY_RUN)
    change(project / SCRIPTS / "lines.sh", r'exit "\$1"\n', "exit 0\n")


def telling_is_vital(project: Path) -> None:
    render(project, WEBHOOK)
    change(project / SCRIPTS / "notify.sh", "event failed '' .*", "exit 19")
    change(project / SCRIPTS / "notify.sh", r'tell "\$@" \|\| :', 'tell "$@"')


MUTATIONS = [
    (no_lock, {"pods-at-once", "killed", "lock-held", "deadline"}, {"clean"}),
    (no_wait, {"database-late"}, {"clean"}),
    (no_deadline, {"deadline", "config-missing", "lock-held"}, {"clean"}),
    (no_backup_check, {"backup-full"}, {"clean"}),
    (last_batch, {"rollback-after-presync", "migration-fails"}, {"rollback-after-sync"}),
    (empty_rollback, {"rollback-after-sync"}, {"clean"}),
    (
        failures_pass,
        {"database-down", "migration-fails", "migration-fails-outside", "wrong-password"},
        {"clean"},
    ),
    (nothing_migrates, {"clean"}, set()),
    (last_batch_anew, {"again", "migration-fails"}, {"clean"}),
    (late_gate, {"approval-withheld"}, {"clean"}),
    (blind_dry_run, {"dry-run-catches"}, {"clean"}),
    (telling_is_vital, {"webhook-down"}, {"clean"}),
]


def test_each_scenario_guards_something() -> None:
    guarded = set().union(*(guards for _, guards, _ in MUTATIONS))
    assert guarded == scenarios((), None).keys()


@pytest.mark.parametrize(("mutate", "guards", "others"), MUTATIONS)
def test_without_what_they_guard_exactly_the_guards_fail(
    quick_app: Path, project: Path, mutate: Callable[[Path], None], guards: set[str], others: set[str]
) -> None:
    mutate(project)
    names = [word for name in sorted(guards | others) for word in ("--scenario", name)]
    outcome = aegisgen(
        "rehearse", "--path", str(project / OVERLAY), "--app", str(quick_app), *names, "--format", "json"
    )
    assert outcome.out, outcome.err
    found = {scenario["name"]: scenario for scenario in json.loads(outcome.out)["scenarios"]}
    verdicts = {name: scenario["verdict"] for name, scenario in found.items()}
    expected = {**dict.fromkeys(guards, "failed"), **dict.fromkeys(others, "passed")}
    assert verdicts == expected, {name: scenario.get("reason") for name, scenario in found.items()}


@pytest.mark.parametrize(
    ("said", "scenario"),
    [
        (BACKUP, "backup-full"),
        (ROLLBACK, "rollback-after-presync"),
        (GATE, "approval-withheld"),
        (DRY_RUN, "dry-run-catches"),
        (WEBHOOK, "webhook-down"),
    ],
)  # the others pass as they are in test_rehearse
def test_with_what_they_guard_they_pass(quick_app: Path, project: Path, said: str, scenario: str) -> None:
    render(project, said)
    outcome = aegisgen("rehearse", "production", "--app", str(quick_app), "--scenario", scenario)
    assert outcome.code == 0, outcome.out + outcome.err
