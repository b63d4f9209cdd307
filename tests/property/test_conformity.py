"""What is called right without the engine is right for the engine, as a manifest and as a patch."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from aegisgen.kube import schemas
from aegisgen.kube.conformity import conforms
from aegisgen.kube.schemas import DEFAULT_VERSION, load, schema_file

TESTS = Path(__file__).parents[1]
TABLE = runpy.run_path(str(TESTS / "fixtures/schemas/cases.py"))
OBJECTS = [case.data for case in TABLE["CASES"] if case.data["kind"] != "List"]
OWN = [
    document
    for file in sorted((TESTS.parent / "argocd").rglob("*.yaml"))
    for document in yaml.safe_load_all(file.read_text(encoding="utf-8"))
    if "kustomization" not in file.name and schema_file(document["apiVersion"], document["kind"], DEFAULT_VERSION)
]


def schema_of(data: dict[str, Any]) -> Path:
    file = schema_file(data["apiVersion"], data["kind"], DEFAULT_VERSION)
    assert file is not None
    return file


def engine_agrees(data: dict[str, Any], *, patch: bool) -> bool:
    _, validator = schemas._validator(schema_of(data), patch=patch)
    return validator.is_valid(data)


@pytest.mark.parametrize("patch", [False, True])
@pytest.mark.parametrize("index", range(len(OBJECTS)))
def test_the_engine_agrees_about_the_table(index: int, patch: bool) -> None:
    data = OBJECTS[index]
    assert not conforms(data, load(schema_of(data)), patch=patch) or engine_agrees(data, patch=patch)


@settings(max_examples=400)
@given(data=TABLE["mutants"](), patch=st.booleans())
def test_the_engine_agrees_about_mutants(data: dict[str, Any], patch: bool) -> None:
    assert not conforms(data, load(schema_of(data)), patch=patch) or engine_agrees(data, patch=patch)


@pytest.mark.parametrize("value", [1.0, 2.5, "a\nb", "é", {"a": 1}, [None], True, None])
@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer"},
        {"type": ["number", "null"], "maximum": 9},
        {"type": "string", "pattern": "^a$"},
        {"type": "string", "pattern": r"\w"},
        {"type": "string", "maxLength": 1},
        {"enum": ["a", None]},
        {"type": "object", "additionalProperties": {"$ref": "#/$defs/n"}, "$defs": {"n": {"type": ["string", "null"]}}},
        {"type": "array", "items": {"type": "string"}, "minItems": 1},
        {"type": "boolean"},
        {"not": {}},
    ],
)
def test_the_engine_agrees_where_engines_differ(schema: Any, value: object) -> None:
    from jsonschema_rs import Draft202012Validator

    if conforms(value, schema):
        assert Draft202012Validator(schema).is_valid(value)


def test_this_repositorys_own_tree_needs_no_engine() -> None:
    patches = [each for each in OWN if "selector" not in each.get("spec", {"selector": {}})]
    assert len(OWN) >= 5
    for data in OWN:
        patch = data in patches and data["kind"] == "Deployment"
        assert conforms(data, load(schema_of(data)), patch=patch), data["kind"]


def test_of_many_objects_of_a_kind_the_engine_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    data = OWN[0]
    asked = []
    monkeypatch.setattr(schemas, "_asked", {})
    monkeypatch.setattr(schemas, "conforms", lambda *_, **__: asked.append(1) or True)
    for _ in range(50):
        assert schemas.judge(schema_of(data), data) == []
    assert len(asked) < 50
