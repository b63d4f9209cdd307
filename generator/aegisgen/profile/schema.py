"""The JSON Schemas of the user's files, made of their types: what editors and errors are told by."""

from __future__ import annotations

import json

import msgspec

from aegisgen.profile.model import Profile, Project, Services

MODELS: dict[str, type[Project] | type[Services] | type[Profile]] = {
    "project": Project,
    "services": Services,
    "profile": Profile,
}

FOLDER = ".schemas"
"""Where a project keeps them; the dot keeps the folder out of what `validate` walks through."""


def json_schema(model: type[msgspec.Struct]) -> dict[str, object]:
    """Return a model's JSON Schema (draft 2020-12)."""
    return msgspec.json.schema(model)


def schema_text(kind: str) -> str:
    """Return the schema of "project", "services" or "profile" as JSON text, the same bytes each time."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **json_schema(MODELS[kind])}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def schema_files() -> dict[str, str]:
    """Return them as a project keeps them, by path in its folder: an editor needs no network and no installation."""
    return {f"{FOLDER}/{kind}.json": schema_text(kind) for kind in MODELS}
