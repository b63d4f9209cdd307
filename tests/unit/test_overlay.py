"""Kustomize directories read without Kustomize."""

from __future__ import annotations

from pathlib import Path

import pytest

from aegisgen.kube.kustomization import MAX_LAYERS
from aegisgen.kube.overlay import Overlay, overlay_of, read_overlay, unmatched_patches

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: api
  labels: {app: api}
spec: {}
"""
ADD = "[{op: add, path: /metadata/annotations, value: {a: b}}]"


def overlay(directory: str = "top", **files: str) -> Overlay:
    """Read a tree given as files; `top__kustomization` is top/kustomization.yaml."""
    tree = {f"{name.replace('__', '/')}.yaml": text.encode() for name, text in files.items()}
    return overlay_of(tree.get, directory)


def names(found: Overlay) -> list[str]:
    return [f"{member.identity.namespace}/{member.identity}" for member in found.members]


def unmatched(found: Overlay) -> list[tuple[str, int]]:
    return [(patch.place.source, patch.place.position[0]) for patch in unmatched_patches(found)]


def test_names_are_composed_through_every_layer() -> None:
    found = overlay(
        top__kustomization="namePrefix: t-\nnameSuffix: -s\nnamespace: prod\nresources: [../base]\n",
        base__kustomization="namePrefix: b-\nresources: [all.yaml]\n",
        base__all=DEPLOYMENT
        + "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: old}\n"
        + "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: role}\n"
        + "---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: a.b}\n",
    )

    assert names(found) == [
        "prod/Deployment/t-b-api-s",
        "/Namespace/prod",
        "/ClusterRole/t-b-role-s",
        "/CustomResourceDefinition/a.b",
    ]
    assert [(member.place.source, member.place.document.line) for member in found.members][:2] == [
        ("base/all.yaml", 1),
        ("base/all.yaml", 7),
    ]
    assert [document.source for document in found.kustomizations] == [
        "top/kustomization.yaml",
        "base/kustomization.yaml",
    ]


def test_the_items_of_a_list_are_objects_with_their_own_place() -> None:
    found = overlay(
        top__kustomization="resources: [list.yaml]\n",
        top__list="apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Secret, metadata: {name: a}}\n",
    )

    (member,) = found.members
    assert names(found) == ["/Secret/a"]
    assert member.place.position == (4, 3)


def test_a_patch_without_a_counterpart_is_reported_at_its_entry() -> None:
    found = overlay(
        top__kustomization=f"""\
resources: [api.yaml]
patches:
  - path: patch.yaml
    target: {{kind: Deployment, name: api}}
  - target: {{kind: Deployment, name: renamed}}
    patch: '{ADD}'
""",
        top__api=DEPLOYMENT,
        top__patch=DEPLOYMENT,
    )

    assert unmatched(found) == [("top/kustomization.yaml", 5)]


@pytest.mark.parametrize(
    ("patch", "matched"),
    [
        ("{apiVersion: apps/v1, kind: Deployment, metadata: {name: api}}", True),
        ("{apiVersion: apps/v1, kind: Deployment, metadata: {name: api, namespace: default}}", True),
        ("{apiVersion: apps/v1, kind: Deployment, metadata: {name: api, namespace: other}}", False),
        ("{apiVersion: apps/v1beta1, kind: Deployment, metadata: {name: api}}", False),
        ("{apiVersion: apps/v1, kind: Deployment, metadata: {name: ap}}", False),
    ],
)
@pytest.mark.parametrize("field", ["patches", "patchesStrategicMerge"])
def test_a_patch_without_target_goes_by_its_own_identity(field: str, patch: str, *, matched: bool) -> None:
    entry = f"{{patch: '{patch}'}}" if field == "patches" else f"'{patch}'"
    found = overlay(top__kustomization=f"resources: [api.yaml]\n{field}: [{entry}]\n", top__api=DEPLOYMENT)

    assert bool(unmatched_patches(found)) is not matched


def test_json_patches_see_the_names_of_their_own_layer_and_other_patches_do_not() -> None:
    found = overlay(
        top__kustomization=f"""\
