"""Which image becomes which folder and programs of this machine."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from aegisgen.rehearsal.outcome import NotRehearsedError

# By the last part of an image's name. What a PostgreSQL image is for, its programs tell; the tools of the others are
# looked for on this machine's PATH when they are called.
_POSTGRES = re.compile(r"(?:postgres|postgresql|postgis|pgvector|timescaledb|timescaledb-ha|postgresql-repmgr)\Z")
_TOOLS = re.compile(r"(?:curl|alpine|busybox|aws-cli|bash|debian|ubuntu|wget|jq|alpine-curl)\Z")


_BEFORE = "release-before"


class Image(NamedTuple):
    """What a container finds: the folder that it starts in, and what PATH leads to."""

    folder: Path
    path: tuple[Path, ...]
    postgres: bool = False


class Images(NamedTuple):
    """All that stands in for images in one scenario."""

    applications: frozenset[str]
    """The application's images, without tag and digest."""
    app: Path | None
    """The scenario's copy of the application."""
    before: Path | None
    """Another, of the release before."""
    programs: Path | None
    """The folder with PostgreSQL's programs."""
    standins: tuple[Path, ...]
    """Folders with programs of the rehearsal's own, before all others on PATH."""
    empty: Path
    """Where containers without files of their own start."""
    mapped: Mapping[str, Path]
    """`--image NAME=DIR`, by the image's name without tag and digest."""

    def of(self, name: str) -> Image:
        """Return what stands in for an image. Raises NotRehearsedError where nothing does."""
        bare = bare_name(name)
        machine = tuple(Path(item) for item in os.environ.get("PATH", os.defpath).split(os.pathsep) if item)
        if bare in self.mapped:
            folder = self.mapped[bare]
            return Image(folder, (*self.standins, folder, folder / "bin", *machine))
        if bare in self.applications:
            if self.app is None:
                raise NotRehearsedError(f"nothing stands in for the application's image {bare}: give --app DIR")
            folder = self.before if self.before and name == of_release_before(name) else self.app
            return Image(folder, (*self.standins, *machine))
        if is_postgres(name):
            if self.programs is None:
                raise NotRehearsedError(f"nothing stands in for {name}: psql, pg_dump and pg_restore are not here")
            return Image(self.empty, (*self.standins, self.programs, *machine), postgres=True)
        if is_tool(name):
            return Image(self.empty, (*self.standins, *machine))
        raise NotRehearsedError(f"nothing stands in for the image {name}: give --image {bare}=DIR")


def of_release_before(image: str) -> str:
    """Return how a rehearsal names the image of the release before."""
    return f"{bare_name(image)}:{_BEFORE}"


def is_postgres(image: str) -> bool:
    """Whether an image is PostgreSQL's."""
    return _POSTGRES.match(bare_name(image).rpartition("/")[2]) is not None


def is_tool(image: str) -> bool:
    """Whether an image holds common tools, and no application."""
    return _TOOLS.match(bare_name(image).rpartition("/")[2]) is not None


def bare_name(image: str) -> str:
    """Return an image's name without its tag and digest."""
    name = image.partition("@")[0]
    head, slash, last = name.rpartition("/")
    return head + slash + last.partition(":")[0]
