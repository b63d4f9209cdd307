"""A profile with everything on: it composes, meets its schemas in both engines, and no rule has an error."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.conftest import ROOT, aegisgen
from tests.tools import need

pytestmark = pytest.mark.tools


@pytest.mark.parametrize("engine", ["aegisgen", "kubeconform"])
def test_everything_on_is_without_an_error(engine, kustomize, tmp_path: Path, monkeypatch) -> None:
    if engine == "kubeconform":
        need(engine)
    shutil.copytree(ROOT / "tests/fixtures/full", tmp_path / "full")
    monkeypatch.chdir(tmp_path / "full")
    assert aegisgen("render", "--all").code == 0
    outcome = aegisgen("check", "--all", "--engine", engine)
    assert outcome.code == 0, outcome.out


def test_the_plan_shows_the_whole_pipeline(kustomize, tmp_path: Path, monkeypatch) -> None:
    shutil.copytree(ROOT / "tests/fixtures/full", tmp_path / "full")
    monkeypatch.chdir(tmp_path / "full")
    assert aegisgen("render", "--all").code == 0
    plan = aegisgen("plan", "production").out
    names = ("approval", "backup", "baseline", "dry-run", "migration", "checks", "confirm", "sync-fail")
    places = [plan.find(f"─ Job/production-aegisx-api-{name}") for name in names]
    assert -1 not in places, plan
    assert places == sorted(places)
