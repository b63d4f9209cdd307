"""Manifests against the bundled schemas: verdicts, places and words."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema_rs
import pytest
from tests.fixtures.schemas.cases import CASES

from aegisgen.bundle import bundled
from aegisgen.errors import UsageError
from aegisgen.kube.schemas import DEFAULT_VERSION, VERSIONS, kustomization_violations, schema_file, violations

TESTS = Path(__file__).parents[1]
SCHEMAS = bundled("schemas")
FILES = sorted(path for folder in SCHEMAS.iterdir() if folder.name != "aegisgen" for path in folder.rglob("*.json"))

DEPLOYMENT = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "aegisx-api"}}
CONTAINERS = ("spec", "template", "spec", "containers")


def patched(spec: object) -> list[tuple[tuple[str | int, ...], str]] | None:
    return violations({**DEPLOYMENT, "spec": spec}, version=DEFAULT_VERSION, patch=True)


def pod_patch(**fields: object) -> dict[str, object]:
    return {"template": {"spec": fields}}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_manifest_of_the_table_has_just_the_violations_it_says(case):
    assert violations(case.data, version=DEFAULT_VERSION) == case.violations


def test_the_table_has_a_valid_and_a_broken_manifest_of_every_bundled_kind():
    tested = {
        (case.data["apiVersion"], case.data["kind"].lower(), bool(case.violations))
        for case in CASES
        if schema_file(case.data["apiVersion"], case.data["kind"], DEFAULT_VERSION)
    }
    for path in FILES:
        if "kubernetes" not in path.parts or f"v{DEFAULT_VERSION}" in path.parts:
            pins = json.loads(path.read_bytes())["properties"]
            gvk = (pins["apiVersion"]["enum"][0], pins["kind"]["enum"][0].lower())
            assert {(*gvk, True), (*gvk, False)} <= tested, path.name


@pytest.mark.parametrize("version", VERSIONS)
def test_valid_manifests_are_valid_in_every_kubernetes_version(version):
    assert not [case.name for case in CASES if not case.violations and violations(case.data, version=version)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(SCHEMAS).as_posix())
def test_every_schema_compiles_and_is_strict_and_self_contained(path):
    schema = json.loads(path.read_bytes())
    jsonschema_rs.meta.validate(schema)
    assert not jsonschema_rs.Draft202012Validator(schema).is_valid(
        {"apiVersion": schema["properties"]["apiVersion"]["enum"][0], "no such field": 1}
    )
    text = json.dumps(schema)
    assert text.count('"$ref": "') == text.count('"$ref": "#/$defs/')


def test_the_schemas_are_what_their_checksums_and_their_source_say():
    pytest.importorskip("kubernetes_validate", reason="kubernetes-validate, the schemas' source, is not installed")
    script = TESTS.parent / "schemas" / "build.py"
    run = subprocess.run([sys.executable, script, "--check", "--offline"], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")


def test_a_kind_without_a_schema_is_not_judged():
    assert violations({"apiVersion": "example.org/v1", "kind": "Thing"}, version="1.34") is None
    assert violations({"apiVersion": "v1", "kind": "Deployment"}, version="1.34") is None
    assert violations({"kind": "Pod"}, version="1.34") is None
    assert violations({"apiVersion": 1, "kind": ["Pod"]}, version="1.34") is None


@pytest.mark.parametrize(
    ("api_version", "kind"),
    [
        ("networking.example.org/v1", "NetworkPolicy"),  # shares its file name with the real one
        ("argoproj.io/v1", "Application"),
        ("apps/v1", "../v1.30/deployment"),
        ("v1", "../../argocd/application-argoproj-v1alpha1"),
        ("", ""),
    ],
)
def test_only_the_exact_group_and_version_finds_a_schema(api_version, kind):
    assert not schema_file(api_version, kind, "1.34")


def test_an_unknown_kubernetes_version_is_refused_with_the_known_ones():
    with pytest.raises(UsageError, match=r"1\.29.*1\.30, .*1\.37"):
        violations({"apiVersion": "v1", "kind": "Pod"}, version="1.29")
    with pytest.raises(UsageError):
        schema_file("v1", "Pod", "../v1.30")


def test_a_message_never_repeats_the_value():
    secret = {"apiVersion": "v1", "kind": "Secret", "data": {"a": "hunter2!"}, "stringData": {"b": ["hunter2!"]}}
    found = violations(secret, version="1.34")
    assert found is not None
    assert len(found) == 2
    assert not [violation for violation in found if "hunter2" in violation.message]


def test_everything_wrong_is_reported_once_each_and_in_order():
    found = violations(
        {**DEPLOYMENT, "kind": 3, "spec": {"b": 1, "a": 1, "replicas": []}} | {"kind": "Deployment"}, version="1.34"
    )
    assert found == [
        (("spec",), "required field 'selector' is missing"),
        (("spec",), "required field 'template' is missing"),
        (("spec", "a"), "unknown field"),
        (("spec", "b"), "unknown field"),
        (("spec", "replicas"), "expected an integer, got a list"),
    ]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (float("inf"), "a number that JSON cannot express"),
        (float("nan"), "a number that JSON cannot express"),
        (10**400, "a number that is too large"),
        ("\ud800", "text that is not valid Unicode"),
    ],
)
def test_values_that_no_api_server_can_take_are_violations(value, message):
    found = violations({**DEPLOYMENT, "spec": {"replicas": [1, value]}}, version="1.34")
    assert found == [(("spec", "replicas", 1), message)]


@pytest.mark.parametrize("key", ["", "0", "007", "+1", "1e3", "/", "~1", "$patch"])
def test_a_path_may_lead_through_a_strange_key(key):
    labels = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"labels": {key: 1}}}
    assert violations(labels, version="1.34") == [(("metadata", "labels", key), "expected a string, got a number")]
    unknown = {"apiVersion": "v1", "kind": "Namespace", key: 1}
    assert violations(unknown, version="1.34") == [((key,), "unknown field")]


def test_a_kustomization_may_omit_its_kind():
    assert kustomization_violations({"resources": ["a.yaml"], "namePrefix": None}) == []
    assert kustomization_violations({"kind": "Component", "resources": []}) == []
    assert kustomization_violations({"kind": "Component", "apiVersion": "kustomize.config.k8s.io/v1beta1"}) == [
        (("apiVersion",), "expected 'kustomize.config.k8s.io/v1alpha1'")
    ]
    assert kustomization_violations({"kind": "Kustomisation"}) == [(("kind",), "expected 'Kustomization'")]


def test_a_patch_requires_nothing_but_its_identity():
    assert patched(pod_patch(initContainers=[{"name": "db-migration"}])) == []
    assert violations({**DEPLOYMENT, "spec": pod_patch()}, version=DEFAULT_VERSION) != []


def test_a_patch_may_delete_any_field_by_null():
    assert patched({"selector": None, "template": {"spec": {"containers": None, "volumes": None}}}) == []
    assert patched(pod_patch(containers=[{"name": "api", "image": None, "resources": {"limits": {"cpu": None}}}])) == []
    assert violations({**DEPLOYMENT, "metadata": {"labels": {"a": None}}}, version="1.34", patch=True) == []


def test_a_patch_may_hold_the_directives_of_strategic_merge():
    directives = {
        "$patch": "replace",
        "$retainKeys": ["containers"],
        "$setElementOrder/containers": [{"name": "api"}],
        "$deleteFromPrimitiveList/imagePullSecrets": ["a"],
        "containers": [{"$patch": "replace"}, {"name": "old", "$patch": "delete"}],
        "nodeSelector": {"$patch": "replace", "disk": "ssd"},
    }
    assert patched({"template": {"spec": directives}, "strategy": {"$retainKeys": ["type"], "type": "Recreate"}}) == []


@pytest.mark.parametrize(
    ("spec", "path", "message"),
    [
        (pod_patch(container=[]), (*CONTAINERS[:3], "container"), "unknown field, did you mean 'containers'?"),
        (pod_patch(containers={}), CONTAINERS, "expected a list, got a mapping"),
        (pod_patch(containers=[None]), (*CONTAINERS, 0), "expected a mapping, got null"),
        (pod_patch(containers=[{"$ptach": "delete"}]), (*CONTAINERS, 0, "$ptach"), "unknown field"),
        (
            pod_patch(containers=[{"$patch": "remove"}]),
            (*CONTAINERS, 0, "$patch"),
            "expected one of: 'delete', 'merge', 'replace'",
        ),
        ({"replicas": "3"}, ("spec", "replicas"), "expected an integer, got a string"),
        ({"$retainKeys": "type"}, ("spec", "$retainKeys"), "expected a list, got a string"),
    ],
)
def test_a_patch_is_as_strict_as_a_manifest_in_everything_else(spec, path, message):
    assert patched(spec) == [(path, message)]


def test_every_schema_has_a_patch_form():
    for case in CASES:
        if not case.violations:
            identity = {key: case.data[key] for key in ("apiVersion", "kind")}
            if case.data["kind"] != "List":
                assert violations(case.data, version=DEFAULT_VERSION, patch=True) == [], case.name
            assert violations({**identity, "nope": 1}, version=DEFAULT_VERSION, patch=True) == [
                (("nope",), "unknown field")
            ]
