"""What a rehearsal's receiver gets: every step of the pipeline tells, and what tells fails nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.conftest import aegisgen
from tests.integration.test_rehearse_mutations import ROLLBACK, render
from tests.tools import need

from aegisgen.rehearsal.image.sink import Sink

need("npm", "node")
pytestmark = [pytest.mark.tools, pytest.mark.long, pytest.mark.usefixtures("kustomize", "shared_servers")]

EVERYTHING = f"""  database: {{postgres: {{version: 17}}}}
  backup: {{volume: {{claim: backups}}}}
  dryRun: {{deadline: 10m}}
  checks: {{run: [{{name: one, sql: SELECT 1, expect: {{equals: 1}}}}, {{name: two, command: ["true"]}}]}}
  approval: {{gate: true}}
  notifications: {{webhook: {{secret: {{name: hooks, key: audit}}}}, on: [approval, start, success, failure]}}
  metrics: {{pushgateway: "http://gateway:9091"}}
{ROLLBACK}"""


def test_each_step_is_told(quick_app: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sinks: list[Sink] = []

    class Kept(Sink):
        def __init__(self) -> None:
            super().__init__()
            sinks.append(self)

    monkeypatch.setattr("aegisgen.rehearsal.scenario.stage.Sink", Kept)
    render(project, EVERYTHING)
    names = [word for name in ("clean", "rollback-after-presync", "approval-withheld") for word in ("--scenario", name)]
    outcome = aegisgen("rehearse", "production", "--app", str(quick_app), *names)
    assert outcome.code == 0, outcome.out + outcome.err
    asked = [path for sink in sinks for path in sink.requests]
    steps = {match[1] for path in asked if (match := re.search(r"/metrics/job/aegisgen/.*/step/(\S+)", path))}
    assert steps == {
        "approval",
        "backup",
        "command-checks",
        "dry-run",
        "migration",
        "record",
        "rollback",
        "sql-checks",
    }
    assert any(path.endswith("/audit") for path in asked)
