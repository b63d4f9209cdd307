"""Kustomization files as they stand: what they name, and where. Reads no files itself and runs no tool."""

from __future__ import annotations

import posixpath
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator

from aegisgen.errors import InputError, Problem
from aegisgen.kube.resource import value_at
from aegisgen.kube.selection import Target, target_of
from aegisgen.kube.shape import KUSTOMIZATION_NAMES, mapping, sequence, text
from aegisgen.record import Record, replace
from aegisgen.yaml.scalars import Dialect
from aegisgen.yaml.source import Document, Parser, decode, documents, parse, parse_one

Read = Callable[[str], bytes | None]

# More kustomizations than any tree has, and few enough that bases which multiply each other come to an end.
MAX_LAYERS = 500

_REMOTE = re.compile(r"(?:https?|ssh|git|file)://|git@|git::|(?:www\.)?(?:github|gitlab|bitbucket)\.\w+[/:]|.*[?&]ref=")


class Place(Record):
    """A field of a document: what an origin is told as."""

    document: Document
    path: tuple[str | int, ...] = ()

    @property
    def source(self) -> str:
        """The file."""
        return self.document.source

    @property
    def position(self) -> tuple[int, int]:
        """Line and column of the field, or of the last part of its path that exists."""
        return self.document.position(self.path, key=bool(self.path) and isinstance(self.path[-1], str))

    @property
    def value(self) -> object:
        """What stands there, None where nothing does."""
        return value_at(self.document.data, self.path)

    def at(self, *path: str | int) -> Place:
        """Return the place of a field below this one."""
        return Place(self.document, (*self.path, *path))

    def problem(self, message: str) -> Problem:
        """Return what is wrong here as a problem of the file's field."""
        return Problem(self.source, *self.position, str(self.path[0]) if self.path else "", message)


class Patch(Record):
    """An entry of `patches`, `patchesStrategicMerge` or `patchesJson6902`, and the documents it stands for."""

    place: Place
    target: Target | None
    content: tuple[Document, ...]


class Layer(Record):
    """One kustomization directory with everything below it, in the order in which Kustomize takes it in."""

    directory: str
    kustomization: Document
    resources: tuple[Place | Layer, ...]
    components: tuple[Layer, ...]
    strategic: tuple[Patch, ...]
    patches: tuple[Patch, ...]
    json6902: tuple[Patch, ...]
    generators: tuple[Place, ...]
    opaque: bool
    """Something contributes objects that cannot be seen here: remote bases, charts, plug-ins, missing files."""

    def field(self, name: str) -> object:
        """Return a field of the kustomization file."""
        return mapping(self.kustomization.data).get(name)


def composed_files(raw: bytes, source: str) -> Iterator[Document | Problem]:
    """Yield the documents of a file that Kustomize composes, or of a kustomization file, as `documents` does."""
    own = posixpath.basename(source) in KUSTOMIZATION_NAMES
    return documents(raw, source, Dialect.PLAIN if own else Dialect.KUSTOMIZE)


