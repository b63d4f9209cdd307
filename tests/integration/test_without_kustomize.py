"""Rules about one object need no Kustomize: without it they judge an overlay's files as they are written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from aegisgen.rules.rule import Scope
from aegisgen.rules.table import RULES

LASTING = [rule for rule in RULES.values() if rule.scope is Scope.LASTING]
POD = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: app}
spec:
  selector: {matchLabels: {app: app}}
  template:
    metadata: {labels: {app: app}}
    spec:
      automountServiceAccountToken: false
      containers:
        - name: app
          image: app:1.2
"""
LIMITS = "          resources: {requests: {cpu: 1m, memory: 1Mi}, limits: {memory: 1Mi}}\n"
SECRET = "          env: [{name: A_PASSWORD, value: hunter22}]\n"
PATCH = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: app}\nspec: {template: {spec: {containers: [{name: app, %s}]}}}\n"
Found = list[tuple[str, str, int, str]]


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli) -> Callable[..., Found]:
    """Write a base and an overlay on it, and return what is found: rule, path, line, resource."""
    monkeypatch.chdir(tmp_path)

    def run(base: str, overlay: str = "", *options: str, **files: str) -> Found:
        for name, text in {
            "base/all.yaml": base,
            "base/kustomization.yaml": "resources: [all.yaml]\n",
            "overlay/kustomization.yaml": f"namePrefix: test-\nresources: [../base]\n{overlay}",
            **{f"overlay/{name}.yaml": text for name, text in files.items()},
        }.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text)
        outcome = cli("validate", "--format", "json", *(options or ("--no-compose",)), ".")
        findings = json.loads(outcome.out)["findings"]
        return [(each["rule"], each["path"], each["line"], each["resource"]) for each in findings]

    return run


def test_rules_that_last_look_at_one_object() -> None:
    assert {rule.id for rule in LASTING} >= {"H101", "S401", "S407"}


@pytest.mark.parametrize("rule", LASTING, ids=lambda rule: rule.id)
def test_the_bad_example_is_found_in_the_files_and_the_good_one_is_not(found, rule) -> None:
    assert rule.id in {each[0] for each in found(rule.text.bad, "commonAnnotations: {a: b}\n")}
    assert rule.id not in {each[0] for each in found(rule.text.good)}


def test_a_secret_in_a_base_is_found_where_it_stands(found, no_tools) -> None:
    expected = ("S401", "base/all.yaml", 14, "Deployment/test-app")
    assert found(POD + LIMITS + SECRET) == [expected]
    assert found(POD + LIMITS + SECRET, "", "--compose") == [expected]


@pytest.mark.tools
def test_with_kustomize_it_is_found_at_the_same_place(found, kustomize) -> None:
    assert found(POD + LIMITS + SECRET, "", "--compose") == found(POD + LIMITS + SECRET) != []


@pytest.mark.tools
def test_an_overlay_that_does_not_compose_is_judged_all_the_same(found, kustomize) -> None:
    rules = {each[0] for each in found(POD + LIMITS + SECRET, "resources: [1]\nvars: [{name: 1}]\n", "--compose")}
    assert "S401" in rules


def test_a_secret_in_a_patch_or_in_generated_data_is_found(found) -> None:
    patch = PATCH % "env: [{name: A_PASSWORD, value: hunter22}]"
    assert ("S401", "overlay/patch.yaml", 4, "Deployment/app") in found(
        POD + LIMITS, "patches: [{path: patch.yaml}]\n", patch=patch
    )
    inline = f"patches:\n- patch: |-\n{''.join(f'    {line}' for line in patch.splitlines(keepends=True))}"
    assert ("S401", "overlay/kustomization.yaml", 8, "Deployment/app") in found(POD + LIMITS, inline)
    generator = "configMapGenerator:\n- name: more\n  literals: [A=b, API_TOKEN=hunter22]\n"
    assert ("S401", "overlay/kustomization.yaml", 4, "ConfigMap/test-more") in found(POD + LIMITS, generator)


def test_what_an_overlay_may_still_add_is_not_missed(found) -> None:
    assert [each[0] for each in found(POD)] == ["S402"]
    limits = LIMITS.strip()
    assert found(POD, "patches: [{path: patch.yaml}]\n", patch=PATCH % limits) == []


def test_an_ignore_means_what_it_means_to_the_composed_object(found, tmp_path, cli) -> None:
    base = POD.replace("{name: app}\nspec", "{name: app, annotations: {aegisgen.dev/ignore: 'S401 a test'}}\nspec", 1)
    assert found(base + LIMITS + SECRET) == []


def test_a_rendered_file_is_judged_without_kustomize(project, cli, no_tools) -> None:
    assert cli("check", "--all").code == 0
    file = project / "base/api/deployment.yaml"
    file.write_text(
        file.read_text().replace(
            "          envFrom:", "          env: [{name: X_TOKEN, value: hunter22}]\n          envFrom:", 1
        )
    )
    outcome = cli("check", "--all")
    assert outcome.code == 1
    assert "error[S401] the variable X_TOKEN of container api holds a secret" in outcome.out
    assert "hunter22" not in outcome.out
