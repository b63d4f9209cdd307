"""The rules on whole trees: the guide's, in which every defect is found once, and good ones, in which none is."""

from __future__ import annotations

import json
from contextlib import chdir
from pathlib import Path

import pytest
from tests.conftest import ROOT, aegisgen

FIXTURES = ROOT / "tests/fixtures"
PUBLIC = sorted(path.name for path in (FIXTURES / "public").iterdir())

pytestmark = [pytest.mark.tools, pytest.mark.usefixtures("kustomize")]


def findings_in(folder: Path, *, least: str = "warning") -> list[dict]:
    """Return what `validate` finds in a folder, from the working directory there; at least so severe."""
    with chdir(folder):
        found = json.loads(aegisgen("validate", ".", "--format", "json").out)["findings"]
    severities = ("info", "warning", "error")
    return [each for each in found if severities.index(each["severity"]) >= severities.index(least)]


@pytest.fixture(scope="module")
def guide() -> list[dict]:
    return findings_in(FIXTURES / "guide", least="info")


PRODUCTION = "argocd/overlays/production/api"
STAGING = "argocd/overlays/staging/api"


@pytest.mark.parametrize(
    ("fact", "rule", "place"),
    [
        ("A5 the Job has no deadline", "H105", f"{PRODUCTION}/migration-job.yaml:12"),
        ("A7 the Job waits for the ConfigMap of the sync", "O201", f"{PRODUCTION}/migration-job.yaml:44"),
        ("A10 a new image under the tag starts no sync", "H111", f"{PRODUCTION}/kustomization.yaml:19"),
        ("A12 24 attempts", "H108", "argocd/apps/production-api.yaml:19"),
        ("K6 a stale image in production", "G302", f"{PRODUCTION}/kustomization.yaml:19"),
        ("K6 a stale image in staging", "G302", f"{STAGING}/kustomization.yaml:24"),
        ("K7 the Job has no pull secret", "G303", f"{PRODUCTION}/migration-job.yaml:19"),
        ("M1 three pods migrate at once", "G305", f"{STAGING}/kustomization.yaml:28"),
    ],
)
def test_a_defect_of_the_guide_is_found_once_with_its_line(guide: list[dict], fact: str, rule: str, place: str) -> None:
    environment = "staging" if "staging" in place else "production"
    found = [each for each in guide if each["rule"] == rule and environment in each["resource"]]
    assert [f"{each['path']}:{each['line']}" for each in found] == [place], fact


def test_nothing_else_in_the_guides_tree_is_worth_a_warning() -> None:
    rules = {finding["rule"] for finding in findings_in(FIXTURES / "guide")}
    assert rules == {"H105", "H108", "H111", "O201", "G302", "G303", "G305"}


def test_there_are_at_least_ten_good_trees() -> None:
    assert len(PUBLIC) >= 10


@pytest.mark.parametrize("name", PUBLIC)
def test_a_good_tree_gets_no_warning(name: str) -> None:
    assert [
        each for each in findings_in(FIXTURES / "public" / name) if each["rule"] != "V003"
    ] == []  # a kind without a schema


def test_the_aegisx_tree_has_no_error() -> None:
    assert findings_in(ROOT / "argocd", least="error") == []
