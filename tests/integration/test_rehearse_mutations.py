"""Every scenario can fail: without what it guards it does, and the others beside it do not."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.conftest import aegisgen
from tests.tools import need

from aegisgen.rehearsal.scenario.load import scenarios

need("npm", "node")
pytestmark = [pytest.mark.tools, pytest.mark.slow, pytest.mark.usefixtures("kustomize", "shared_servers")]

OVERLAY = "overlays/production/api"
SCRIPTS = "components/migration-runner"
BACKUP = "  database: {postgres: {version: 17}}\n  backup: {volume: {claim: backups}}\n"
ROLLBACK = (
    "  rollback: {automatic: true, after: sync, directory: migrations, down: [node_modules/.bin/knex, migrate:down]}\n"
)
DRY_RUN = "  database: {postgres: {version: 17}}\n  dryRun: {deadline: 10m}\n"
GATE = "  approval: {gate: true}\n"
DIRECT = "  database: {direct: {port: 5433}}\n"
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


def released(app: Path, project: Path, migration: str) -> Path:
    """Return the application with one more migration."""
    if not migration:
        return app
    release = project.with_name("release")
    shutil.copytree(app, release, symlinks=True)
    (release / "migrations/20260201000000_next.js").write_text(migration)
    return release


class Mutation(NamedTuple):
    """What is broken: text that is replaced (in the profile, before it renders the tree), and who notices."""

    guards: set[str]
    changes: list[tuple[str, str, str]]
    profile: str = ""
    environment: str = "production"
    migration: str = ""
    """What the release adds to the application's own migrations."""
    others: frozenset[str] = frozenset({"clean"})


PROFILE, JOB = "profiles/production.yaml", f"{OVERLAY}/migration-job.yaml"
MIGRATE = "migrate=pnpm run db:migrate:prod"
PASSES = (f"{SCRIPTS}/lines.sh", r'exit "\$1"\n', "exit 0\n")
ROLLS_BACK = (f"{SCRIPTS}/rollback.sh", r"roll_back\(\) \{")
OLDEST = (
    "const sync = (await client.query(\"SELECT * FROM aegisgen_syncs WHERE state NOT IN ('confirmed', 'rolled back') "
    'ORDER BY id LIMIT 1")).rows[0];\n  // The'
)
MUTATIONS = {
    "no lock": Mutation(
        {"pods-at-once", "killed", "lock-held", "deadline"},
        [(PROFILE, "  migrations:\n", "  migrations:\n    lock: {enabled: false}\n")],
    ),
    "no wait": Mutation({"database-late"}, [(f"{SCRIPTS}/under-lock.sh", r'-lt "\$wait" \]', "-lt 0 ]")]),
    "no deadline": Mutation({"deadline", "config-missing", "lock-held"}, [(JOB, r"  activeDeadlineSeconds: .*\n", "")]),
    "no check of the backup": Mutation(
        {"backup-full"}, [(f"{SCRIPTS}/backup.sh", r"\|\| give_up \d+ ", "|| say ")], BACKUP
    ),
    "the last batch is taken back": Mutation(
        {"rollback-after-presync", "migration-fails"},
        [(*ROLLS_BACK, "roll_back() { node_modules/.bin/knex migrate:rollback; return; }\nunused() {")],
        ROLLBACK,
        others=frozenset({"rollback-after-sync"}),
    ),
    "an empty rollback": Mutation(
        {"rollback-after-sync"}, [(*ROLLS_BACK, "roll_back() { return; }\nunused() {")], ROLLBACK
    ),
    "a restore that does nothing": Mutation(
        {"restored"}, [(f"{SCRIPTS}/restore.sh", r"begin prepare\n", "exit 0\n")], BACKUP
    ),
    "a rollback takes up the oldest": Mutation(
        {"rollback-fails"},
        [(f"{SCRIPTS}/runs.mjs", r"const sync = await newest\(client\);\n  // The", OLDEST)],
        DRY_RUN + ROLLBACK,  # which does not catch what fails there
        others=frozenset({"rollback-after-presync"}),
    ),
    "failures pass": Mutation(
        {"database-down", "migration-fails", "migration-fails-outside", "wrong-password"}, [PASSES]
    ),
    "nothing migrates": Mutation(
        {"clean"},
        [(JOB, MIGRATE, "migrate=true"), (f"{SCRIPTS}/run.sh", "fail 14 'migrations are still pending'", "end")],
        others=frozenset(),
    ),
    "the last batch anew": Mutation(
        {"again", "migration-fails"},
        [(JOB, MIGRATE, "migrate=node_modules/.bin/knex migrate:rollback; pnpm run db:migrate:prod")],
    ),
    "a late gate": Mutation(
        {"approval-withheld"}, [(f"{OVERLAY}/approval-gate.yaml", "sync-wave: '-3'", "sync-wave: '5'")], GATE
    ),
    "a blind dry run": Mutation({"dry-run-catches"}, [PASSES], DRY_RUN),
    "nothing is compared": Mutation(
        {"revert", "old-pod-restarts"},
        [(f"{SCRIPTS}/run.sh", r"\n    compare_set\n", "\n    is_ahead=''\n")],
        environment="staging",
    ),
    "a column is renamed": Mutation(
        {"rollout-half-way"},
        [],
        migration="exports.up = (knex) => knex.schema.alterTable('users', (users) => users.renameColumn('name', 'called'));\n"
        "exports.down = () => {};\n",
        others=frozenset({"clean", "revert"}),
    ),
    "no lock_timeout": Mutation({"reader"}, [(PROFILE, "  migrations:\n", "  migrations:\n    lockTimeout: 'off'\n")]),
    "a pooler is not seen": Mutation({"pooler"}, [(f"{SCRIPTS}/lock.mjs", r"await examine\(pg, connection\);", "")]),
    "the direct address is lost": Mutation({"pooler-passed-by"}, [(JOB, r"value: '5433'", "value: '6432'")], DIRECT),
    "hidden sessions are not seen": Mutation(
        {"hidden-sessions"}, [(f"{SCRIPTS}/lock.mjs", r"await guard\(pg\)", "undefined")]
    ),
    "telling is vital": Mutation(
        {"webhook-down"},
        [
            (f"{SCRIPTS}/notify.sh", "event failed '' .*", "exit 19"),
            (f"{SCRIPTS}/notify.sh", r'(tell "\$1" .*) \|\| :', r"\1"),
        ],
        WEBHOOK,
    ),
}


