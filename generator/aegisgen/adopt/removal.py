"""The hand-written parts of a migration: where they stand, and the files as they are without them."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial

from aegisgen.adopt.cut import with_block, with_scalar, without_document, without_entry, without_paths
from aegisgen.adopt.find import Original
from aegisgen.errors import InputError, Problem
from aegisgen.kube.kustomization import Layer, Patch
from aegisgen.kube.overlay import Member
from aegisgen.kube.resource import value_at
from aegisgen.kube.shape import KUSTOMIZATION_NAMES, mapping, sequence, text
from aegisgen.project.tree.content import is_generated
from aegisgen.record import Record
from aegisgen.render.kustomization.layout import UnsafeError
from aegisgen.yaml.source import Document, decode, parse_one

_PODS = ("spec", "template", "spec", "initContainers")
# The lists of a kustomization that name files.
_NAMING = ("resources", "bases", "patches", "patchesStrategicMerge", "patchesJson6902")


class Part(Record):
    """One hand-written part: of a document in a file, or, where `entry` is given, of a patch inside a kustomization.

    `path` leads to it in the document; empty: it is the whole document.
    """

    source: str
    line: int
    path: tuple[str | int, ...]
    patch: bool
    entry: tuple[str | int, ...] = ()
    """Where in the kustomization `source` the patch stands; `line` counts from its own beginning then."""


class Draft:
    """The tree as it shall be: what has been changed so far, over what is on disk. Paths are relative to `root`."""

    def __init__(self, root: str, disk: Callable[[str], bytes | None]) -> None:
        self.root = root
        self._disk = disk
        self.changed: dict[str, bytes | None] = {}

    def read(self, path: str) -> bytes | None:
        """Return a file's bytes as they shall be, None where there shall be no file."""
        return self.changed[path] if path in self.changed else self._disk(path)

    def relative(self, source: str) -> str:
        """Return the path of a file that was read from the working directory."""
        return posixpath.relpath(os.path.abspath(source), self.root)  # noqa: PTH100 -- no symlinks followed

    def edit(self, path: str, change: Callable[[str], str]) -> None:
        """Change a file's text. Raises InputError with the place where that cannot be done safely."""
        content = self.read(path) or b""
        before = decode(content, path)
        try:
            after = change(before)
        except UnsafeError as error:
            line = before.count("\n", 0, error.index) + 1
            message = f"{error.reason}; take the migration out of it by hand, and adopt again"
            raise InputError(Problem(path, line, 1, "", message)) from None
        mark = b"\xef\xbb\xbf" if content.startswith(b"\xef\xbb\xbf") else b""
        self.changed[path] = mark + after.encode() if after else None


def parts_of(original: Original) -> list[Part]:
    """Return everything that makes an overlay's migration, the container's file first."""
    member = original.member(original.migration.resource)
    if member is None:
        return []
    if original.migration.strategy == "presync-job":
        return [Part(member.place.source, member.place.document.line, member.place.path, patch=False)]
    return list(_of_container(original, member))


def _patches_of_job(original: Original) -> list[tuple[Layer, Patch]]:
    """Return the patches that change the migration's Job and nothing else."""
    job = original.migration.resource.identity
    alone = [
        application.patch
        for application in original.overlay.applications
        if {(met.kind, met.name) for met in application.met} == {("Job", job.name)}
    ]
    patches = _patches(original) if original.migration.strategy == "presync-job" else []
    return [(layer, patch) for layer, patch in patches if patch in alone]


def _patches(original: Original) -> list[tuple[Layer, Patch]]:
    layers = original.overlay.layers
    return [(layer, patch) for layer in layers for patch in (*layer.strategic, *layer.patches, *layer.json6902)]


def _of_container(original: Original, member: Member) -> Iterator[Part]:
    name = original.migration.name
    for index in _named(member.place.value, name):
        yield Part(member.place.source, member.place.document.line, (*member.place.path, *_PODS, index), patch=False)
    for change in member.changes:
        document = change.place.document
        if change.kind == "strategic":
            paths: list[tuple[str | int, ...]] = [(*_PODS, index) for index in _named(document.data, name)]
        elif change.kind == "operations":
            paths = list(_in_operations(document.data, name))
        else:
            continue
        for path in paths:
            yield _part_of_patch(original, document, path)


def _named(data: object, name: str) -> list[int]:
    containers = sequence(value_at(data, _PODS))
    return [index for index, container in enumerate(containers) if mapping(container).get("name") == name]


def _in_operations(data: object, name: str) -> Iterator[tuple[str | int, ...]]:
    for index, operation in enumerate(map(mapping, sequence(data))):
        pointer = text(operation.get("path")).split("/")[1:]
        if tuple(pointer[:4]) != _PODS:
            continue
        value = operation.get("value")
        names = [mapping(container).get("name") for container in sequence(value)]
        if mapping(value).get("name") == name or names == [name]:
            yield (index,)
        elif name in names:
            yield (index, "value", names.index(name))


