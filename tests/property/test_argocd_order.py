from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.manifests import objects

from aegisgen.argocd.hooks import PHASES
from aegisgen.argocd.order import KINDS, Task, order
from aegisgen.kube.resource import Resource

HOOKS = (None, "PreSync", "Sync", "PostSync", "SyncFail", "PreSync,PostSync", "Skip", "presync", "PreDelete")
# Neither Namespaces nor definitions: what they move is a property of its own.
PLAIN = tuple(kind for kind in KINDS if kind not in {"Namespace", "CustomResourceDefinition"})
NAMES = st.sampled_from(["a", "a-b", "ab", "b", "z9"])


@st.composite
def resources(draw: st.DrawFn, kinds: tuple[str, ...] = (*PLAIN, "Widget", "Gadget")) -> list[Resource]:
    found = []
    for _ in range(draw(st.integers(0, 12))):
        hook, wave = draw(st.sampled_from(HOOKS)), draw(st.sampled_from([None, "-1", "0", "3", "x"]))
        annotations = {"argocd.argoproj.io/hook": hook, "argocd.argoproj.io/sync-wave": wave}
        kind = draw(st.sampled_from(kinds))
        data = {
            "apiVersion": "apiextensions.k8s.io/v1" if kind == "CustomResourceDefinition" else "v1",
            "kind": kind,
            "metadata": {
                "name": draw(NAMES),
                "namespace": draw(st.sampled_from(["", "a", "b"])),
                "annotations": {key: value for key, value in annotations.items() if value is not None},
            },
            "spec": {"group": "", "names": {"kind": draw(st.sampled_from(["Widget", "Service"]))}},
        }
        found.append(data)
    return objects(*found)


def rank(task: Task) -> tuple[int, int, int, str]:
    kind = task.resource.identity.kind
    kind_rank = KINDS.index(kind) if kind in KINDS else len(KINDS)
    return (PHASES.index(task.phase), task.wave, kind_rank, task.resource.identity.name)


@settings(max_examples=60, deadline=None)
@given(resources(), st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_the_input_and_is_phase_wave_kind_name(
    found: list[Resource], random: Random
) -> None:
    tasks = order(found)
    shuffled = list(found)
    random.shuffle(shuffled)
    assert order(shuffled) == tasks
    assert [rank(task) for task in tasks] == sorted(rank(task) for task in tasks)


@settings(max_examples=60, deadline=None)
@given(resources((*PLAIN[:4], "Namespace", "CustomResourceDefinition", "Widget")), st.randoms(use_true_random=False))
def test_moving_loses_nothing_and_keeps_phases_and_waves_in_order(found: list[Resource], random: Random) -> None:
    tasks = order(found)
    shuffled = list(found)
    random.shuffle(shuffled)
    assert order(shuffled) == tasks
    assert [rank(task)[:2] for task in tasks] == sorted(rank(task)[:2] for task in tasks)
    assert len(tasks) == sum(_applications(resource) for resource in found)


@settings(max_examples=60, deadline=None)
@given(resources((*PLAIN[:4], "Namespace")))
def test_nothing_is_applied_before_its_namespace(found: list[Resource]) -> None:
    tasks = order(found)
    for index, task in enumerate(tasks):
        identity = task.resource.identity
        if identity.kind == "Namespace":
            earlier = [before.resource.identity for before in tasks[:index]]
            lives_there = [other for other in earlier if other.kind != "Namespace" and other.namespace == identity.name]
            assert not lives_there


def _applications(resource: Resource) -> int:
    types = resource.annotations.get("argocd.argoproj.io/hook", "Sync").split(",")
    return sum(kind in PHASES for kind in types)
