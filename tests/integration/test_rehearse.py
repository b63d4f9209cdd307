"""A rehearsal from the command line: the real Kustomize, Knex and PostgreSQL."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.conftest import ROOT, Outcome, aegisgen

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.tools, pytest.mark.slow]

GUIDE = "tests/fixtures/guide/argocd/overlays"


@pytest.fixture(autouse=True)
def _needs(kustomize: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'aegisgen[rehearse]'")
    monkeypatch.chdir(ROOT)


def rehearse(app: Path, *arguments: str) -> tuple[Outcome, dict]:
    """Rehearse, and return what came of each scenario by its name."""
    outcome = aegisgen("rehearse", *arguments, "--app", str(app), "--format", "json")
    assert outcome.out, outcome.err
    return outcome, {scenario["name"]: scenario for scenario in json.loads(outcome.out)["scenarios"]}


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_a_clean_run_passes(app: Path, environment: str) -> None:
    outcome, found = rehearse(app, environment, "--scenario", "clean")
    assert (outcome.code, found["clean"]["verdict"]) == (0, "passed"), outcome.out


def test_the_hand_written_production_waits_for_ever_for_its_own_configmap(app: Path) -> None:
    outcome, found = rehearse(app, "--path", f"{GUIDE}/production/api", "--scenario", "clean")
    assert outcome.code == 1
    assert "waits for ever" in found["clean"]["reason"]
    assert 'CreateContainerConfigError: configmap "production-aegisx-api-config" not found' in found["clean"]["reason"]
