"""One of the user's files from disk into its type."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from aegisgen import files
from aegisgen.errors import InputError, Problem
from aegisgen.profile.model import Profile, Project, Services
from aegisgen.profile.plainsecrets import plain_secrets
from aegisgen.profile.sources import display
from aegisgen.yaml.source import Document, parse_one

# No project or profile comes near this; a 50 MB file named by mistake must not cost a minute.
MAX_BYTES = 2_000_000

_Model = TypeVar("_Model", Project, Profile, Services)


def read_document(file: Path) -> Document:
    """Read a file that holds one YAML mapping. Raises InputError."""
    source = display(file)
    try:
        raw = files.read(file, MAX_BYTES)
    except files.UnsafeFileError as error:
        raise InputError(Problem(source, 0, 0, "", error.reason)) from None
    except OSError as error:
        raise InputError(Problem(source, 0, 0, "", f"cannot be read: {error.strerror or error}")) from None
    return parse_one(raw, source)


def convert(document: Document, model: type[_Model]) -> _Model:
    """Read a document as one of the user's files. Raises InputError with all that is wrong in it."""
    problems = list(plain_secrets(document))
    try:
        value = msgspec.convert(document.data, model)
    except msgspec.ValidationError as error:
        from aegisgen.profile.explain import explain  # noqa: PLC0415 - 0.1 s to import, and only needed here

        raise InputError(*problems, *explain(document, model, str(error))) from None
    if problems:
        raise InputError(*problems)
    if isinstance(value, Project) and not value.services and not value.include:
        line, column = document.position(())
        message = "missing, expected at least one service, here or in a file that `include` names"
        raise InputError(Problem(document.source, line, column, "services", message))
    return value
