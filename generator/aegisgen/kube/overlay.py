"""A Kustomize directory without Kustomize: which object comes from which file, and which patch meets nothing.

Names, patches and selections follow Kustomize 5.7 as observed. In every directory it takes in the resources, then the
generators, then the components; then come strategic merge patches, patches, namespace, prefix, suffix, labels,
annotations, JSON 6902 patches, replicas and images, in this order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from aegisgen import files
from aegisgen.errors import Problem
from aegisgen.kube.kustomization import Layer, Patch, Place, Reading, composed_files
from aegisgen.kube.resource import Identity, Resource, identify, pointed
from aegisgen.kube.selection import CLUSTER_SCOPED, namespace_of, selects
from aegisgen.kube.shape import mapping, sequence, text, texts
from aegisgen.record import Record, replace
from aegisgen.yaml.source import Document, Parser

MAX_FILE_BYTES = 8_000_000
"""A manifest of more than a megabyte does not fit into etcd; a file of many of them is still far below this."""

# Kinds whose names Kustomize leaves as they are.
_UNPREFIXED = frozenset({"APIService", "CustomResourceDefinition", "Namespace"})
_COUNTED = frozenset({"Deployment", "ReplicaSet", "ReplicationController", "StatefulSet"})


class Change(Record):
    """Something in a kustomization that changes an object: a patch's document, an image, a count, generated data."""

    kind: Literal["strategic", "operations", "image", "replicas", "data"]
    place: Place


class Member(Record):
    """One object of an overlay: its name as composed, where it came from, and what changed it, in order."""

    identity: Identity
    hashed: bool
    """Kustomize appends a hash of the content to the name."""
    generated: bool
    """It comes from a generator: `place` is an entry of a kustomization, not an object."""
    place: Place
    changes: tuple[Change, ...]


class Application(Record):
    """A patch and what became of it: the composed names of the objects it met."""

    patch: Patch
    met: tuple[Identity, ...]
    certain: bool
    """Every object that the patch could meet is known, so that meeting nothing is a fact."""


class Overlay(Record):
    """Everything that can be known about a Kustomize directory without building it."""

    directory: str
    layers: tuple[Layer, ...]
    """The directory's own kustomization first, then those below it. Empty where there is none."""
    members: tuple[Member, ...]
    applications: tuple[Application, ...]
    problems: tuple[Problem, ...]
    remotes: tuple[Place, ...]

    @property
    def kustomizations(self) -> tuple[Document, ...]:
        """The kustomization files, the directory's own first."""
        return tuple(layer.kustomization for layer in self.layers)


def read_overlay(directory: Path, parser: Parser = composed_files) -> Overlay:
    """Read a Kustomize directory from the file system. Files that cannot be read count as missing."""
    return overlay_of(_read_file, directory.as_posix(), parser)


def overlay_of(read: Callable[[str], bytes | None], directory: str, parser: Parser = composed_files) -> Overlay:
    """Read a Kustomize directory through `read`, which gives a file's bytes or None where there is no such file.

    Nothing raises: what is wrong is in `problems`, with its place.
    """
    reading = Reading(read, parser)
    root = reading.layer(directory)
    if root is None:
        problems = reading.problems or [Problem(directory, 0, 0, "", "no kustomization.yaml in this directory")]
        return Overlay(directory, (), (), (), tuple(problems), ())
    accumulation = _Accumulation()
    objects = accumulation.accumulate(root, [])
    return Overlay(
        directory=directory,
        layers=tuple(_flattened(root)),
        members=tuple(item.member() for item in objects),
        applications=tuple(
            Application(patch, tuple(item.identities[-1] for item in met), certain)
            for patch, met, certain in accumulation.applied
        ),
        problems=tuple(reading.problems),
        remotes=tuple(reading.remotes),
    )


def unmatched_patches(overlay: Overlay) -> tuple[Patch, ...]:
    """Return the patches that change nothing, as far as that is certain.

    With a `target` Kustomize drops such a patch silently and exits 0 (kustomize issues 4379 and 5093); without one it
    refuses the build.
    """
    return tuple(
        application.patch for application in overlay.applications if application.certain and not application.met
    )


def used_files(overlay: Overlay) -> set[str]:
    """Return the files that an overlay is made of: kustomizations, resources and patches."""
    patches = (document.source for application in overlay.applications for document in application.patch.content)
    resources = (item.source for layer in overlay.layers for item in layer.resources if isinstance(item, Place))
    kustomizations = (document.source for document in overlay.kustomizations)
    return {*patches, *resources, *kustomizations, *(problem.path for problem in overlay.problems)}


class _Object:
    """An object on its way through the layers: it remembers every name it ever had."""

    def __init__(self, place: Place, resource: Resource, *, hashed: bool = False, generated: bool = False) -> None:
        self.place = place
        self.identities = [resource.identity]
        self.labels = resource.labels
        self.annotations = resource.annotations
        self.hashed = hashed
        self.generated = generated
        self.changes: list[Change] = []

    def member(self) -> Member:
        return Member(self.identities[-1], self.hashed, self.generated, self.place, tuple(self.changes))

    def rename(self, **parts: str) -> None:
        self.identities.append(replace(self.identities[-1], **parts))

    def was(self, identity: Identity) -> bool:
        wanted = (identity.api_version, identity.kind, namespace_of(identity), identity.name)
        return any((own.api_version, own.kind, namespace_of(own), own.name) == wanted for own in self.identities)