def _part_of_patch(original: Original, document: Document, path: tuple[str | int, ...]) -> Part:
    for layer, patch in _patches(original):
        if any(content is document for content in patch.content) and document.source == layer.kustomization.source:
            entry = (*patch.place.path, "patch") if mapping(patch.place.value) else patch.place.path
            return Part(document.source, 1, path, patch=True, entry=entry)
    return Part(document.source, document.line, path, patch=True)


def remove(originals: Sequence[Original], draft: Draft, kept: Collection[str]) -> None:
    """Take the migrations of overlays out of the draft. Files in `kept` will be written anew, so their entries stay.

    Raises InputError where a file cannot be edited safely.
    """
    # overlays of one base share its parts; later ones first, so that the places of the others stay
    parts = {part for original in originals for part in parts_of(original)}
    by_document: dict[tuple[object, ...], list[Part]] = {}
    for part in sorted(parts, key=lambda part: part.line, reverse=True):
        by_document.setdefault((part.source, part.line, part.entry), []).append(part)
    entries: set[_Entry] = set()
    gone: set[str] = set()
    for together in by_document.values():
        path = draft.relative(together[0].source)
        if together[0].entry:
            entries |= _remove_inline(together, path, draft)
            continue
        _remove_parts(together, path, draft)
        if draft.read(path) is None and path not in kept:
            gone.add(path)
    for original in originals:
        for layer, patch in _patches_of_job(original):
            entries.add(_entry(draft.relative(layer.kustomization.source), patch.place.path))
            gone |= {draft.relative(document.source) for document in patch.content} - {entry.path for entry in entries}
    draft.changed |= dict.fromkeys(gone)
    for original in originals:
        for layer in original.overlay.layers:
            path = draft.relative(layer.kustomization.source)
            entries |= {
                _entry(path, place) for place, file in _files(layer.field, posixpath.dirname(path)) if file in gone
            }
    for entry in sorted(entries, reverse=True):
        draft.edit(entry.path, partial(without_entry, key=entry.key, index=entry.place))


class _Entry(Record):
    path: str
    key: str
    place: int


def _entry(path: str, place: Sequence[str | int]) -> _Entry:
    return _Entry(path, str(place[0]), int(place[1]))


def _remove_parts(parts: list[Part], path: str, draft: Draft) -> None:
    first = parts[0]
    if not first.path:
        draft.edit(path, partial(without_document, line=first.line))
    elif draft.read(path) is not None:
        paths = [part.path for part in parts]
        draft.edit(path, partial(without_paths, line=first.line, paths=paths, patch=first.patch))


def _remove_inline(parts: list[Part], path: str, draft: Draft) -> set[_Entry]:
    """Edit a patch inside a kustomization; where nothing is left of it, its entry has to go."""
    entry = parts[0].entry
    paths = [part.path for part in parts]
    emptied: set[_Entry] = set()

    def change(before: str) -> str:
        value = value_at(parse_one(before.encode(), path).data, entry)
        rest = without_paths(text(value), 1, paths, patch=True)
        if rest.strip():
            return with_block(before, entry, rest)
        emptied.add(_entry(path, entry))
        return before

    draft.edit(path, change)
    return emptied


def _files(field: Callable[[str], object], folder: str) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield the files that a kustomization in `folder` names, each with the place of its name."""
    for key in _NAMING:
        for index, entry in enumerate(sequence(field(key))):
            if name := text(entry) or text(mapping(entry).get("path")):
                place = (key, index) if isinstance(entry, str) else (key, index, "path")
                yield place, posixpath.normpath(posixpath.join(folder, name))


def make_room(draft: Draft, directory: str, names: Collection[str]) -> None:
    """Rename what stands where a generated file must go."""
    for name in names:
        path = f"{directory}/{name}"
        content = draft.read(path)
        if content is None or is_generated(content):
            continue
        stem, _, suffix = name.rpartition(".")
        candidates = (f"{stem}-own{number}.{suffix}" for number in ("", *(f"-{number}" for number in range(2, 1000))))
        free = next(name for name in candidates if draft.read(f"{directory}/{name}") is None)
        _rename_entries(draft, directory, name, free)
        draft.changed[path], draft.changed[f"{directory}/{free}"] = None, content


def _rename_entries(draft: Draft, directory: str, old: str, new: str) -> None:
    for name in KUSTOMIZATION_NAMES:
        path = f"{directory}/{name}"
        content = draft.read(path)
        data = mapping(parse_one(content, path).data) if content is not None else {}
        for place, file in _files(data.get, ""):
            if file == old:
                draft.edit(path, partial(with_scalar, path=place, value=new))
