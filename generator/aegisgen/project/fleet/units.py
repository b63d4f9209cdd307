"""Services that have to do with each other: one's files are another's too. Pure."""

from __future__ import annotations

import hashlib
import posixpath
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping

from aegisgen.project.fleet.references import is_in


def units(folders: Mapping[str, Iterable[str]], closure: Callable[[Iterable[str]], Iterable[str]]) -> dict[str, str]:
    """Return for each service the first, by name, of those that it belongs together with; for most that is itself.

    `folders` are each service's own: its base, its overlays. Services belong together where one's folder is, holds or
    lies in another's, or where what one's kustomizations name (`closure`) is, holds or lies in a folder of another's.
    What is no service's own, such as a component beside the bases, ties nobody together.
    """
    leaders = {service: service for service in folders}

    def leader(service: str) -> str:
        while leaders[service] != service:
            leaders[service] = leaders[leaders[service]]
            service = leaders[service]
        return service

    owners: dict[str, str] = {}
    for service, own in sorted(folders.items()):
        for folder in own:
            owners.setdefault(folder, service)
    known = sorted(owners)
    for service, own in sorted(folders.items()):
        for folder in closure(own):
            for other in _overlapping(folder, owners, known):
                first, second = sorted((leader(service), leader(owners[other])))
                leaders[second] = first
    return {service: leader(service) for service in folders}


def shard_of(leader: str, count: int) -> int:
    """Return the shard, from 1 to `count`, of the services under a leader, whatever other services there are."""
    return int.from_bytes(hashlib.blake2b(leader.encode(), digest_size=8).digest(), "big") % count + 1


def above(path: str) -> Iterator[str]:
    """Yield a path and the folders above it, as far as a relative path tells; the topmost is "."."""
    while path and path != "." and posixpath.basename(path) != "..":
        yield path
        path = posixpath.dirname(path)
    yield path or "."


def _overlapping(folder: str, owners: Mapping[str, str], known: list[str]) -> Iterator[str]:
    """Yield those of the owned folders (sorted in `known`) that are this one, hold it, or lie in it."""
    holder = folder
    while holder:
        if holder in owners:
            yield holder
        holder = holder.rpartition("/")[0]
    if folder == "." or posixpath.basename(folder) == "..":
        yield from known  # it holds the project
        return
    at = bisect_left(known, f"{folder}/")
    while at < len(known) and is_in(known[at], folder):
        yield known[at]
        at += 1