class Reading:
    """What one walk over a tree of kustomizations has met, beside its layers."""

    def __init__(self, read: Read, parser: Parser = documents) -> None:
        self.read = read
        self.parser = parser
        self.problems: list[Problem] = []
        self.remotes: list[Place] = []
        self.layers = 0

    def layer(self, directory: str, parents: tuple[str, ...] = ()) -> Layer | None:
        """Read the kustomization in `directory` and all that it names; None where there is none to read."""
        kustomization = self._kustomization(directory)
        if kustomization is None:
            return None
        self.layers += 1
        parents = (*parents, directory)
        before = len(self.problems) + len(self.remotes)
        resources = [
            item
            for field in ("resources", "bases")  # Kustomize appends the latter to the former
            for place in _entries(kustomization, field)
            for item in self._resource(place, directory, parents)
        ]
        components = [self._directory(place, directory, parents) for place in _entries(kustomization, "components")]
        plugins = ("helmCharts", "helmChartInflationGenerator", "generators", "transformers")
        return Layer(
            directory=directory,
            kustomization=kustomization,
            resources=tuple(resources),
            components=tuple(component for component in components if component),
            strategic=tuple(
                self._patch(place, directory) for place in _entries(kustomization, "patchesStrategicMerge")
            ),
            patches=tuple(self._patch(place, directory) for place in _entries(kustomization, "patches")),
            json6902=tuple(self._patch(place, directory) for place in _entries(kustomization, "patchesJson6902")),
            generators=tuple(
                place for field in ("configMapGenerator", "secretGenerator") for place in _entries(kustomization, field)
            ),
            opaque=len(self.problems) + len(self.remotes) > before
            or any(map(mapping(kustomization.data).get, plugins)),
        )

    def _kustomization(self, directory: str) -> Document | None:
        for name in KUSTOMIZATION_NAMES:
            path = _join(directory, name)
            raw = self.read(path)
            if raw is None:
                continue
            try:
                return parse_one(raw, path, self.parser)
            except InputError as error:
                self.problems += error.problems
                return None
        return None

    def _resource(self, place: Place, directory: str, parents: tuple[str, ...]) -> Iterator[Place | Layer]:
        entry = text(place.value)
        path = _join(directory, entry)
        raw = self.read(path) if entry else None
        if raw is None:
            layer = self._directory(place, directory, parents)
            if layer:
                yield layer
            return
        for document in self._documents(raw, path):
            yield from _objects(document)

    def _directory(self, place: Place, directory: str, parents: tuple[str, ...]) -> Layer | None:
        entry = text(place.value)
        path = _join(directory, entry)
        if not entry:
            self._problem(place, "expected the path of a file or directory")
        elif path in parents:
            self._problem(place, f"{entry} leads back to a kustomization that names it")
        elif self.layers >= MAX_LAYERS:
            self._problem(place, f"more than {MAX_LAYERS} kustomizations; this one and all after it are left out")
        elif any(self.read(_join(path, name)) is not None for name in KUSTOMIZATION_NAMES):
            return self.layer(path, parents)
        elif _REMOTE.match(entry):
            self.remotes.append(place)
        else:
            self._problem(place, f"{entry} does not exist, or is a directory without a kustomization.yaml")
        return None

    def _patch(self, place: Place, directory: str) -> Patch:
        entry = place.value
        fields = mapping(entry)
        name = text(fields.get("path")) or text(entry)
        raw = self.read(_join(directory, name)) if name and "\n" not in name else None
        if raw is not None:
            content = self._documents(raw, _join(directory, name))
        elif text(fields.get("patch")):
            content = self._inline(place.at("patch"))
        elif isinstance(entry, str) and ("\n" in entry or ":" in entry):
            content = self._inline(place)
        else:
            self._problem(place, f"the patch {name} does not exist" if name else "a patch with neither path nor patch")
            content = ()
        return Patch(place, target_of(fields.get("target")), content)

    def _inline(self, place: Place) -> tuple[Document, ...]:
        """Read a patch that stands in the kustomization itself, in such a way that its lines are the file's."""
        line, column = place.document.position(place.path)
        content = text(place.value)
        lines = decode(self.read(place.source) or b"", place.source).split("\n")
        opening = lines[line - 1][column - 1 :] if line <= len(lines) else ""
        if opening.startswith("|") and "---" not in content:
            body = lines[line:]
            indent = next((len(row) - len(row.lstrip()) for row in body if row.strip()), 0)
            content, line = textwrap.indent(content, " " * indent), line + 1
        return self._parsed(content, place.source, line - 1)

    def _documents(self, raw: bytes, path: str) -> tuple[Document, ...]:
        return tuple(self._sound(self.parser(raw, path)))

    def _parsed(self, content: str, source: str, lines_before: int) -> tuple[Document, ...]:
        parts = list(parse(content, source, Dialect.KUSTOMIZE))
        for index, part in enumerate(parts):
            if isinstance(part, Problem):
                parts[index] = replace(part, line=part.line + lines_before)
            else:
                part.line += lines_before
        return tuple(self._sound(parts))

    def _sound(self, parts: Iterable[Document | Problem]) -> Iterator[Document]:
        for part in parts:
            if isinstance(part, Problem):
                self.problems.append(part)
            elif part.data is not None:
                yield part

    def _problem(self, place: Place, message: str) -> None:
        self.problems.append(place.problem(message))


def _entries(document: Document, field: str) -> Iterator[Place]:
    for index in range(len(sequence(mapping(document.data).get(field)))):
        yield Place(document, (field, index))


def _objects(document: Document) -> Iterator[Place]:
    """Kustomize takes a `List` apart into its items."""
    data = mapping(document.data)
    items = data.get("items")
    if text(data.get("kind")).endswith("List") and isinstance(items, list):
        yield from (Place(document, ("items", index)) for index in range(len(items)))
    else:
        yield Place(document)


def _join(directory: str, entry: str) -> str:
    return posixpath.normpath(posixpath.join(directory, entry))
