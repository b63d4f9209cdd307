"""The command that tells what will happen, and what a project says of rules."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest
from tests.conftest import refusal

pytestmark = [pytest.mark.tools, pytest.mark.usefixtures("kustomize")]


def test_the_plan_tells_what_waits_for_what(project, cli) -> None:
    outcome = cli("plan", "production")
    assert outcome.code == 0
    lines = [line.strip(" │├└─") for line in outcome.out.splitlines()]
    job = lines.index("Job/production-aegisx-api-migration  [hook]")
    config = lines.index("ConfigMap/production-aegisx-api-migration-config  [hook]")
    deployment = lines.index("Deployment/production-aegisx-api")
    assert config < job < deployment
    assert "at most 30m for 4 attempts" in lines[job:deployment]


def test_a_staging_plan_shows_the_init_container(project, cli) -> None:
    assert "db-migration (init container" in cli("plan", "staging").out


def test_a_plan_comes_in_every_format(project, cli) -> None:
    assert json.loads(cli("plan", "production", "--format", "json").out)
    assert cli("plan", "production", "--format", "mermaid").out.startswith("flowchart")
    assert ET.fromstring(cli("plan", "production", "--format", "svg").out).tag.endswith("svg")


def test_any_overlay_can_be_planned(project, cli, monkeypatch, tmp_path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    monkeypatch.chdir(outside)
    outcome = cli("plan", "--path", str(project / "overlays/staging/api"))
    assert outcome.code == 0
    assert "Deployment/staging-aegisx-api" in outcome.out


def test_the_application_that_deploys_an_overlay_tells_its_retries(project, cli) -> None:
    (project / "apps").mkdir()
    (project / "apps/api.yaml").write_text(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: api}\n"
        "spec:\n  source: {repoURL: https://example.com/r, path: argocd/overlays/production/api}\n"
        "  syncPolicy: {retry: {limit: 2}}\n"
    )
    assert "No Application is known" not in cli("plan", "production").out


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "name an environment, or give --path DIR"),
        (["production", "--path", "."], "name an environment, or give --path DIR"),
        (["--path", "nowhere"], "nowhere: no such folder"),
        (["prod"], "no environment 'prod'; there is production, staging"),
        (["--path", "argocd/profiles"], "kustomization"),
    ],
)
def test_a_plan_of_nothing_says_what_is_missing(project, arguments, expected) -> None:
    assert expected in refusal("plan", *arguments)


def test_a_project_may_weigh_and_ignore_rules_with_a_reason(project, cli) -> None:
    file = project / "aegisgen.yaml"
    before = file.read_text()
    assert cli("check", "production").out.count("warning[H111]") == 1
    file.write_text(before + "rules:\n  severity: {H111: error}\n")
    outcome = cli("check", "production")
    assert outcome.code == 1
    assert "error[H111]" in outcome.out
    ignore = "rules:\n  ignore:\n    - {rule: H111, reason: the build rewrites the tag}\n    - {rule: H104, reason: nothing}\n"
    file.write_text(before + ignore)
    outcome = cli("check", "production")
    assert "[H111]" not in outcome.out
    assert "argocd/aegisgen.yaml" in outcome.out
    assert "warning[C602]" in outcome.out
    file.write_text(before + "rules:\n  ignore: [{rule: H111}]\n")
    assert "rules.ignore.0.reason: missing, expected a reason" in refusal("check", "production")
