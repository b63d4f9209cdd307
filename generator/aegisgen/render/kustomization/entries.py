"""The entries of a kustomization.yaml that are aegisgen's, and how they are written."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from aegisgen.kube.shape import mapping
from aegisgen.record import Record
from aegisgen.yaml.source import Document, parse

_PLAIN = re.compile(r"(?=.*[A-Za-z])[\w./][\w./=-]*", re.ASCII)


class Patch(Record):
    """A patch file and the one object that it changes."""

    path: str
    kind: str
    name: str

    @property
    def target(self) -> dict[str, object]:
        """The `target` of the entry, as data."""
        return {"kind": self.kind, "name": self.name}


class Wiring(Record):
    """What a kustomization.yaml must list."""

    resources: tuple[str, ...]
    patches: tuple[Patch, ...]


Entry: TypeAlias = str | Patch | dict[str, object]


def path_of(item: object) -> str | None:
    """Return the normalised path of an entry or of an item of `resources` or `patches`; None where it has none.

    `./a.yaml` and `a.yaml` are one file for kustomize and one path here.
    """
    if isinstance(item, Patch):
        item = item.path
    elif isinstance(item, dict):
        item = item.get("path")
    return posixpath.normpath(item) if isinstance(item, str) and item else None


def matches(item: object, entry: Entry) -> bool:
    """Whether an item of the file says what `entry` says. More fields than path and target (`options`) do no harm."""
    if path_of(item) != path_of(entry):
        return False
    return isinstance(entry, str) or (
        isinstance(item, dict) and item.get("target") == mapping(as_data(entry))["target"]
    )


def as_data(entry: Entry) -> object:
    """Return what the entry parses to."""
    return {"path": entry.path, "target": entry.target} if isinstance(entry, Patch) else entry


def block(entry: Entry, indent: str = "", gap: str = " ", step: str = "  ") -> list[str]:
    """Write an entry as lines, without line breaks.

    `indent` goes before the dash, `gap` after it, and `step` before what is below a field.
    """
    data = as_data(entry)
    first, *rest = _pairs(data, step) if isinstance(data, dict) else [scalar(data)]
    return [f"{indent}-{gap}{first}", *(f"{indent} {gap}{line}" for line in rest)]


def pair(key: str, value: object, step: str = "  ") -> list[str]:
    """Write a field of a mapping as lines."""
    return list(_pairs({key: value}, step))


def _pairs(data: dict[str, object], step: str) -> Iterator[str]:
    for key, value in data.items():
        if isinstance(value, dict):
            yield f"{scalar(key)}:"
            yield from (step + line for line in _pairs(value, step))
        elif isinstance(value, list):
            yield f"{scalar(key)}:"
            yield from (f"{step}- {scalar(item)}" for item in value)
        else:
            yield f"{scalar(key)}: {scalar(value)}"


def flow(value: object, *, quote: bool) -> str:
    """Write an entry, or what is in one, on one line; `quote` keeps JSON what is JSON."""
    if isinstance(value, Patch):
        value = as_data(value)
    if isinstance(value, dict):
        pairs = (f"{scalar(key, quote=quote)}: {flow(inner, quote=quote)}" for key, inner in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list):
        return f"[{', '.join(flow(item, quote=quote) for item in value)}]"
    return scalar(value, quote=quote)


def scalar(value: object, *, quote: bool = False) -> str:
    """Write a string plainly where every YAML reader reads it back as this string, else in double quotes."""
    if not isinstance(value, str):
        return json.dumps(value)
    if not quote and _is_plain(value):
        return value
    quoted = json.dumps(value, ensure_ascii=False)
    return "".join(
        character if character.isprintable() or ord(character) > 0xFFFF else f"\\u{ord(character):04x}"  # noqa: PLR2004
        for character in quoted
    )


def _is_plain(value: str) -> bool:
    if not _PLAIN.fullmatch(value) or value.lower() in {"y", "n"}:  # booleans in YAML 1.1, strings for most readers
        return False
    read = next(parse(value, ""), None)
    return isinstance(read, Document) and read.data == value


def by_hand(missing: Wiring, unwanted: Iterable[str]) -> str:
    """Say what to do with a file that cannot be edited: the exact lines to add, and the entries to take out."""
    added: list[str] = []
    for key, entries in (("resources", missing.resources), ("patches", missing.patches)):
        if entries:
            added += [f"{key}:", *(line for entry in entries for line in block(entry, "  "))]
    parts = ["add by hand:\n" + "\n".join(added)] if added else []
    if removed := ", ".join(map(scalar, sorted(unwanted))):
        parts.append(f"remove by hand the entries of {removed}")
    return "\nand ".join(parts)
