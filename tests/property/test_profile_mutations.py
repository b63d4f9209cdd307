"""No mutation of a valid input ends in anything but exit 0, 1 or 2, and both validators agree on each."""

from __future__ import annotations

import copy
import shutil
from typing import TYPE_CHECKING

import jsonschema
import msgspec
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conftest import ROOT, aegisgen

if TYPE_CHECKING:
    from pathlib import Path

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


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    return shutil.copytree(ROOT / "argocd", tmp_path_factory.mktemp("mutations") / "argocd")


@pytest.mark.parametrize("name", MODELS)
def test_a_mutated_input_is_rendered_or_explained(tree, name) -> None:
    file = tree / name

    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
    @given(
        mutated(name)
        | st.binary(max_size=40)
        | st.integers(0, len(ORIGINALS[name])).map(lambda at: ORIGINALS[name][:at])
    )
    def explained(data) -> None:
        if isinstance(data, dict):
            data = yaml.safe_dump(data, allow_unicode=True)
        file.write_bytes(data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data)
        outcome = aegisgen("render", "--all", "--stdout", "--project", str(tree / "aegisgen.yaml"))
        assert outcome.code in {0, 2}
        assert (outcome.code == 2) == bool(outcome.err)
        assert "Traceback" not in outcome.err
        for line in outcome.err.splitlines():
            assert line.strip()

    try:
        explained()
    finally:
        file.write_text(ORIGINALS[name])
