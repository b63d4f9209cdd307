"""What the README shows is what happens."""

from __future__ import annotations

import json
import re

import msgspec
import pytest
from tests.conftest import ROOT
from tests.trees import replace

from aegisgen.profile.model import Profile, Project

README = (ROOT / "README.md").read_text()


def test_the_example_of_drift_is_real_output(project, cli) -> None:
    (shown,) = re.findall(r"```console\n\$ sed [^\n]*\n\$ aegisgen ([^\n]*)\n(.*?)```", README, re.DOTALL)
    replace(project / "overlays/production/api/migration-job.yaml", "backoffLimit: 3", "backoffLimit: 4")
    outcome = cli(*shown[0].split())
    assert outcome.out == shown[1]


def test_the_profile_shown_is_the_beginning_of_the_real_one() -> None:
    (shown,) = re.findall(r"```yaml\n(apiVersion: aegisgen.dev/v1\n.*?)```", README, re.DOTALL)
    assert shown in (ROOT / "argocd/profiles/production.yaml").read_text()


def test_every_file_that_is_linked_is_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_every_command_is_listed(cli) -> None:
    listed = set(re.findall(r"^\| `aegisgen (\w+)", README, re.MULTILINE))
    assert listed == set(re.findall(r"^\W*(\w+)  ", cli("--help").out.partition("Commands")[2], re.MULTILINE))


def test_every_feature_of_the_guide_has_a_profile_key_and_a_test() -> None:
    rows = re.findall(r"^\| [^|]+ \| `([^|]+)` \| `(\w+\.py)::(\w+)` \|$", README, re.MULTILINE)
    assert len(rows) >= 16
    schema = json.dumps(msgspec.json.schema(Profile)) + json.dumps(msgspec.json.schema(Project))
    for keys, file, test in rows:
        (found,) = (ROOT / "tests").glob(f"*/{file}")
        assert f"def {test}(" in found.read_text(), f"{file}::{test}"
        for key in re.split(r"[`, .]+", keys):
            assert f'"{key}"' in schema, key


@pytest.mark.tools
def test_the_picture_of_the_plan_is_current(cli, kustomize, monkeypatch) -> None:
    monkeypatch.chdir(ROOT)
    outcome = cli("plan", "production", "--format", "svg")
    assert outcome.out == (ROOT / "docs/plan-production.svg").read_text(), (
        "run: aegisgen plan production --format svg > docs/plan-production.svg"
    )


@pytest.mark.tools
def test_the_findings_in_the_hand_written_tree_are_the_ones_listed(cli, kustomize, monkeypatch) -> None:
    monkeypatch.chdir(ROOT / "tests/fixtures/guide")
    listed = re.findall(r"\[(\w\d{3})\]\(docs/rules/\w+\.md\) (\w+) \|", README)
    found = re.findall(r": (\w+)\[(\w\d{3})\]", cli("validate", "argocd").out)
    assert {(rule, severity) for severity, rule in found if severity != "info"} == set(listed)
