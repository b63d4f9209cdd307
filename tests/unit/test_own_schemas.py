"""The schemas that editors read say what the types say."""

from __future__ import annotations

import json
from collections.abc import Iterator

import jsonschema
import msgspec
import pytest
import yaml
from tests.conftest import ROOT

from aegisgen.profile.model import Overrides
from aegisgen.profile.schema import MODELS
from aegisgen.project.workspace import Selection, open_workspace

FILES: dict[str, list[str]] = {
    "project": ["aegisgen.yaml"],
    "services": [],
    "profile": ["profiles/staging.yaml", "profiles/production.yaml"],
}


@pytest.mark.parametrize("kind", FILES)
def test_the_file_is_what_the_command_prints(cli, kind) -> None:
    kept = (ROOT / "schemas/aegisgen" / f"{kind}.json").read_text()
    assert cli("schema", kind).out == kept, f"run: aegisgen schema {kind} > schemas/aegisgen/{kind}.json"


@pytest.mark.parametrize("kind", FILES)
def test_it_accepts_the_aegisx_tree_whose_modelines_name_it(kind) -> None:
    schema = json.loads((ROOT / "schemas/aegisgen" / f"{kind}.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    for name in FILES[kind]:
        file = ROOT / "argocd" / name
        modeline = file.read_text().splitlines()[0].partition("$schema=")[2]
        assert (file.parent / modeline).resolve() == ROOT / "schemas/aegisgen" / f"{kind}.json"
        jsonschema.Draft202012Validator(schema).validate(yaml.safe_load(file.read_text()))


SCHEMAS = {kind: json.loads((ROOT / "schemas/aegisgen" / f"{kind}.json").read_text()) for kind in MODELS}


def fields(kind: str) -> Iterator[tuple[str, str, dict]]:
    for name, definition in SCHEMAS[kind]["$defs"].items():
        for key, field in definition.get("properties", {}).items():
            yield name, key, field


@pytest.mark.parametrize("kind", SCHEMAS)
def test_every_field_is_described_and_has_examples(kind) -> None:
    assert len(list(fields(kind))) > 150
    for name, key, field in fields(kind):
        assert field.get("description", "").endswith("."), f"{name}.{key}"
        told = "enum" in field or "$ref" in field or field.get("type") == "boolean"
        assert told or field.get("examples"), f"{name}.{key} has no example"


@pytest.mark.parametrize("kind", SCHEMAS)
def test_every_example_and_every_default_is_valid(kind) -> None:
    for name, key, field in fields(kind):
        validator = jsonschema.Draft202012Validator({**field, "$defs": SCHEMAS[kind]["$defs"]})
        for example in field.get("examples", []):
            validator.validate(example)
        if field.get("default"):
            problems = [error for error in validator.iter_errors(field["default"]) if error.validator != "required"]
            assert not problems, f"{name}.{key}"


def structs(model: type[msgspec.Struct]) -> dict[str, type[msgspec.Struct]]:
    found = {model.__name__: model}
    pending = list(msgspec.inspect.multi_type_info([field.type for field in msgspec.structs.fields(model)]))
    while pending:
        info = pending.pop()
        if isinstance(info, msgspec.inspect.StructType):
            found |= structs(info.cls)
        for part in ("types", "item_type", "value_type", "type"):
            inner = getattr(info, part, ())
            inner = inner if isinstance(inner, tuple) else (inner,)
            pending += [each for each in inner if isinstance(each, msgspec.inspect.Type)]
    return found


@pytest.mark.parametrize("kind", SCHEMAS)
def test_defaults_are_those_of_what_is_read(kind) -> None:
    """What msgspec makes of a mapping without a field is what the schema names as its default."""
    for name, struct in structs(MODELS[kind]).items():
        required = {field.encode_name: None for field in msgspec.structs.fields(struct) if field.required}
        properties = SCHEMAS[kind]["$defs"][name]["properties"]
        for key in required:
            field = properties[key]
            required[key] = field.get("enum", field.get("examples", [{}]))[0]
            if "$ref" in field:
                required[key] = example_of(SCHEMAS[kind]["$defs"], field["$ref"].rpartition("/")[2])
        read = msgspec.to_builtins(msgspec.convert(required, struct))
        for key, field in properties.items():
            if key in required:
                assert "default" not in field, f"{name}.{key}"
            elif not issubclass(struct, Overrides):
                assert field.get("default") == read.get(key), f"{name}.{key}"


def example_of(definitions: dict, name: str) -> dict:
    definition = definitions[name]
    example = {}
    for key in definition.get("required", []):
        field = definition["properties"][key]
        reference = field.get("$ref", "").rpartition("/")[2]
        example[key] = example_of(definitions, reference) if reference else field.get("enum", field.get("examples"))[0]
    return example


def test_what_the_layers_default_to_is_what_a_service_resolves_to(project, monkeypatch) -> None:
    (project / "aegisgen.yaml").write_text(
        "apiVersion: aegisgen.dev/v1\nkind: Project\nservices:\n  api: {workload: {name: api, container: api}, image: a/b}\n"
    )
    (project / "profiles/production.yaml").unlink()
    (project / "profiles/staging.yaml").write_text(
        "apiVersion: aegisgen.dev/v1\nkind: EnvironmentProfile\nmetadata: {name: staging}\n"
        "spec: {namespace: staging, strategy: init-container, image: {tag: v1}}\n"
    )
    (target,) = open_workspace(Selection()).targets
    resolved = msgspec.to_builtins(target.settings)
    properties = SCHEMAS["profile"]["$defs"]["ProfileSpec"]["properties"]
    named = {key: field["default"] for key, field in properties.items() if key in resolved and "default" in field}
    assert named == {key: resolved[key] for key in named}
    assert {"hook", "job", "migrations", "database", "resources", "security", "overlay"} <= named.keys()
