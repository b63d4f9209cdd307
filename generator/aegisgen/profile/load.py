"""Project files and profiles from disk into types."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aegisgen import files
from aegisgen.errors import InputError, Problem, UsageError
from aegisgen.profile.include import include
from aegisgen.profile.model import Profile, Project
from aegisgen.profile.reading import convert, read_document
from aegisgen.profile.sources import ProfileSource, ProjectSource, display

PROJECT_FILE = "aegisgen.yaml"


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
