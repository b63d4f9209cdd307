"""Project files and profiles from disk into types."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec

from aegisgen import files
from aegisgen.errors import InputError, Problem, UsageError
from aegisgen.profile.model import Profile, Project, Services
from aegisgen.profile.plainsecrets import plain_secrets
from aegisgen.yaml.source import parse_one

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aegisgen.yaml.source import Document

PROJECT_FILE = "aegisgen.yaml"
# No project or profile comes near this; a 50 MB file named by mistake must not cost a minute.
MAX_BYTES = 2_000_000

_Model = TypeVar("_Model", Project, Profile, Services)


class ProjectSource(NamedTuple):
    """A project with the files that it was read from."""

    root: Path
    document: Document
    value: Project
    """The project file with the services of all included files in it."""
    included: Mapping[str, Document] = {}
    """The file that describes a service, for those that the project file does not describe itself."""

    def home(self, service: str) -> Document:
        """Return the file that describes a service."""
        return self.included.get(service, self.document)


class ProfileSource(NamedTuple):
    """A profile with the file that it was read from; `path` is relative to the project's folder."""

    name: str
    path: str
    document: Document
    value: Profile


def find_project(start: Path) -> Path:
    """Return the project file that governs `start`: the nearest one upwards, at the top of a folder or in `argocd/`.

    Raises UsageError where there is none.
    """
    for folder in (start, *start.parents):
        for candidate in (folder / PROJECT_FILE, folder / "argocd" / PROJECT_FILE):
            if candidate.is_file():
                files.admit(folder)
                return candidate
    message = (
        f"no project found: neither {PROJECT_FILE} nor argocd/{PROJECT_FILE} in {start} or above; "
        "name one with --project, or begin with 'aegisgen init'"
    )
    raise UsageError(message)


def load_project(file: Path) -> ProjectSource:
    """Read a project file and what it includes. Raises InputError with all that is wrong in any of them."""
    files.admit(file.parent)
    document = read_document(file)
    value = convert(document, Project)
    if not value.include:
        return ProjectSource(file.parent, document, value)
    from aegisgen.profile.include import include  # noqa: PLC0415 - small projects are one file

    return include(ProjectSource(file.parent, document, value))


def environments(root: Path) -> list[str]:
    """Return the names of all environments that have a profile, sorted."""
    return sorted(file.stem for file in (root / "profiles").glob("*.yaml") if not file.name.startswith("."))


def load_profiles(root: Path, names: Sequence[str]) -> list[ProfileSource]:
    """Read the profiles of the environments `names`, or of all where there are none.

    Raises UsageError for an environment without a profile, InputError with all that is wrong in all of the files.
    """
    known = environments(root)
    if not known:
        raise UsageError(f"no environment: {display(root / 'profiles')} holds no *.yaml file")
    for name in names:
        if name not in known:
            from aegisgen.profile.explain import closest, listed  # noqa: PLC0415 - slow to import, and only needed here

            raise UsageError(f"no environment {name!r}; there is {listed(known)}{closest(name, known)}")
    profiles: list[ProfileSource] = []
    problems: list[Problem] = []
    for name in dict.fromkeys(names or known):
        try:
            document = read_document(root / "profiles" / f"{name}.yaml")
            profiles.append(ProfileSource(name, f"profiles/{name}.yaml", document, convert(document, Profile)))
        except InputError as error:
            problems.extend(error.problems)
    if problems:
        raise InputError(*problems)
    return profiles


def display(path: Path | str) -> str:
    """Return a path as a user would type it: relative to the working directory where it is below it."""
    absolute, here = os.path.abspath(path), os.getcwd()  # noqa: PTH100, PTH109 - resolve() would follow symlinks
    if absolute.startswith(f"{here}/"):
        return absolute[len(here) + 1 :]
    relative = os.path.relpath(absolute, here)
    return Path(absolute if relative.startswith("..") else relative).as_posix()


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
