"""The part of a project that a command works on: all of it, what options select, a shard, or what changed."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from aegisgen import files
from aegisgen.errors import UsageError
from aegisgen.profile.resolve import directory_of
from aegisgen.profile.sources import ProfileSource, ProjectSource
from aegisgen.project.fleet.affected import Tree, affected
from aegisgen.project.fleet.changed import Changed
from aegisgen.project.fleet.references import References
from aegisgen.project.fleet.units import shard_of, units
from aegisgen.project.git import open_repository
from aegisgen.record import Record
from aegisgen.render.places import APPS, RUNNER

_SHARD = re.compile(r"([1-9]\d{0,4})/([1-9]\d{0,4})\Z")
# overlays/<environment>/<service>: what lies there belongs to one service, what lies above to none.
_LEVELS = 3
# Folders of all services that are one piece.
_WHOLE = (APPS, RUNNER)


class Part(Record):
    """Some services, and the paths in which generated files that nothing renders are orphans of this part's."""

    services: frozenset[str]
    scope: tuple[str, ...]


class Shard(Record):
    """One of several parts that make the whole."""

    number: int
    total: int

    def __str__(self) -> str:
        return f"{self.number}/{self.total}"


def shard(text: str) -> Shard:
    """Read `I/N`. Raises UsageError for anything else, and for a shard beyond the last one."""
    match = _SHARD.match(text)
    if not match or int(match[1]) > int(match[2]):
        raise UsageError(f"--shard {text!r}: expected I/N, such as 2/4 for the second of four")
    return Shard(int(match[1]), int(match[2]))


def shard_part(project: ProjectSource, profiles: Sequence[ProfileSource], whole: Part, chosen: Shard) -> Part:
    """Return a shard of the services in `whole`. All shards together are the whole, and no two have anything in common.

    Services that have to do with each other are in one shard, and stay there whatever other services come and go. What
    belongs to no service is the first shard's.
    """
    tree = _tree(project, profiles)
    owners = {folder: tree.leaders[name] for name, own in tree.folders.items() for folder in own}

    def is_mine(path: str) -> bool:
        owner = owners.get(path)
        if path in _WHOLE or (owner is None and path.count("/") < _LEVELS - 1):
            return chosen.number == 1
        return shard_of(owner or posixpath.basename(path), chosen.total) == chosen.number

    services = {name for name in whole.services if shard_of(tree.leaders[name], chosen.total) == chosen.number}
    return Part(frozenset(services), tuple(filter(is_mine, _pieces(tree, whole.scope))))


def changed_part(
    project: ProjectSource, profiles: Sequence[ProfileSource], whole: Part, revision: str, templates: Path | None = None
) -> Part:
    """Return the part of `whole` that the changes since a revision can affect.

    Raises UsageError for a revision that is not there and outside of a repository, ToolError without git.
    """
    repository = open_repository(project.root, revision)
    changed = Changed(repository.changed())
    if not changed.paths:
        return Part(frozenset(), ())
    if templates and changed.touches(os.path.relpath(templates, project.root)):
        return whole
    tree = _tree(project, profiles)
    reached = affected(tree, changed, _reader(project.root), repository.contents)
    if reached is None:
        return whole
    # Of services, too, that are not described any more.
    folders = {directory_of(project, profile, name) for profile in profiles for name in reached.services}

    def is_affected(path: str) -> bool:
        return reached.applications if path == APPS else path in folders or changed.touches(path)

    return Part(whole.services & reached.services, tuple(filter(is_affected, _pieces(tree, whole.scope))))


def _tree(project: ProjectSource, profiles: Sequence[ProfileSource]) -> Tree:
    references = References(project.root)
    folders = {
        name: tuple(
            dict.fromkeys(
                map(
                    posixpath.normpath,
                    (service.base or f"base/{name}", *(directory_of(project, profile, name) for profile in profiles)),
                )
            )
        )
        for name, service in project.value.services.items()
    }
    return Tree(project, profiles, folders, units(folders, references.closure), references)


def _reader(root: Path) -> Callable[[list[str]], dict[str, bytes | None]]:
    def read(path: str) -> bytes | None:
        try:
            return files.read(root / path)
        except OSError:
            return None

    return lambda paths: {path: read(path) for path in paths}


def _pieces(tree: Tree, scope: Sequence[str]) -> Iterator[str]:
    """Take the folders of a scope apart, as far down as several services may share them."""
    owned = {folder for own in tree.folders.values() for folder in own}
    shared = {parent.as_posix() for folder in owned for parent in PurePosixPath(folder).parents}

    def taken_apart(path: str) -> Iterator[str]:
        if path in _WHOLE or path in owned or (path not in shared and path.count("/") >= _LEVELS - 1):
            yield path
            return
        try:
            with os.scandir(tree.project.root / path) as entries:
                names = sorted(entry.name for entry in entries)
        except OSError:  # a file, or nothing
            yield path
            return
        for name in names:
            yield from taken_apart(f"{path}/{name}")

    for path in scope:
        yield from taken_apart(path)
