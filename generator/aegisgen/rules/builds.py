"""Which files belong to one build: an overlay, or the manifests of one directory."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, NamedTuple

from aegisgen.kube.overlay import used_files
from aegisgen.rules.context import Context, Settings, context_of, deploying

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aegisgen.kube.overlay import Overlay
    from aegisgen.kube.resource import Resource


class Build(NamedTuple):
    """An overlay and what it composes to; no resources where it was not composed.

    `generated` is what `neighbours.generated_beside` found.
    """

    overlay: Overlay
    resources: tuple[Resource, ...]
    generated: tuple[str, ...] = ()


def contexts(builds: Iterable[Build], loose: Iterable[Resource], settings: Settings | None = None) -> list[Context]:
    """Return a context for every build, and one for every directory of manifests that no overlay uses.

    `loose` may hold everything that was read from files; what an overlay uses is left to that overlay. Every build gets
    the Applications that deploy it, wherever they are.
    """
    builds = list(builds)
    used = {source for build in builds for source in used_files(build.overlay)}
    loose = [resource for resource in loose if resource.document.source not in used]
    everything = [*loose, *(resource for build in builds for resource in build.resources)]
    applications = [each for each in everything if each.identity.kind == "Application"]
    found = [
        context_of(
            build.resources,
            overlay=build.overlay,
            applications=deploying(build.overlay.directory, applications),
            generated=build.generated,
            settings=settings,
        )
        for build in builds
    ]
    for directory, resources in _gathered(loose).items():
        found.append(context_of(resources, applications=deploying(directory, applications), settings=settings))
    return found


def _gathered(resources: Iterable[Resource]) -> dict[str, list[Resource]]:
    """Group resources by directory; where a directory holds one object twice, its files are builds of their own."""
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
