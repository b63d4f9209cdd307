"""The static reading of an overlay against what Kustomize really builds."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from tests.conftest import ROOT

from aegisgen.errors import CompositionError
from aegisgen.kube.compose import compose
from aegisgen.kube.origin import member_of, origin_of
from aegisgen.kube.overlay import read_overlay, unmatched_patches
from aegisgen.kube.resource import Resource, resources_in

pytestmark = [pytest.mark.tools, pytest.mark.usefixtures("kustomize")]

FOLDER = ROOT / "tests/fixtures/layers"
TARGETS = [
    "{}",
    *(f"{{kind: Deployment, name: {name!r}}}" for name in ("api", "b-api", "m-b-api", "m-b-api-s", "t-c-m-b-api-s")),
    *(f"{{kind: Deployment, name: {name!r}}}" for name in ("ap", "ap.", "ap|zz", "^api$", "API", "c-m-b-api-s")),
    *(f"{{kind: Deployment, namespace: {name}}}" for name in ("born", "base", "middle", "top", "default")),
    *(f"{{kind: Namespace, name: {name}}}" for name in ("space", "base", "middle", "top")),
    *(f"{{kind: Namespace, namespace: {name!r}}}" for name in ("default", ".*non.*")),
    *(f"{{kind: ConfigMap, name: {name}}}" for name in ("config", "b-config", "m-b-config-s", "partial", "own")),
    "{kind: ConfigMap, namespace: default}",
    "{kind: deployment}",
    "{group: apps, version: v1}",
    "{group: app}",
    "{group: '', version: v1}",
    "{name: api}",
    "{kind: ClusterRole, namespace: middle}",
    "{name: m-examples.example.dev}",
    "{name: examples.example.dev}",
    "{name: listed}",
    "{labelSelector: app=x}",
    "{labelSelector: 'app in (x, y),!none'}",
    "{labelSelector: app=z}",
    "{labelSelector: app}",
    "{labelSelector: 'app!=x'}",
    "{labelSelector: 'app==x'}",
    "{labelSelector: team=a}",
    "{labelSelector: 'team notin (a, b)'}",
    "{annotationSelector: base=hit}",
    "{annotationSelector: '!base'}",
]


def _write(root: Path, patches: str, *, field: str = "patches") -> Path:
    top = (
        "namePrefix: t-\nnamespace: top\nresources: [../middle]\ncomponents: [../part]\n"
        f"configMapGenerator: [{{name: own, literals: [a=b]}}]\n{field}:\n{patches}"
    )
    shutil.copytree(FOLDER, root, dirs_exist_ok=True)
    (root / "top").mkdir()
    (root / "top/kustomization.yaml").write_text(top)
    return root / "top"


def _resources(directory: Path) -> list[Resource]:
    return resources_in(compose(directory).documents)


@pytest.mark.parametrize(
    ("field", "targets"),
    [
        ("patches", TARGETS),
        ("patchesJson6902", [f"{{kind: Deployment, name: {name}}}" for name in ("api", "m-b-api-s", "t-c-m-b-api-s")]),
    ],
)
def test_every_target_selects_what_kustomize_selects(tmp_path: Path, field: str, targets: list[str]) -> None:
    # A JSON patch cannot add below annotations that are not there yet, so everything gets some first.
    patches = (
        "- target: {name: .*}\n"
        '  patch: \'[{"op": "add", "path": "/metadata/annotations", "value": {"base": "hit"}}]\'\n'
    )
    for number, target in enumerate(targets):
        patches += f"- target: {target}\n"
        patches += f'  patch: \'[{{"op": "add", "path": "/metadata/annotations/hit-{number}", "value": "x"}}]\'\n'
    top = _write(tmp_path, patches, field=field)

    applications = read_overlay(top).applications[-len(targets) :]
    resources = _resources(top)

    for number, (target, application) in enumerate(zip(targets, applications, strict=True)):
        hit = {_bare(str(each.identity)) for each in resources if f"hit-{number}" in each.annotations}
        assert {str(identity) for identity in application.met} == hit, target


def _bare(name: str) -> str:
    return re.sub(r"-[a-z0-9]{10}\Z", "", name)


@pytest.mark.parametrize(
    "identity",
    [
        f"name: {name}{namespace}"
        for name in ("api", "b-api", "m-b-api", "m-b-api-s", "none")
        for namespace in ("", ", namespace: born", ", namespace: base", ", namespace: middle", ", namespace: top")
    ],
)
def test_a_patch_without_target_meets_an_object_under_any_name_it_ever_had(tmp_path: Path, identity: str) -> None:
    patch = f"{{apiVersion: apps/v1, kind: Deployment, metadata: {{{identity}, annotations: {{hit: x}}}}}}"
    top = _write(tmp_path, f"- patch: '{patch}'\n")

    missed = bool(unmatched_patches(read_overlay(top)))

    assert missed is _refused(top)


def _refused(top: Path) -> bool:
    try:
        compose(top)
    except CompositionError:
        return True
    return False


def test_a_target_that_selects_nothing_is_dropped_without_a_word(tmp_path: Path) -> None:
    top = _write(tmp_path, "- target: {kind: Deployment, name: renamed}\n  patch: '{kind: A, metadata: {name: a}}'\n")

    composition = compose(top)

    assert composition.warnings == ()
    (patch,) = unmatched_patches(read_overlay(top))
    assert (patch.place.source, patch.place.position) == ((top / "kustomization.yaml").as_posix(), (7, 3))


def test_every_composed_object_leads_back_to_its_file(tmp_path: Path) -> None:
    top = _write(tmp_path, "- target: {kind: Deployment}\n  patch: '{kind: A, metadata: {name: a}}'\n")
    overlay = read_overlay(top)
    resources = _resources(top)

    origins = {str(resource.identity.kind): origin_of(overlay, resource) for resource in resources}

    assert {identity for identity in (member_of(overlay, r.identity) for r in resources) if identity is None} == set()
    assert len(resources) == len(overlay.members)
    assert {kind: place.source.rpartition("/")[2] for kind, place in origins.items() if place} == {
        "Namespace": "all.yaml",
        "CustomResourceDefinition": "all.yaml",
        "ClusterRole": "all.yaml",
        "Secret": "all.yaml",
        "ConfigMap": "kustomization.yaml",
        "Deployment": "all.yaml",
        "Example": "all.yaml",
    }


def test_a_merged_config_map_keeps_the_hash_of_its_base_and_a_plain_one_gets_none(tmp_path: Path) -> None:
    for name, text in {
        "base/kustomization": "resources: [plain.yaml]\nconfigMapGenerator: [{name: hashed, literals: [a=b]}]\n",
        "base/plain": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain}\n",
        "top/kustomization": (
            "namePrefix: t-\nresources: [../base]\nconfigMapGenerator:\n"
            "- {name: plain, behavior: merge, literals: [x=y]}\n- {name: hashed, behavior: merge, literals: [x=y]}\n"
        ),
    }.items():
        (tmp_path / f"{name}.yaml").parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.yaml").write_text(text)
    overlay = read_overlay(tmp_path / "top")

    resources = _resources(tmp_path / "top")

    hashed = {resource.identity.name: _bare(resource.identity.name) != resource.identity.name for resource in resources}
    assert sorted(hashed.values()) == [False, True]
    for resource in resources:
        member = member_of(overlay, resource.identity)
        assert member is not None
        assert member.hashed is hashed[resource.identity.name]
        place = origin_of(overlay, resource, ("data", "x"))
        assert place is not None
        assert place.value == "x=y"
