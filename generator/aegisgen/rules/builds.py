"""Which objects are judged together: those of an overlay, or the manifests of one directory."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator

from aegisgen.kube.overlay import Overlay
from aegisgen.kube.resource import Resource
from aegisgen.record import Record
from aegisgen.rules.context import Context, Settings, context_of, deploying, source_paths


class Build(Record):
    """An overlay and what it composes to; no resources where it was not composed.

    `generated` is what `neighbours.generated_beside` found.
    """

    overlay: Overlay
    resources: tuple[Resource, ...]
    generated: tuple[str, ...] = ()


class Deployments:
    """The Applications of a tree, wherever they are written, by what they deploy."""

    def __init__(self, applications: Iterable[Resource] = ()) -> None:
        # By the last name of their paths, each with its place in the order: where one path ends with another, both end
        # with the same name.
        self._by_name: dict[str, list[tuple[int, Resource]]] = {}
        for place, application in enumerate(applications):
            for name in dict.fromkeys(path.rpartition("/")[2] for path in source_paths(application)):
                self._by_name.setdefault(name, []).append((place, application))

    def of(self, *directories: str) -> tuple[Resource, ...]:
        """Return the Applications that deploy any of the directories, in the order in which they were given."""
        deployed: dict[int, Resource] = {}
        for directory in directories if self._by_name else ():
            near = self._by_name.get(posixpath.normpath(directory).rpartition("/")[2])
            if near:
                met = set(map(id, deploying(directory, (application for _, application in near))))
                deployed |= {place: application for place, application in near if id(application) in met}
        return tuple(application for _, application in sorted(deployed.items(), key=lambda item: item[0]))


def overlay_context(build: Build, applications: Iterable[Resource] = (), settings: Settings | None = None) -> Context:
    """Gather what the rules look at in an overlay; `applications` are those that deploy it."""
    return context_of(
        build.resources, overlay=build.overlay, applications=applications, generated=build.generated, settings=settings
    )


def directory_contexts(
    resources: Iterable[Resource], deployments: Deployments, settings: Settings | None = None
) -> Iterator[Context]:
    """Yield a context for every directory of manifests that no overlay uses.

    Where a directory holds one object twice, its files are builds of their own.
    """
    for directory, members in _gathered(resources).items():
        yield context_of(members, applications=deployments.of(directory), settings=settings)


def _gathered(resources: Iterable[Resource]) -> dict[str, list[Resource]]:
    by_directory: dict[str, list[Resource]] = {}
    for resource in resources:
        by_directory.setdefault(posixpath.dirname(resource.document.source), []).append(resource)
    groups: dict[str, list[Resource]] = {}
    for directory, members in by_directory.items():
        if len({member.identity for member in members}) == len(members):
            groups[directory] = members
            continue
        for member in members:
            groups.setdefault(member.document.source, []).append(member)
    return groups
