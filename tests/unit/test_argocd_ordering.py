from __future__ import annotations

import random

import pytest
from tests.fixtures.argocd.order import EXPECTED
from tests.manifests import objects

from aegisgen.argocd.order import order
from aegisgen.kube.resource import Resource


def resource(
    kind: str,
    name: str,
    *,
    phase: str = "Sync",
    wave: int = 0,
    namespace: str = "",
    api_version: str = "v1",
    line: int = 1,
    spec: object = None,
) -> Resource:
    annotations = {"argocd.argoproj.io/sync-wave": str(wave)} if wave else {}
    if phase != "Sync":
        annotations["argocd.argoproj.io/hook"] = phase
    metadata = {"name": name, "annotations": annotations, **({"namespace": namespace} if namespace else {})}
    data = {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}
    (found,) = objects(data, line=line)
    return found


def applied(resources: list[Resource], namespace: str = "") -> list[tuple[str, int, str, str]]:
    return [
        (str(task.phase), task.wave, task.resource.identity.kind, task.resource.identity.name)
        for task in order(resources, namespace)
    ]


def test_the_table_is_long_enough_to_cover_every_phase() -> None:
    assert len(EXPECTED) >= 60
    assert {phase for phase, *_ in EXPECTED} == {"PreSync", "Sync", "PostSync", "SyncFail"}


@pytest.mark.parametrize("seed", range(5))
def test_resources_come_in_the_order_written_by_hand(seed: int) -> None:
    group = {"CustomResourceDefinition": "apiextensions.k8s.io/v1", "Widget": "example.org/v1"}
    resources = [
        resource(kind, name, phase=phase, wave=wave, api_version=group.get(kind, "v1"), line=line)
        for line, (phase, wave, kind, name) in enumerate(EXPECTED, start=1)
    ]
    random.Random(seed).shuffle(resources)
    # Of the kinds outside the list two have one name: the line in the file decides between them.
    assert applied(resources) == EXPECTED


def test_a_hook_of_two_phases_is_applied_in_both() -> None:
    assert applied([resource("Job", "notify", phase="PostSync,SyncFail", wave=2)]) == [
        ("PostSync", 2, "Job", "notify"),
        ("SyncFail", 2, "Job", "notify"),
    ]


@pytest.mark.parametrize("phase", ["Skip", "presync", "PreDelete"])
def test_what_has_no_phase_is_not_applied(phase: str) -> None:
    assert applied([resource("Job", "job", phase=phase)]) == []


def test_a_namespace_moves_before_the_first_resource_in_it_and_takes_its_phase_and_wave() -> None:
    resources = [
        resource("Namespace", "team"),
        resource("ConfigMap", "config", phase="PreSync", wave=-4, namespace="team"),
        resource("Job", "other", phase="PreSync", wave=-5, namespace="elsewhere"),
    ]
    assert applied(resources) == [
        ("PreSync", -5, "Job", "other"),
        ("PreSync", -4, "Namespace", "team"),
        ("PreSync", -4, "ConfigMap", "config"),
    ]
    assert [task.moved for task in order(resources)] == [False, True, False]


def test_a_namespace_that_comes_first_anyway_stays_where_it_is() -> None:
    resources = [resource("Namespace", "team", wave=-1), resource("ConfigMap", "config", namespace="team")]
    assert applied(resources) == [("Sync", -1, "Namespace", "team"), ("Sync", 0, "ConfigMap", "config")]


def test_a_resource_without_a_namespace_lives_in_the_destination() -> None:
    resources = [resource("Namespace", "team"), resource("Job", "migrate", phase="PreSync")]
    assert applied(resources)[0] == ("PreSync", 0, "Job", "migrate")
    assert applied(resources, "team")[0] == ("PreSync", 0, "Namespace", "team")


def test_another_groups_kind_namespace_is_not_moved() -> None:
    resources = [
        resource("Namespace", "team", wave=1, api_version="example.org/v1"),
        resource("ConfigMap", "config", namespace="team"),
    ]
    assert applied(resources)[0][2] == "ConfigMap"


@pytest.mark.parametrize(("first", "second"), [("one", "two"), ("two", "one")])
def test_each_of_two_namespaces_moves_to_its_own_resources(first: str, second: str) -> None:
    resources = [
        resource("ConfigMap", "a", namespace=first),
        resource("ConfigMap", "b", namespace=second),
        resource("Namespace", "one", wave=1),
        resource("Namespace", "two", wave=1),
    ]
    assert [name for *_, name in applied(resources)] == [first, "a", second, "b"]


def test_a_definition_moves_before_its_custom_resources_of_an_earlier_wave() -> None:
    spec = {"group": "example.org", "names": {"kind": "Widget"}}
    definition = resource(
        "CustomResourceDefinition", "widgets.example.org", wave=3, api_version="apiextensions.k8s.io/v1", spec=spec
    )
    resources = [definition, resource("Widget", "w", wave=1, api_version="example.org/v1"), resource("Service", "s")]
    assert applied(resources) == [
        ("Sync", 0, "Service", "s"),
        ("Sync", 1, "CustomResourceDefinition", "widgets.example.org"),
        ("Sync", 1, "Widget", "w"),
    ]


def test_a_definition_of_the_same_kind_in_another_group_does_not_move() -> None:
    spec = {"group": "other.org", "names": {"kind": "Widget"}}
    definition = resource(
        "CustomResourceDefinition", "widgets.other.org", wave=3, api_version="apiextensions.k8s.io/v1", spec=spec
    )
    assert applied([definition, resource("Widget", "w", wave=1, api_version="example.org/v1")])[0][2] == "Widget"


@pytest.mark.parametrize("spec", [None, [], {"group": 7}, {"group": "example.org", "names": "Widget"}])
def test_a_broken_definition_is_ordered_like_anything_else(spec: object) -> None:
    broken = resource("CustomResourceDefinition", "x", wave=1, api_version="apiextensions.k8s.io/v1", spec=spec)
    assert applied([broken, resource("Widget", "w", api_version="example.org/v1")])[1][3] == "x"


def test_namespace_then_version_then_line_decide_between_equal_names() -> None:
    resources = [
        resource("ConfigMap", "same", namespace="b", line=1),
        resource("ConfigMap", "same", namespace="a", api_version="v2", line=2),
        resource("ConfigMap", "same", namespace="a", line=9),
        resource("ConfigMap", "same", namespace="a", line=3),
    ]
    assert [task.resource.document.line for task in order(resources)] == [3, 9, 2, 1]
