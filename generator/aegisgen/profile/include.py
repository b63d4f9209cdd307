"""The files that a project includes: found, read, and their services put into one table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from aegisgen import files
from aegisgen.errors import InputError, Problem, TreeError
from aegisgen.profile.model import ProjectService, Services
from aegisgen.profile.reading import convert, read_document
from aegisgen.profile.sources import ProjectSource
from aegisgen.record import Record, replace
from aegisgen.yaml.source import Document

_MAGIC = frozenset("*?[")


class _Home(Record):
    document: Document
    service: ProjectService


def include(project: ProjectSource) -> ProjectSource:
    """Return the project with the services of the files that it includes, in the order of their paths.

    Raises InputError with all that is wrong: a pattern that nothing matches, a file that is a symbolic link, is none of
    kind Services or is broken, and a service that two places describe.
    """
    problems: list[Problem] = []
    homes = {name: _Home(project.document, service) for name, service in project.value.services.items()}
    for file in _files(project, problems):
        try:
            document = read_document(project.root / file)
            services = convert(document, Services).services
        except InputError as error:
            problems += error.problems
            continue
        for name, service in services.items():
            if name in homes:
                problems.append(_twice(name, document, homes[name].document))
            else:
                homes[name] = _Home(document, service)
    if problems:
        raise InputError(*problems)
    return replace(
        project,
        value=msgspec.structs.replace(project.value, services={name: home.service for name, home in homes.items()}),
        included={name: home.document for name, home in homes.items() if home.document is not project.document},
    )


def includes(pattern: str, path: str) -> bool:
    """Tell whether a pattern of `include` means a file, whether it is there or not."""
    segments, names = pattern.split("/"), path.split("/")
    return len(segments) == len(names) and all(map(_means, segments, names))


def _files(project: ProjectSource, problems: list[Problem]) -> list[str]:
    """Return the included files, each once, sorted; what is wrong with a pattern is added to `problems`."""
    paths: set[str] = set()
    for index, pattern in enumerate(project.value.include):
        try:
            matches = list(_expanded(project.root, pattern.split("/")))
            if not matches:
                raise TreeError("no such file" if _MAGIC.isdisjoint(pattern) else "matches no file")
            paths.update(matches)
        except TreeError as error:
            line, column = project.document.position(("include", index))
            problems.append(Problem(project.document.source, line, column, f"include.{index}", str(error)))
    return sorted(paths)


def _expanded(root: Path, segments: Sequence[str], below: str = "") -> Iterator[str]:
    """Yield what exists and fits, in paths relative to `root`. Raises TreeError for a link on the way."""
    segment, rest = segments[0], segments[1:]
    if segment == "**":
        raise TreeError("** is not supported, expected * for each level of folders")
    for name in [segment] if _MAGIC.isdisjoint(segment) else _matching(root / below, segment):
        path = f"{below}/{name}" if below else name
        try:
            status = files.below(root, path)
        except TreeError as error:
            raise TreeError(str(error).replace(f"{root}/", "")) from None
        if status is not None and rest:
            yield from _expanded(root, rest, path)
        elif status is not None:
            yield path


def _matching(folder: Path, pattern: str) -> list[str]:
    try:
        names = sorted(entry.name for entry in folder.iterdir())
    except OSError:  # not a folder, or not ours to read: it matches nothing, and the caller says so
        return []
    return [name for name in names if _means(pattern, name)]


def _means(segment: str, name: str) -> bool:
    """A shell's rule: what begins with a dot is meant only by a pattern that does."""
    return fnmatchcase(name, segment) and (segment.startswith(".") or not name.startswith("."))


def _twice(name: str, document: Document, other: Document) -> Problem:
    """Say that two places describe one service, at the second of them."""
    line, column = document.position(("services", name), key=True)
    first = "{}:{}:{}".format(other.source, *other.position(("services", name), key=True))
    return Problem(document.source, line, column, f"services.{name}", f"is described at {first} too, expected it once")
