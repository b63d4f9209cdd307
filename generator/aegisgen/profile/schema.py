"""The JSON Schemas of the project file and of profiles, made of their types: what editors and errors are told by."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cache
from inspect import cleandoc
from typing import get_args

import msgspec

from aegisgen.kube.shape import mapping, text
from aegisgen.profile.model import Overrides, Profile, Project, Services, Settings

MODELS: dict[str, type[Project] | type[Profile] | type[Services]] = {
    "project": Project,
    "services": Services,
    "profile": Profile,
}
FOLDER = ".schemas"
"""Where a project keeps them; the dot keeps the folder out of what `validate` walks through."""


def json_schema(model: type[msgspec.Struct]) -> dict[str, object]:
    """Return a model's JSON Schema (draft 2020-12)."""
    schema = msgspec.json.schema(model)
    # Before Python 3.13 a docstring has its indentation; the schema is the same under each.
    for definition in map(mapping, mapping(schema.get("$defs")).values()):
        if "description" in definition:
            definition["description"] = cleandoc(text(definition["description"]))
    return schema


def editor_schema(model: type[msgspec.Struct]) -> dict[str, object]:
    """Return a model's JSON Schema with everything that an editor can show of a field.

    A field that is a mapping of its own is described as that is, and defaults that only come with the merged layers
    are named where they are left out.
    """
    schema = json_schema(model)
    definitions = mapping(schema.get("$defs"))
    for struct in _structs(model):
        properties = mapping(mapping(definitions.get(struct.__name__)).get("properties"))
        for field in msgspec.structs.fields(struct):
            shown = mapping(properties.get(field.encode_name))
            reference = text(shown.get("$ref")).rpartition("/")[2]
            if reference and "description" not in shown:
                shown["description"] = text(mapping(definitions.get(reference)).get("description"))
            default = default_of(struct, field)
            if default is not msgspec.UNSET:
                shown["default"] = default
            if default and "examples" not in shown and not _self_evident(shown):
                shown["examples"] = [default]
    return schema


def _self_evident(shown: dict[str, object]) -> bool:
    """Tell whether a field's values are told by its schema: a few words, yes or no, or fields of their own."""
    return "enum" in shown or "$ref" in shown or shown.get("type") == "boolean"


def default_of(struct: type[msgspec.Struct], field: msgspec.structs.FieldInfo) -> object:
    """Return what holds where a field is left out, as data; UNSET: nothing does."""
    value: object = field.default
    if value is msgspec.NODEFAULT and field.default_factory is not msgspec.NODEFAULT:
        value = field.default_factory()
    if value is msgspec.UNSET and issubclass(struct, Overrides):
        merged = {merged_field.name: merged_field for merged_field in msgspec.structs.fields(Settings)}
        return default_of(Settings, merged[field.name]) if field.name in merged else msgspec.UNSET
    return msgspec.UNSET if value in (msgspec.NODEFAULT, msgspec.UNSET) else msgspec.to_builtins(value)


@cache
def schema_text(kind: str, indent: int | None = 2) -> str:
    """Return the schema of one of MODELS as JSON text, the same bytes each time; without `indent` on one line."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **editor_schema(MODELS[kind])}
    return json.dumps(schema, indent=indent, ensure_ascii=False) + "\n"


def schema_files(kinds: Iterable[str] = ("project", "profile")) -> dict[str, str]:
    """Return schemas as a project keeps them, by path in its folder: an editor needs no network and no installation."""
    return {f"{FOLDER}/{kind}.json": schema_text(kind, indent=None) for kind in kinds}


def _structs(model: type[msgspec.Struct]) -> Iterator[type[msgspec.Struct]]:
    seen: set[type[msgspec.Struct]] = set()
    pending = [model]
    while pending:
        struct = pending.pop()
        if struct in seen:
            continue
        seen.add(struct)
        yield struct
        pending += [inner for field in msgspec.structs.fields(struct) for inner in _named(field.type)]


def _named(annotation: object) -> Iterator[type[msgspec.Struct]]:
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        yield annotation
    for inner in get_args(annotation):
        yield from _named(inner)
