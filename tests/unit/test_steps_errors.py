"""Steps that cannot be: each is refused at its place, with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests import steps
from tests.conftest import Cli
from tests.integration.steps_support import say
from tests.trees import replace

VOLUME = {"volume": {"claim": "backups"}}
CHECK = {"name": "a", "sql": "SELECT 1", "expect": {"equals": 1}}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"backup": {"keep": 3}}, "spec.backup: has no target, expected volume (an existing claim) or s3"),
        ({"backup": VOLUME | {"s3": {"bucket": "abc", "secret": {"name": "x"}}}}, "spec.backup.s3: a second target"),
        ({"backup": {"s3": {"bucket": "abc", "bucketOwner": "1"}}}, "spec.backup.s3.bucketOwner: not allowed, expected an account"),
        ({"backup": {"volume": {}}}, "spec.backup.volume.claim: missing, expected a DNS-1123 name"),
        ({"backup": {"volume": {"claim": "x", "path": "../up"}}}, "spec.backup.volume.path: not allowed, expected a folder"),
        ({"backup": VOLUME | {"onFailure": "wran"}}, "expected abort or warn; did you mean 'warn'?"),
        ({"backup": VOLUME | {"keep": 0}}, "spec.backup.keep: not allowed, expected a whole number from 1 to 10000"),
        ({"backup": VOLUME | {"wave": -4}}, "spec.backup.wave: not after hook.configWave, expected more than -4"),
        ({"dryRun": {"wave": -4}}, "spec.dryRun.wave: not after hook.configWave, expected more than -4"),
        ({"dryRun": {"wave": -1}}, "spec.dryRun.wave: not before the Job's wave, expected less than -1"),
        ({"checks": {"wave": -1, "run": [CHECK]}}, "spec.checks.wave: not after hook.wave, expected more than -1"),
        ({"checks": {"run": []}}, "spec.checks.run: empty, expected at least one check"),
        ({"checks": {"run": [CHECK, CHECK]}}, "spec.checks.run.1.name: the name of another check"),
        ({"checks": {"run": [{"name": "a"}]}}, "check a is no check, expected either sql or command"),
        ({"checks": {"run": [{**CHECK, "command": ["x"]}]}}, "check a is no check, expected either sql or command"),
        ({"checks": {"run": [{"name": "a", "sql": "SELECT 1"}]}}, "check a expects nothing definite"),
        ({"checks": {"run": [{**CHECK, "expect": {"equals": 1, "min": 1}}]}}, "check a expects nothing definite"),
        ({"checks": {"run": [{"name": "a", "command": ["x"], "expect": {"equals": 1}}]}}, "expect: belongs to sql"),
        ({"checks": {"run": [{**CHECK, "sql": "DO $$x$$"}]}}, "expected one SQL statement without $( and $$"),
        ({"database": {"engine": "other"}}, "spec.backup: needs PostgreSQL, but database.engine is other; remove it"),
        ({"database": {"config": {"keys": ["DB"]}}, "config": {"DB": "x"}}, "DATABASE_HOST is no key of database.config"),
        ({"migrations": {"tool": "command", "commands": {}}}, "spec.dryRun.tables: missing, expected the table in which"),
        ({"strategy": "init-container"}, "spec.backup: belongs to the strategy presync-job, but the strategy here is"),
        ({"strategy": "init-container"}, "spec.checks: belongs to the strategy presync-job, but the strategy here is"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_its_place_and_reason(full: Path, cli: Cli, fields: dict, expected: str) -> None:
    say(full, **fields)
    code, out, err = cli("render", "production", "--stdout")
    assert (code, out) == (2, "")
    (line, *_) = [line for line in err.splitlines() if expected in line] or [err]
    assert expected in line
    path, row, column, _ = line.split(":", 3)
    assert path in ("argocd/profiles/production.yaml", "argocd/aegisgen.yaml")
    assert int(row) > 0
    assert int(column) > 0


def test_a_postgres_of_unknown_version_is_asked_for(full: Path, cli: Cli) -> None:
    replace(full / "aegisgen.yaml", "postgres: {version: 17}", "postgres: {user: 999}")
    code, _, err = cli("render", "production", "--stdout")
    assert code == 2
    assert "database.postgres: missing, expected the server's major version, such as {version: 17}" in err


STORE = "store: {name: vault}, data: {DATABASE_PASSWORD: {key: db}}"
WINDOW = '{kind: deny, schedule: "0 17 * * 5", duration: 3d, manualSync: true}'
OF_A_HOOK = "belongs to the strategy presync-job"


@pytest.mark.parametrize(
    ("environment", "said", "expected"),
    [
        ("production", "notifications: {slack: {}}", "spec.notifications.slack.secret: missing, expected a Secret's name and key"),
        ("production", "notifications: {text: $(DATABASE_PASSWORD)}", "notifications.text: not allowed, expected text without $("),
        ("production", "notifications: {on: [start]}", "spec.notifications: nobody to tell"),
        ("production", "notifications: {argocd: {on-sync-failed: [{slack: a}]}}", "notifications.argocd: subscriptions are"),
        ("production", "notifications: {timeout: 31s, slack: {secret: {name: a, key: b}}}", "notifications.timeout: too long"),
        ("production", "metrics: {pushgateway: 'http://me:pass@gate'}", "metrics.pushgateway: looks like a secret"),
        ("production", "metrics: {pushgateway: 'http://gate'}\n  security: {networkPolicy: {enabled: true, database: {cidr: 10.0.0.0/8}}}", "security.networkPolicy.also: keeps messages"),
        ("production", "security: {networkPolicy: {enabled: true}}", "spec.security.networkPolicy.database: missing"),
        ("production", "security: {networkPolicy: {enabled: true, database: {}}}", "neither podLabels"),
        ("production", "security: {networkPolicy: {database: {cidr: 10.0.0.1/8}}}", "networkPolicy.database.cidr: not a network"),
        ("production", "security: {networkPolicy: {dns: {cidr: 10.0.0.0/8, podLabels: {a: b}}}}", "networkPolicy.dns: both labels"),
        ("staging", "security: {networkPolicy: {enabled: false}}", OF_A_HOOK),
        ("production", f"security: {{externalSecret: {{{STORE}}}, sealedSecret: {{}}}}", "security.sealedSecret: externalSecret"),
        ("production", "security: {externalSecret: {store: {name: v}, data: {X: {key: y}}}}", "DATABASE_PASSWORD missing"),
        ("production", "security: {runAsUser: 0}", "spec.security.runAsUser: not allowed, expected a user id"),
        ("production", "approval: {gate: true, wave: -4}", "spec.approval.wave: that of hook.configWave as well"),
        ("staging", "approval: {gate: true}", OF_A_HOOK),
        ("production", f"approval: {{syncWindows: [{WINDOW}]}}", "approval.syncWindows: windows belong to an AppProject"),
        ("production", "approval: {syncWindows: [{kind: deny, schedule: weekly, duration: 3h}]}", "syncWindows.0.schedule: not allowed, expected a cron line"),
        ("production", "approval: {gate: true}\n  application: {repoURL: x, automated: {selfHeal: true}}", "spec.application.automated.selfHeal: starts syncs by itself"),
        ("production", "application: {}", "application.repoURL: missing"),
        ("production", "application: {repoURL: x, destination: {server: a, name: b}}", "application.destination: both server and name"),
        ("staging", "rollback: {automatic: true}", f"spec.rollback.automatic: {OF_A_HOOK}"),
        ("production", "runbook: {path: runbook.md}", "expected a path below the project's folder, in a folder"),
        ("production", "runbook: {path: ../runbook.md}", "expected a path below the project's folder"),
        ("production", "runbook: {path: docs/runbook.txt}", "that ends in .md or .html"),
        ("production", "runbook: {path: docs/runbook.md}", "one file for several of them, expected {service} in it"),
        ("production", "runbook: {path: 'docs/{service}-{env}.md'}", "braces stand for {environment} and {service} only"),
        ("production", "runbook: {path: 'profiles/{service}.md'}", "in a folder that holds something else"),
        ("production", "runbook: {path: 'base/api/{service}.md'}", "in a folder that holds something else"),
        ("production", "runbook: {peple: {}}", "did you mean 'people'"),
    ],
)  # fmt: skip
def test_a_field_that_cannot_be_is_refused_with_its_place(
    project: Path, environment: str, said: str, expected: str
) -> None:
    steps.say(project, environment, f"  {said}\n")
    message = steps.refused(environment)
    assert message.startswith("argocd/profiles/")
    assert expected in message


def test_a_rollback_needs_the_lock(project: Path) -> None:
    profile = project / "profiles/production.yaml"
    lines = profile.read_text().splitlines(keepends=True)
    profile.write_text("".join(line for line in lines if "migrations:" not in line and "scripts:" not in line))
    steps.say(project, "production", "  rollback: {automatic: true}\n  migrations: {lock: {enabled: false}}\n")
    assert "needs the lock" in steps.refused("production")


def test_a_sync_is_recorded_before_it_migrates(project: Path) -> None:
    """In one wave with the migration, the Job that begins a sync may be second: then nothing would be taken back."""
    steps.say(project, "production", "  rollback: {automatic: true, directory: migrations}\n")
    replace(project / "profiles/production.yaml", "wave: -1", "wave: -3")
    assert "spec.hook.configWave: no wave between it and hook.wave" in steps.refused("production")


def test_a_tool_without_a_way_back_has_no_rollback(project: Path) -> None:
    replace(project / "aegisgen.yaml", "tool: knex", "tool: prisma")
    steps.say(project, "production", "  rollback: {automatic: true}\n")
    assert "spec.rollback.automatic: prisma has no rollback" in steps.refused("production")
