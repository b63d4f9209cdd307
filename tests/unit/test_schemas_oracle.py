"""jsonschema, the reference, gives the same verdicts as jsonschema_rs, on the table and on what can be made of it."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from tests.fixtures.schemas.cases import CASES, mutants

from aegisgen.kube.schemas import DEFAULT_VERSION, schema_file, violations

OBJECTS = [case for case in CASES if case.data["kind"] != "List"]  # whose items are judged by their own schemas


@cache
def oracle(api_version: str, kind: str) -> jsonschema.Draft202012Validator:
    path = schema_file(api_version, kind, DEFAULT_VERSION)
    assert path is not None
    return jsonschema.Draft202012Validator(json.loads(path.read_bytes()))


def places(data: dict[str, Any]) -> set[tuple[str | int, ...]]:
    """Where the reference sees something wrong; an unknown field and its mapping count as one place."""
    return {tuple(error.absolute_path) for error in oracle(data["apiVersion"], data["kind"]).iter_errors(data)}


def our_places(data: dict[str, Any]) -> set[tuple[str | int, ...]]:
    found = violations(data, version=DEFAULT_VERSION)
    assert found is not None
    return {path[:-1] if message.startswith("unknown field") else path for path, message in found}


@pytest.mark.parametrize("case", OBJECTS, ids=lambda case: case.name)
def test_the_reference_finds_the_same_places_in_the_table(case):
    assert our_places(case.data) == places(case.data)


@settings(max_examples=300)
@given(data=mutants())
def test_the_reference_finds_the_same_places_in_mutants(data):
    assert our_places(data) == places(data)
