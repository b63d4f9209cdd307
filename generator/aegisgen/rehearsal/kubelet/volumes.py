"""The volumes of a pod as folders."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from aegisgen.rehearsal.kubelet.environment import MissingError
from aegisgen.rehearsal.kubelet.spec import Container, Item, PodSpec
from aegisgen.rehearsal.objects import Objects


def volumes_of(spec: PodSpec, objects: Objects, folder: Path) -> dict[str, Path]:
    """Return a folder for each volume, with its files in it. Raises MissingError, worded as the kubelet does."""
    folders: dict[str, Path] = {}
    for volume in spec.volumes:
        if volume.persistent_volume_claim:
            name = volume.persistent_volume_claim.claim_name
            claimed = objects.claim(name)
            if claimed is None:
                raise MissingError(f'persistentvolumeclaim "{name}" not found', "Pending")
            folders[volume.name] = claimed
            continue
        place = folders[volume.name] = folder / "volumes" / volume.name
        place.mkdir(parents=True, exist_ok=True)
        for kind, source in (("ConfigMap", volume.config_map), ("Secret", volume.secret)):
            if source:
                name = source.name or source.secret_name
                entries = objects.entries(kind, name)
                if entries is None and not source.optional:
                    missing = f'MountVolume.SetUp failed: {kind.lower()} "{name}" not found'
                    raise MissingError(missing, "ContainerCreating")
                _write(entries or {}, source.items, place)
    return folders


def mounts_of(container: Container, volumes: Mapping[str, Path]) -> dict[str, str]:
    """Map each path of a container at which it has a volume to the folder or file of this machine."""
    paths = {}
    for mount in container.volume_mounts:
        if mount.name in volumes:
            place = volumes[mount.name] / mount.sub_path
            if mount.sub_path and not place.exists():
                place.mkdir(parents=True)
            paths[mount.mount_path] = str(place)
    return paths


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


def _write(entries: Mapping[str, str], items: tuple[Item, ...], place: Path) -> None:
    files = {item.path: entries.get(item.key, "") for item in items} if items else entries
    for name, text in files.items():
        file = place / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
