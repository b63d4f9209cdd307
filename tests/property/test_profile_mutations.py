"""Both validators agree on each mutation of a valid input; `test_fuzz` says how commands end on them."""

from __future__ import annotations

import copy

import jsonschema
import msgspec
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import ROOT

from aegisgen.profile.explain import json_schema
from aegisgen.profile.model import Profile, Project

MODELS = {"aegisgen.yaml": Project, "profiles/production.yaml": Profile, "profiles/staging.yaml": Profile}
ORIGINALS = {name: (ROOT / "argocd" / name).read_text() for name in MODELS}
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=20),
    st.sampled_from(["", "a\n", "A", "-", "a" * 300, "7d", "0d", "presync-job", "{{ x }}", "../x", "x\x00"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


def places(data: object, path: tuple = ()) -> list[tuple]:
    found = [path] if path else []
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        found += places(value, (*path, key))
    return found


@st.composite
def mutated(draw, name: str) -> dict:
    data = yaml.safe_load(ORIGINALS[name])
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(places(data)))
        parent = data
        for part in path[:-1]:
            parent = parent[part]
        action = draw(st.sampled_from(["replace", "delete", "add", "copy"]))
        if action == "replace":
            parent[path[-1]] = draw(VALUES)
        elif action == "delete":
            del parent[path[-1]]
        elif isinstance(parent, dict):
            key = draw(
                st.text(max_size=10) | st.sampled_from(["job", "hook", "initContainer", "strategy", "image", "config"])
            )
            parent[key] = draw(VALUES) if action == "add" else copy.deepcopy(parent[path[-1]])
        if not places(data):
            break
    return data


@pytest.mark.parametrize("name", MODELS)
def test_msgspec_and_jsonschema_agree_on_every_mutation(name) -> None:
    validator = jsonschema.Draft202012Validator(json_schema(MODELS[name]))

    @settings(max_examples=150)
    @given(mutated(name))
    def agree(data) -> None:
        try:
            msgspec.convert(data, MODELS[name])
        except msgspec.ValidationError:
            accepted = False
        else:
            accepted = True
        assert accepted == validator.is_valid(data)

    agree()