namePrefix: t-
resources: [../base]
patches:
- {{target: {{name: t-b-api}}, patch: '{ADD}'}}
- {{target: {{name: b-api}}, patch: '{ADD}'}}
patchesJson6902:
- {{target: {{version: v1, kind: Deployment, name: t-b-api}}, patch: '{ADD}'}}
- {{target: {{version: v1, kind: Deployment, name: t-api}}, patch: '{ADD}'}}
""",
        base__kustomization="namePrefix: b-\nresources: [api.yaml]\n",
        base__api=DEPLOYMENT,
    )

    assert unmatched(found) == [("top/kustomization.yaml", 4), ("top/kustomization.yaml", 8)]


def test_a_component_patches_what_its_user_gathered_and_generated() -> None:
    found = overlay(
        top__kustomization=(
            "resources: [api.yaml]\ncomponents: [../part]\nconfigMapGenerator: [{name: config, literals: [a=b]}]\n"
        ),
        top__api=DEPLOYMENT,
        part__kustomization=f"""\
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
patches:
- {{target: {{kind: ConfigMap, name: config}}, patch: '{ADD}'}}
- {{target: {{kind: Deployment, name: api}}, patch: '{ADD}'}}
- {{target: {{kind: Deployment, name: absent}}, patch: '{ADD}'}}
""",
    )

    assert unmatched(found) == [("part/kustomization.yaml", 6)]


def test_a_patch_in_a_base_sees_the_base_alone() -> None:
    found = overlay(
        top__kustomization="resources: [api.yaml, ../base]\n",
        top__api=DEPLOYMENT,
        base__kustomization=f"patches: [{{target: {{name: api}}, patch: '{ADD}'}}]\n",
    )

    assert unmatched(found) == [("base/kustomization.yaml", 1)]


def test_selectors_see_labels_that_lower_layers_and_earlier_patches_gave() -> None:
    found = overlay(
        top__kustomization="""\
resources: [../base]
patches:
- {target: {kind: Deployment}, patch: '[{op: add, path: /metadata/labels/tier, value: web}]'}
- {target: {labelSelector: "tier=web,team"}, patch: '{kind: A, metadata: {labels: {app: null}}}'}
- {target: {labelSelector: "app"}, patch: '{kind: A}'}
- {target: {annotationSelector: "seen=yes"}, patch: '{kind: A}'}
""",
        base__kustomization="resources: [api.yaml]\ncommonLabels: {team: a}\ncommonAnnotations: {seen: 'yes'}\n",
        base__api=DEPLOYMENT,
    )

    assert unmatched(found) == [("top/kustomization.yaml", 5)]


def test_a_deleted_object_is_gone_for_later_patches() -> None:
    found = overlay(
        top__kustomization=f"""\
