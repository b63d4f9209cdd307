"""Which services, and which folders of generated files, a change can affect.

What a check finds of a service depends on what is said of it (project file, included files, profiles), on templates and
baseline, on the files in its base and overlays and on all that those name, on the Applications that deploy it, and on
what kustomizations above it call a patch. Each of these is followed here; tests compare the outcome with whole checks.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from aegisgen.errors import InputError
from aegisgen.kube.resource import Resource
from aegisgen.kube.shape import KUSTOMIZATION_NAMES, mapping
from aegisgen.profile.resolve import runbook_place
from aegisgen.profile.sources import ProfileSource, ProjectSource, display
from aegisgen.project.fleet.changed import Changed
from aegisgen.project.fleet.definitions import redefined
from aegisgen.project.fleet.references import References, is_in
from aegisgen.proof.manifests import pieces
from aegisgen.record import Record
from aegisgen.render.places import APPS
from aegisgen.rules.context import deploying
from aegisgen.yaml.source import Document, decode, parse, parse_one

_Contents = Mapping[str, bytes | None]
Contents = Callable[[list[str]], _Contents]

_PATCHES = ("patches", "patchesStrategicMerge", "patchesJson6902")
_MANIFESTS = (".yaml", ".yml", ".json")
# What can hide a word in YAML's double quotes.
_ESCAPE = re.compile(rb"\\(?:[xuU]|\r|\n)")


class Affected(Record):
    """What a change can affect."""

    services: frozenset[str]
    """They need not be there any more."""
    applications: bool
    """Whether what is rendered for Argo CD, or lies beside it, can be affected."""


class Tree(Record):
    """A project as it is seen here: paths are relative to its folder."""

    project: ProjectSource
    profiles: Sequence[ProfileSource]
    folders: Mapping[str, Sequence[str]]
    """The base and the overlays of each service."""
    leaders: Mapping[str, str]
    references: References


def affected(tree: Tree, changed: Changed, now: Contents, before: Contents) -> Affected | None:
    """Return what a change can affect, None where that is everything; `now` and `before` give what files hold, held."""
    if changed.everything:
        return None
    baseline = tree.project.value.rules.baseline
    described = redefined(tree.project, tree.profiles, changed, before)
    if described is None or (baseline and changed.touches(posixpath.normpath(baseline))):
        return None
    services = set(described) | set(_runbooks(tree, changed))
    files = sorted(path for path in changed.paths if path.endswith((*_MANIFESTS, *KUSTOMIZATION_NAMES)))
    then, here = before(files), now(files)
    for folder in _other_patches(files, then, here):
        above_all = folder == "" or posixpath.basename(folder) == ".."
        services |= {
            name for name, own in tree.folders.items() if above_all or any(is_in(path, folder) for path in own)
        }
    applications = [*_applications(then), *_applications(here)]
    for name, own in tree.folders.items() if applications else ():
        if any(deploying(display(tree.project.root / folder), applications) for folder in own):
            services.add(name)
    touched = {tree.leaders[name] for name in services & tree.leaders.keys()}
    for name, own in tree.folders.items():
        leader = tree.leaders[name]
        if leader not in touched and any(map(changed.touches, tree.references.closure(own))):
            touched.add(leader)
    together = {name for name, leader in tree.leaders.items() if leader in touched}
    return Affected(frozenset(services | together), bool(described) or changed.touches(APPS))


def _runbooks(tree: Tree, changed: Changed) -> Iterator[str]:
    if not any(path.endswith((".md", ".html")) for path in changed.paths):
        return
    for profile in tree.profiles:
        for name in tree.folders:
            if changed.touches(runbook_place(tree.project, profile, name)):
                yield name


def _other_patches(files: Iterable[str], then: _Contents, here: _Contents) -> Iterator[str]:
    """Yield the folders whose kustomizations call other files patches than before: that is asked from far below."""
    for path in files:
        folder, name = posixpath.split(path)
        if name in KUSTOMIZATION_NAMES and _patches(then[path]) != _patches(here[path]):
            yield folder


def _patches(raw: bytes | None) -> str:
    try:
        data = mapping(parse_one(raw, "").data) if raw is not None else {}
    except InputError:
        return ""
    return repr([data.get(field) for field in _PATCHES])


def _applications(contents: _Contents) -> Iterator[Resource]:
    """Yield the Applications in some files, without reading those in which there can be none."""
    for path, raw in contents.items():
        if raw and (b"Application" in raw or _ESCAPE.search(raw)):
            for document in _documents(raw, path):
                resources = (piece.object() for piece in pieces(document, patch=False))
                yield from (
                    resource
                    for resource in resources
                    if isinstance(resource, Resource) and resource.identity.kind == "Application"
                )


def _documents(raw: bytes, path: str) -> Iterator[Document]:
    try:
        text = decode(raw, path)
    except InputError:
        return
    yield from (document for document in parse(text, path) if isinstance(document, Document))
