"""What a user says about all scenarios on the command line, read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from aegisgen.errors import InputError, Problem, UsageError
from aegisgen.rehearsal.objects import Key

KINDS = ("ConfigMap", "Secret", "ServiceAccount", "PersistentVolumeClaim")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\Z")


def images(texts: Iterable[str]) -> dict[str, Path]:
    """Read `--image NAME=DIR`. Raises UsageError."""
    folders = {}
    for text in texts:
        name, equals, folder = text.partition("=")
        if not (name and equals and Path(folder).is_dir()):
            raise UsageError(f"--image {text}: expected NAME=DIR, an image without its tag and a folder that is there")
        folders[name] = Path(folder).resolve()
    return folders


def variables(texts: Iterable[str]) -> dict[str, str]:
    """Read `--env KEY=VALUE`. Raises UsageError, which does not repeat the value."""
    values = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (equals and _NAME.match(name)):
            raise UsageError("--env: expected KEY=VALUE, such as NODE_ENV=production")
        values[name] = value
    return values


def provided(texts: Iterable[str]) -> dict[Key, dict[str, str]]:
    """Read `--provide KIND/NAME[=FILE]`; the file has a line KEY=VALUE for each entry.

    Raises UsageError for the option, InputError for the file, neither of which repeats a value.
    """
    objects: dict[Key, dict[str, str]] = {}
    for text in texts:
        reference, equals, file = text.partition("=")
        kind, slash, name = reference.partition("/")
        if not (slash and name) or kind not in KINDS:
            raise UsageError(f"--provide {reference}: expected KIND/NAME[=FILE], with a KIND of {', '.join(KINDS)}")
        objects[kind, name] = _entries(file) if equals else {}
    return objects


def _entries(file: str) -> dict[str, str]:
    try:
        lines = Path(file).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(Problem(file, 0, 0, "", f"cannot be read: {error}")) from None
    entries, problems = {}, []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if equals and _NAME.match(name):
            entries[name] = value
        else:
            problems.append(Problem(file, number, 1, "", "expected KEY=VALUE, a blank line or a comment"))
    if problems:
        raise InputError(*problems)
    return entries
