"""From a field of a composed object back to the line that a person wrote."""

from __future__ import annotations

import re
from collections.abc import Sequence

from aegisgen.kube.kustomization import Place
from aegisgen.kube.overlay import Change, Member, Overlay
from aegisgen.kube.resource import Identity, Resource, pointed, value_at
from aegisgen.kube.shape import mapping, sequence, text

Path = tuple[str | int, ...]

# The alphabet and length of the hash that Kustomize appends to generated names.
_HASH = re.compile(r"-[bcdfghkmt2456789]{10}\Z")
# What tells the items of a list apart, the more particular first: a volumeMount has a name and a mountPath.
_MERGE_KEYS = ("mountPath", "name", "containerPort", "port", "key", "ip", "topologyKey")


def member_of(overlay: Overlay, identity: Identity) -> Member | None:
    """Return what is known of a composed object, None where it comes from something that cannot be seen."""
    same = [member for member in overlay.members if _same(member, identity)]
    exact = [member for member in same if member.identity.namespace == identity.namespace]
    return next(iter(exact or same), None)


def origin_of(overlay: Overlay, resource: Resource, path: Sequence[str | int] = ()) -> Place | None:
    """Return where a composed object, or the field of it at `path`, was written; None where that is unknown.

    A plain value comes from the last patch, image, count or generator entry that sets it, otherwise from the base. A
    mapping or list comes from the file that first has it. Where nothing has it, it is the nearest part that exists.
    """
    member = member_of(overlay, resource.identity)
    if member is None:
        return None
    wanted = tuple(path)
    if not wanted:
        return member.place
    base = _found_in_base(member, resource.data, wanted)
    value = resource.at(*wanted)
    changed = [place for change in member.changes if (place := _found_in_change(change, resource, wanted))]
    if isinstance(value, dict | list):
        place = base or (changed[0] if changed else None)
    else:
        place = changed[-1] if changed else base
    return place or origin_of(overlay, resource, wanted[:-1])


def unhashed(name: str) -> str:
    """Return a generated name without the hash of its content; any other name as it is."""
    return _HASH.sub("", name)


def translate(data: object, path: Sequence[str | int], other: object) -> Path | None:
    """Return the path in `other` that means what `path` means in `data`: list items are known by their names."""
    translated: Path = ()
    for part in path:
        if isinstance(part, int):
            items = sequence(data)
            data = items[part] if part < len(items) else None
            index = _counterpart(data, part, sequence(other))
            if index is None:
                return None
            translated, other = (*translated, index), sequence(other)[index]
        else:
            if part not in mapping(other):
                return None
            data, other = mapping(data).get(part), mapping(other)[part]
            translated = (*translated, part)
    return translated


def _counterpart(item: object, index: int, others: list[object]) -> int | None:
    fields = mapping(item)
    for key in _MERGE_KEYS:
        if key in fields and any(key in mapping(other) for other in others):
            return next((at for at, other in enumerate(others) if mapping(other).get(key) == fields[key]), None)
    if item in others:
        return others.index(item)
    return index if index < len(others) else None


def _same(member: Member, identity: Identity) -> bool:
    own = member.identity
    if (own.api_version, own.kind) != (identity.api_version, identity.kind):
        return False
    name = unhashed(identity.name) if member.hashed else identity.name
    return name == own.name and (not own.namespace or own.namespace == identity.namespace)


def _found_in_base(member: Member, data: object, path: Path) -> Place | None:
    if member.generated:
        return _in_generator(member.place, path)
    translated = translate(data, path, member.place.value)
    return None if translated is None else member.place.at(*translated)


def _found_in_change(change: Change, resource: Resource, path: Path) -> Place | None:
    entry = mapping(change.place.value)
    if change.kind == "strategic":
        translated = translate(resource.data, path, change.place.value)
        return None if translated is None else Place(change.place.document, translated)
    if change.kind == "operations":
        return _in_operations(change.place, resource.data, path)
    if change.kind == "data":
        return _in_generator(change.place, path)
    if change.kind == "replicas":
        return change.place.at("count") if path == ("spec", "replicas") else None
    return change.place.at("newTag") if path[-1] == "image" and _tags(entry, text(resource.at(*path))) else None


def _tags(entry: dict[str, object], image: str) -> bool:
    name = text(entry.get("newName")) or text(entry.get("name"))
    tag, digest = str(entry.get("newTag") or ""), text(entry.get("digest"))
    version = (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")
    return bool(name) and image.startswith(name) and image.endswith(version)


def _in_operations(place: Place, data: object, path: Path) -> Place | None:
    for number, operation in reversed(list(enumerate(map(mapping, sequence(place.value))))):
        pointer = pointed(text(operation.get("path")))
        written, below = path[: len(pointer)], path[len(pointer) :]
        if "value" not in operation or not _points_at(pointer, written):
            continue
        current = value_at(data, written)
        if pointer[-1:] == ["-"] and _counterpart(current, 0, [operation["value"]]) is None:
            continue  # it appended another item than this one
        inside = translate(current, below, operation["value"])
        if inside is not None:
            return Place(place.document).at(number, "value", *inside)
    return None


def _points_at(pointer: list[str], path: Path) -> bool:
    return len(pointer) == len(path) and all(
        own == str(part) or (own == "-" and isinstance(part, int)) for own, part in zip(pointer, path, strict=True)
    )


def _in_generator(place: Place, path: Path) -> Place | None:
    if len(path) != 2 or path[0] not in {"data", "stringData", "binaryData"}:  # noqa: PLR2004
        return None
    entry = mapping(place.value)
    for field in ("literals", "files"):
        for index, item in enumerate(sequence(entry.get(field))):
            key, equals, _ = text(item).partition("=")
            if (key if equals or field == "literals" else key.rpartition("/")[2]) == path[1]:
                return place.at(field, index)
    return place if entry.get("envs") or entry.get("env") else None
