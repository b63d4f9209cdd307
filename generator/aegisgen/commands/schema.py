"""`aegisgen schema`: what editors need to complete and check the user's files."""

from __future__ import annotations

import json
import sys

from aegisgen.errors import UsageError
from aegisgen.profile.explain import json_schema
from aegisgen.profile.model import Profile, Project, Services

_MODELS: dict[str, type[Project] | type[Services] | type[Profile]] = {
    "project": Project,
    "services": Services,
    "profile": Profile,
}


def run(kind: str) -> int:
    """Print the JSON Schema of "project", "services" or "profile"."""
    if kind not in _MODELS:
        raise UsageError(f"no schema {kind!r}, expected {' or '.join(_MODELS)}")
    sys.stdout.write(text(kind))
    return 0


def text(kind: str) -> str:
    """Return the schema as JSON text, the same bytes each time."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **json_schema(_MODELS[kind])}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