class _Accumulation:
    def __init__(self) -> None:
        self.applied: list[tuple[Patch, list[_Object], bool]] = []

    def accumulate(self, layer: Layer, objects: list[_Object]) -> list[_Object]:
        """Add a layer to the objects gathered so far. A component works on all of them, any other layer on its own."""
        certain = not any(below.opaque for below in _flattened(layer))
        for item in layer.resources:
            objects += self.accumulate(item, []) if isinstance(item, Layer) else _object_at(item)
        for place in layer.generators:
            _generate(place, layer, objects)
        for component in layer.components:
            objects = self.accumulate(component, objects)
        for patch in (*layer.strategic, *layer.patches):
            objects = self._apply(patch, objects, certain=certain)
        _name(layer, objects)
        for patch in layer.json6902:
            objects = self._apply(patch, objects, certain=certain)
        _count_and_tag(layer, objects)
        return objects

    def _apply(self, patch: Patch, objects: list[_Object], *, certain: bool) -> list[_Object]:
        met: list[_Object] = []
        gone: set[int] = set()
        for document in patch.content:
            chosen = [item for item in objects if _meets(patch, document, item)]
            met += chosen
            for item in chosen:
                _change(item, document)
                if mapping(document.data).get("$patch") == "delete":
                    gone.add(id(item))
        self.applied.append((patch, met, certain and bool(patch.content)))
        return [item for item in objects if id(item) not in gone]


def _meets(patch: Patch, document: Document, item: _Object) -> bool:
    if patch.target is not None:
        return selects(patch.target, item.identities, item.labels, item.annotations)
    resource = identify(document)
    return isinstance(resource, Resource) and item.was(resource.identity)


def _change(item: _Object, document: Document) -> None:
    if isinstance(document.data, list):
        item.changes.append(Change("operations", Place(document)))
        for operation in map(mapping, document.data):
            _operate(item, operation)
        return
    item.changes.append(Change("strategic", Place(document)))
    metadata = mapping(mapping(document.data).get("metadata"))
    for field, own in (("labels", item.labels), ("annotations", item.annotations)):
        for key, value in mapping(metadata.get(field)).items():
            if isinstance(value, str):
                own[key] = value
            else:
                own.pop(key, None)


def _operate(item: _Object, operation: dict[str, object]) -> None:
    """Follow what a JSON 6902 operation does to labels and annotations, which later patches may select by."""
    parts = pointed(text(operation.get("path")))
    for field, own in (("labels", item.labels), ("annotations", item.annotations)):
        if parts[:2] != ["metadata", field]:
            continue
        if len(parts) == 2:  # noqa: PLR2004 -- the whole of metadata/labels
            own.clear()
            own.update(texts(operation.get("value")))
        elif operation.get("op") == "remove":
            own.pop(parts[2], None)
        else:
            own[parts[2]] = text(operation.get("value"))


def _object_at(place: Place) -> Iterator[_Object]:
    resource = identify(Document(place.source, place.document.line, "", place.value))
    if isinstance(resource, Resource):
        yield _Object(place, resource)


def _generate(place: Place, layer: Layer, objects: list[_Object]) -> None:
    entry = mapping(place.value)
    kind = "ConfigMap" if place.path[0] == "configMapGenerator" else "Secret"
    identity = Identity("v1", kind, text(entry.get("namespace")), text(entry.get("name")))
    if text(entry.get("behavior")) in {"merge", "replace"}:
        for item in objects:
            if item.was(identity):
                item.changes.append(Change("data", place))
        return
    options = {**mapping(layer.field("generatorOptions")), **mapping(entry.get("options"))}
    metadata = {key: options.get(key) for key in ("labels", "annotations")}
    resource = Resource(identity, {"metadata": metadata}, place.document)
    hashed = options.get("disableNameSuffixHash") is not True
    objects.append(_Object(place, resource, hashed=hashed, generated=True))


def _name(layer: Layer, objects: list[_Object]) -> None:
    namespace = text(layer.field("namespace"))
    prefix, suffix = text(layer.field("namePrefix")), text(layer.field("nameSuffix"))
    labels = texts(layer.field("commonLabels"))
    for entry in map(mapping, sequence(layer.field("labels"))):
        labels |= texts(entry.get("pairs"))
    annotations = texts(layer.field("commonAnnotations"))
    for item in objects:
        kind = item.identities[-1].kind
        if namespace and kind == "Namespace":
            item.rename(name=namespace)
        elif namespace and kind not in CLUSTER_SCOPED:
            item.rename(namespace=namespace)
        if kind not in _UNPREFIXED:
            if prefix:
                item.rename(name=prefix + item.identities[-1].name)
            if suffix:
                item.rename(name=item.identities[-1].name + suffix)
        item.labels |= labels
        item.annotations |= annotations


def _count_and_tag(layer: Layer, objects: list[_Object]) -> None:
    for index, entry in enumerate(map(mapping, sequence(layer.field("replicas")))):
        change = Change("replicas", Place(layer.kustomization, ("replicas", index)))
        name = text(entry.get("name"))
        for item in objects:
            if item.identities[-1].kind in _COUNTED and any(own.name == name for own in item.identities):
                item.changes.append(change)
    images = [Place(layer.kustomization, ("images", index)) for index in range(len(sequence(layer.field("images"))))]
    for item in objects:
        item.changes += [Change("image", place) for place in images]


def _flattened(layer: Layer) -> Iterator[Layer]:
    yield layer
    for below in (*layer.resources, *layer.components):
        if isinstance(below, Layer):
            yield from _flattened(below)


def _read_file(path: str) -> bytes | None:
    try:
        return files.read(path, MAX_FILE_BYTES)
    except (OSError, ValueError):  # ValueError: a NUL byte in a path
        return None
