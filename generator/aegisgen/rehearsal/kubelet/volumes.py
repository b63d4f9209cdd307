"""The volumes of a pod as folders."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from aegisgen.rehearsal.kubelet.environment import MissingError, Objects
from aegisgen.rehearsal.kubelet.spec import Container, Item, PodSpec


class Storage(Objects, Protocol):
    """ConfigMaps, Secrets and claims of a namespace."""

    @property
    def version(self) -> int:
        """A number that is another one whenever something has changed."""

    def exists(self, kind: str, name: str) -> bool:
        """Whether an object is there."""

    def claim(self, name: str) -> Path | None:
        """Return the folder of a claim's volume, None if the claim does not exist."""


def volumes_of(spec: PodSpec, storage: Storage, folder: Path) -> dict[str, Path]:
    """Return a folder for each volume, with its files in it. Raises MissingError, worded as the kubelet does."""
    found: dict[str, Path] = {}
    for volume in spec.volumes:
        place = folder / "volumes" / volume.name
        if volume.persistent_volume_claim:
            name = volume.persistent_volume_claim.claim_name
            claimed = storage.claim(name)
            if claimed is None:
                raise MissingError(f'persistentvolumeclaim "{name}" not found', "Pending")
            found[volume.name] = claimed
            continue
        place.mkdir(parents=True, exist_ok=True)
        if volume.config_map:
            wanted = volume.config_map
            entries = _required(storage.config_map(wanted.name), "configmap", wanted.name, optional=wanted.optional)
            _write(entries, wanted.items, place)
        elif volume.secret:
            hidden = volume.secret
            entries = _required(
                storage.secret(hidden.secret_name), "secret", hidden.secret_name, optional=hidden.optional
            )
            _write(entries, hidden.items, place)
        found[volume.name] = place
    return found


def mounts_of(container: Container, volumes: Mapping[str, Path]) -> dict[str, str]:
    """Map each path of a container at which it has a volume to the folder or file of this machine."""
    found = {}
    for mount in container.volume_mounts:
        if mount.name in volumes:
            place = volumes[mount.name] / mount.sub_path
            if mount.sub_path and not place.exists():
                place.mkdir(parents=True)
            found[mount.mount_path] = str(place)
    return found


def rewriting(paths: Mapping[str, str]) -> Callable[[str], str]:
    """Return what replaces each absolute path of a container, and what lies below it, in a text.

    All containers share one file system here, so that words of the command and values of variables are rewritten. A
    program that has a path compiled in, or reads it from a file, is not helped by that.

    A path stands by itself where no other path or word runs into it: not in `s3://bucket/data`, nor in `$HOME/data`.
    """
    known = {path.rstrip("/"): local for path, local in paths.items() if path.rstrip("/")}
    if not known:
        return lambda text: text
    longest_first = sorted(known, key=len, reverse=True)
    pattern = re.compile(r"(?<![\w./$}])(?:" + "|".join(map(re.escape, longest_first)) + r")(?![\w.-])")
    return lambda text: pattern.sub(lambda match: known[match[0]], text)


def _required(entries: Mapping[str, str] | None, kind: str, name: str, *, optional: bool) -> Mapping[str, str]:
    if entries is None and not optional:
        raise MissingError(f'MountVolume.SetUp failed: {kind} "{name}" not found', "ContainerCreating")
    return entries or {}


def _write(entries: Mapping[str, str], items: tuple[Item, ...], place: Path) -> None:
    files = {item.path: entries.get(item.key, "") for item in items} if items else entries
    for name, text in files.items():
        file = place / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
