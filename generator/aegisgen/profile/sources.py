"""The user's files with where they were read from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from aegisgen.profile.model import Profile, Project
from aegisgen.record import Record
from aegisgen.yaml.source import Document


class ProjectSource(Record):
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


class ProfileSource(Record):
    """A profile with the file that it was read from; `path` is relative to the project's folder."""

    name: str
    path: str
    document: Document
    value: Profile


def display(path: Path | str) -> str:
    """Return a path as a user would type it: relative to the working directory where it is below it."""
    absolute, here = os.path.abspath(path), os.getcwd()  # noqa: PTH100, PTH109 - resolve() would follow symlinks
    if absolute.startswith(f"{here}/"):
        return absolute[len(here) + 1 :]
    relative = os.path.relpath(absolute, here)
    return Path(absolute if relative.startswith("..") else relative).as_posix()