LONG = {
    "no lock",
    "no check of the backup",
    "the last batch is taken back",
    "the last batch anew",
    "no deadline",
    "failures pass",
    "telling is vital",
    "a blind dry run",
    "a restore that does nothing",
    "a rollback takes up the oldest",
    "nothing is compared",
    "no lock_timeout",
    "the direct address is lost",
    "hidden sessions are not seen",
}
"""Each takes ten seconds and more; of each kind, another is left."""


def test_each_scenario_guards_something() -> None:
    guarded = set().union(*(mutation.guards for mutation in MUTATIONS.values()))
    assert guarded == scenarios((), None).keys()


@pytest.mark.parametrize(
    ("name", "beside"),
    [
        *((name, False) for name in MUTATIONS if name not in LONG),
        *(pytest.param(name, True, marks=pytest.mark.long) for name in MUTATIONS),
    ],
)
def test_without_what_they_guard_exactly_the_guards_fail(
    quick_app: Path, project: Path, name: str, beside: bool
) -> None:
    """`beside`: whether the others are played as well."""
    mutation = MUTATIONS[name]
    for before in (True, False):
        for file, pattern, replacement in mutation.changes:
            if (file == PROFILE) is before:
                change(project / file, pattern, replacement)
        if before:
            render(project, mutation.profile)
    others = mutation.others if beside else frozenset()
    names = [word for name in sorted(mutation.guards | others) for word in ("--scenario", name)]
    outcome = aegisgen(
        "rehearse",
        *(mutation.environment, "--app", str(released(quick_app, project, mutation.migration))),
        *("--previous", str(quick_app), *names, "--format", "json"),
    )
    assert outcome.out, outcome.err
    found = {scenario["name"]: scenario for scenario in json.loads(outcome.out)["scenarios"]}
    verdicts = {name: scenario["verdict"] for name, scenario in found.items()}
    expected = {**dict.fromkeys(mutation.guards, "failed"), **dict.fromkeys(others, "passed")}
    assert verdicts == expected, {name: scenario.get("reason") for name, scenario in found.items()}


@pytest.mark.parametrize(
    ("said", "scenario"),
    [
        (BACKUP, "backup-full"),
        pytest.param(BACKUP, "restored", marks=pytest.mark.long),
        pytest.param(ROLLBACK, "rollback-after-presync", marks=pytest.mark.long),
        pytest.param(ROLLBACK, "rollback-fails", marks=pytest.mark.long),
        pytest.param(GATE, "approval-withheld", marks=pytest.mark.long),
        pytest.param(DRY_RUN, "dry-run-catches", marks=pytest.mark.long),
        pytest.param(WEBHOOK, "webhook-down", marks=pytest.mark.long),
        pytest.param(DIRECT, "pooler-passed-by", marks=pytest.mark.long),
    ],
)  # the others pass as they are in test_rehearse
def test_with_what_they_guard_they_pass(quick_app: Path, project: Path, said: str, scenario: str) -> None:
    render(project, said)
    outcome = aegisgen("rehearse", "production", "--app", str(quick_app), "--scenario", scenario)
    assert outcome.code == 0, outcome.out + outcome.err