resources: [api.yaml]
patches:
- patch: '{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: api}}, $patch: delete}}'
- {{target: {{kind: Deployment}}, patch: '{ADD}'}}
""",
        top__api=DEPLOYMENT,
    )

    assert found.members == ()
    assert unmatched(found) == [("top/kustomization.yaml", 4)]


@pytest.mark.parametrize(
    "unknown",
    [
        "resources: ['https://git.invalid/base?ref=v1']",
        "resources: ['github.com/somebody/base']",
        "resources: [gone.yaml]",
        "helmCharts: [{name: chart}]",
        "generators: [plugin.yaml]",
        "transformers: [plugin.yaml]",
    ],
)
def test_nothing_is_said_of_patches_that_may_meet_what_cannot_be_seen(unknown: str) -> None:
    found = overlay(top__kustomization=f"{unknown}\npatches: [{{target: {{name: api}}, patch: '{ADD}'}}]\n")

    assert unmatched_patches(found) == ()


def test_remote_bases_are_noted_with_their_place_and_not_as_problems() -> None:
    found = overlay(top__kustomization="resources:\n- https://git.invalid/base\n")

    assert [(place.value, place.position) for place in found.remotes] == [("https://git.invalid/base", (2, 3))]
    assert found.problems == ()


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({}, "top: no kustomization.yaml in this directory"),
        ({"top__kustomization": "a: ["}, "top/kustomization.yaml:2:1: not valid YAML"),
        (
            {"top__kustomization": "resources:\n- gone.yaml\n"},
            "top/kustomization.yaml:2:3: resources: gone.yaml does not exist, or is a directory without",
        ),
        ({"top__kustomization": "resources: [1]\n"}, "top/kustomization.yaml:1:13: resources: expected the path"),
        (
            {"top__kustomization": "resources: [../b]\n", "b__kustomization": "bases: [../top]\n"},
            "b/kustomization.yaml:1:9: bases: ../top leads back to",
        ),
        ({"top__kustomization": "resources: [.]\n"}, "top/kustomization.yaml:1:13: resources: . leads back to"),
        ({"top__kustomization": "patches:\n- path: p.yaml\n"}, "top/kustomization.yaml:2:3: patches: the patch p.yaml"),
        ({"top__kustomization": "patches: [{}]\n"}, "top/kustomization.yaml:1:11: patches: a patch with neither"),
        ({"top__kustomization": "resources: [a.yaml]\n", "top__a": "a: 1\na: 2\n"}, "top/a.yaml:2:1: not valid YAML"),
        (
            {"top__kustomization": "patches:\n- patch: |\n    a: 1\n    b: [\n"},
            "top/kustomization.yaml:5:1: not valid YAML",
        ),
    ],
)
def test_what_is_wrong_is_a_problem_with_its_place(files: dict[str, str], problem: str) -> None:
    found = overlay(**files)

    assert [str(each) for each in found.problems if str(each).startswith(problem)], list(map(str, found.problems))


def test_a_broken_patch_is_no_unmatched_patch() -> None:
    assert unmatched_patches(overlay(top__kustomization="patches: [{path: gone.yaml}]\n")) == ()


def test_bases_that_multiply_each_other_come_to_an_end() -> None:
    files = {
        f"d{number}__kustomization": f"resources: [../d{number + 1}, ../d{number + 1}/.]\n" for number in range(40)
    }

    found = overlay("d0", **files)

    assert len(found.layers) <= MAX_LAYERS
    assert any("more than" in problem.message for problem in found.problems)


def test_a_merged_generator_changes_the_object_and_adds_none() -> None:
    found = overlay(
        top__kustomization=(
            "namePrefix: t-\nresources: [../base]\n"
            "configMapGenerator:\n- {name: config, behavior: merge, literals: [HOST=a]}\n"
        ),
        base__kustomization=(
            "namespace: x\nresources: [config.yaml]\nsecretGenerator: [{name: keys, literals: [A=b]}]\n"
        ),
        base__config="apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config}\n",
    )

    config, keys = found.members
    assert (config.identity.name, config.hashed, [change.kind for change in config.changes]) == (
        "t-config",
        False,
        ["data"],
    )
    assert (keys.identity.kind, keys.identity.name, keys.hashed, keys.generated) == ("Secret", "t-keys", True, True)


def test_generator_options_switch_the_hash_off() -> None:
    found = overlay(
        top__kustomization="""\
generatorOptions: {disableNameSuffixHash: true}
configMapGenerator:
- {name: plain, literals: [a=b]}
- {name: hashed, literals: [a=b], options: {disableNameSuffixHash: false}}
"""
    )

    assert [(member.identity.name, member.hashed) for member in found.members] == [("plain", False), ("hashed", True)]


def test_a_directory_of_the_file_system_is_read_with_links_in_circles(tmp_path: Path) -> None:
    (tmp_path / "api.yaml").symlink_to(tmp_path / "api.yaml")
    (tmp_path / "kustomization.yaml").write_text('resources: [api.yaml, "a\\0b"]\n')

    found = read_overlay(tmp_path)

    assert [problem.line for problem in found.problems] == [1, 1]
    assert found.members == ()
