"""Whatever stands in a manifest, the rules end in findings and never in a traceback."""

from __future__ import annotations

import copy

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.manifests import objects
from tests.rule_examples import context_of_example, files_of

from aegisgen.kube.overlay import overlay_of
from aegisgen.kube.resource import Resource
from aegisgen.record import replace
from aegisgen.rules.check import check
from aegisgen.rules.context import Context, Settings, context_of
from aegisgen.rules.ignores import annotated, commented, settle
from aegisgen.rules.table import RULES

EXAMPLES = sorted({example for rule in RULES.values() for example in (rule.text.bad, rule.text.good)})
TREES = [example for example in EXAMPLES if "overlay/kustomization.yaml" in example]

leaves = st.none() | st.booleans() | st.integers(-3, 10**9) | st.floats(allow_nan=False) | st.text(max_size=8)
anything = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def paths(data: object, way: tuple = ()) -> list[tuple]:
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [way, *(path for key, value in items for path in paths(value, (*way, key)))]


def mutate(data: dict, path: tuple, value: object) -> dict:
    data = copy.deepcopy(data)
    target: object = data
    for part in path[:-1]:
        target = target[part]
    target[path[-1]] = value
    return data


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_any_field_may_hold_anything(data: st.DataObject) -> None:
    context = context_of_example(data.draw(st.sampled_from(EXAMPLES)))
    everything = [*context.resources, *context.applications]
    if not everything:
        return
    changed = []
    chosen = data.draw(st.integers(0, len(everything) - 1))
    for index, each in enumerate(everything):
        content = each.data
        if index == chosen:
            content = mutate(content, data.draw(st.sampled_from(paths(content)[1:])), data.draw(anything))
        changed.append(content)
    own = objects(*changed[: len(context.resources)])
    applications = objects(*changed[len(context.resources) :])

    built = context_of(own, applications=applications, settings=Settings(pod_security="restricted"))

    settle(check(built), annotated(built))


@given(st.sampled_from(TREES), st.data())
@settings(max_examples=100, deadline=None)
def test_any_field_of_a_kustomization_may_hold_anything(example: str, data: st.DataObject) -> None:
    import json

    from aegisgen.yaml.source import parse

    files = files_of(example)
    (document,) = parse(files["overlay/kustomization.yaml"], "k")
    fields = document.data | {
        field: [{"name": "a", "target": {"kind": "Deployment"}, "patch": "[]"}]
        for field in ("configMapGenerator", "replicas", "images", "labels", "patchesJson6902", "components")
    }
    fields = mutate(fields, data.draw(st.sampled_from(paths(fields)[1:])), data.draw(anything))
    files["overlay/kustomization.yaml"] = json.dumps(fields)

    overlay = overlay_of({path: text.encode() for path, text in files.items()}.get, "overlay")

    check(context_of([], overlay=overlay))


@given(st.text(max_size=80), st.text(max_size=20))
@settings(max_examples=200, deadline=None)
def test_any_text_may_stand_around_an_ignore(before: str, reason: str) -> None:
    for ignore in commented("x.yaml", f"{before} # aegisgen: ignore[H105] {reason}\n"):
        assert ignore.line >= 1
        assert ignore.column >= 1


@given(st.sampled_from(EXAMPLES), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_of_the_resources_does_not_matter(example: str, random) -> None:
    context = context_of_example(example)
    shuffled = list(context.resources)
    random.shuffle(shuffled)

    def findings(resources: list[Resource]) -> list:
        built: Context = context_of(resources, overlay=context.overlay, applications=context.applications)
        return [replace(finding, line=0, column=0, path="") for finding in check(built)]

    # Where all of a build are hooks, the first one stands for all.
    assert [each for each in findings(shuffled) if each.rule != "H109"] == [
        each for each in findings(list(context.resources)) if each.rule != "H109"
    ]
