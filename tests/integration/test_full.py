"""A profile with everything on: it composes, meets its schemas in both engines, and no rule has an error."""

from __future__ import annotations

import pytest
from tests.conftest import aegisgen
from tests.tools import need

pytestmark = pytest.mark.tools


@pytest.mark.parametrize("engine", ["aegisgen", "kubeconform"])
def test_everything_on_is_without_an_error(engine, kustomize, full) -> None:
    if engine == "kubeconform":
        need(engine)
    assert aegisgen("render", "--all").code == 0
    outcome = aegisgen("check", "--all", "--engine", engine)
    assert outcome.code == 0, outcome.out


def test_the_plan_shows_the_whole_pipeline(kustomize, full) -> None:
    assert aegisgen("render", "--all").code == 0
    plan = aegisgen("plan", "production").out
    names = ("baseline", "dry-run", "approval", "backup", "migration", "checks", "rollout", "confirm", "sync-fail")
    places = [plan.find(f"─ Job/production-aegisx-api-{name}") for name in names]
    assert -1 not in places, plan
    assert places == sorted(places)
