"""`aegisgen schema`: what editors need to complete and check the user's files."""

from __future__ import annotations

import sys
from pathlib import Path

from aegisgen import files
from aegisgen.errors import UsageError
from aegisgen.output.visible import visible
from aegisgen.profile.load import find_project
from aegisgen.profile.schema import MODELS, schema_files, schema_text
from aegisgen.profile.sources import display
from aegisgen.project.tree.content import Change, listed, read
from aegisgen.project.tree.write import locked, write


def main(kind: str, *, write: bool, project: Path | None) -> int:
    """Print the JSON Schema of "project", "services" or "profile"; `write`: write all of them into the project."""
    if write:
        return _renew(project)
    if kind not in MODELS:
        raise UsageError(f"no schema {kind!r}, expected {' or '.join(MODELS)}")
    sys.stdout.write(schema_text(kind))
    return 0


def _renew(project: Path | None) -> int:
    """Write the schemas into the project, where the modelines of `init` and `adopt` point to."""
    root = (project or find_project(Path.cwd())).parent
    files.admit(root)
    with locked(root):
        changes = [Change(path, read(root, path), text.encode()) for path, text in schema_files(MODELS).items()]
        write(root, changes)
    for verb, path in listed(changes):
        sys.stdout.write(f"{verb:9} {visible(display(root / path))}\n")
    return 0
