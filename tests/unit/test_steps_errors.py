"""Backups, dry runs and checks that cannot be: each is refused at its place, with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.conftest import Cli
from tests.integration.steps_support import full, say

__all__ = ["full"]

VOLUME = {"volume": {"claim": "backups"}}
S3 = {"s3": {"bucket": "backups"}}
CHECK = {"name": "a", "sql": "SELECT 1", "expect": {"equals": 1}}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"backup": {"keep": 3}}, "spec.backup: has no target, expected volume (an existing claim) or s3"),
        ({"backup": VOLUME | {"s3": {"bucket": "abc", "secret": {"name": "x"}}}}, "spec.backup.s3: a second target"),
        ({"backup": S3}, "spec.backup.s3.secret: missing, expected the name of the Secret"),
        ({"backup": {"volume": {}}}, "spec.backup.volume.claim: missing, expected a DNS-1123 name"),
        ({"backup": {"volume": {"claim": "x", "path": "../up"}}}, "spec.backup.volume.path: not allowed, expected a folder"),
        ({"backup": VOLUME | {"onFailure": "wran"}}, "expected abort or warn; did you mean 'warn'?"),
        ({"backup": VOLUME | {"keep": 0}}, "spec.backup.keep: not allowed, expected a whole number from 1 to 10000"),
        ({"backup": VOLUME | {"wave": -4}}, "spec.backup.wave: not after hook.configWave, expected more than -4"),
        ({"dryRun": {"wave": -3}}, "spec.dryRun.wave: not after backup.wave, expected more than -3"),
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
    project = full / "aegisgen.yaml"
    project.write_text(project.read_text().replace("postgres: {version: 17}", "postgres: {user: 999}"))
    code, _, err = cli("render", "production", "--stdout")
    assert code == 2
    assert "database.postgres: missing, expected the server's major version, such as {version: 17}" in err
