"""A Kubernetes object and its identity."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aegisgen.kube.shape import mapping, text, texts
from aegisgen.record import Record
from aegisgen.yaml.source import Document


class Identity(Record):
    """What tells one object of a cluster from another. `namespace` is empty where the manifest names none."""

    api_version: str
    kind: str
    namespace: str
    name: str

    @property
    def group(self) -> str:
        """The API group, empty for the core group."""
        group, slash, _ = self.api_version.partition("/")
        return group if slash else ""

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


class Resource(Record):
    """One object of a manifest. `data` is known to be a mapping with a string `apiVersion` and `kind`."""

    identity: Identity
    data: dict[str, object]
    document: Document

    @property
    def annotations(self) -> dict[str, str]:
        """The annotations whose values are strings, as the API server would take them."""
        return texts(mapping(self.data.get("metadata")).get("annotations"))

    @property
    def labels(self) -> dict[str, str]:
        """The labels whose values are strings."""
        return texts(mapping(self.data.get("metadata")).get("labels"))

    def at(self, *path: str | int) -> object:
        """Return the value at `path`, None where there is none."""
        return value_at(self.data, path)


def value_at(data: object, path: Sequence[str | int]) -> object:
    """Follow `path` through mappings and lists; None as soon as it leads nowhere."""
    for part in path:
        if isinstance(data, dict):
            data = data.get(part)
        elif isinstance(data, list) and isinstance(part, int) and 0 <= part < len(data):
            data = data[part]
        else:
            return None
    return data


def pointed(pointer: str) -> list[str]:
    """Return the parts of a JSON pointer (RFC 6901)."""
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def identify(document: Document) -> Resource | str:
    """Return the object that a document holds, or the reason why it is not one."""
    data = document.data
    if not isinstance(data, dict):
        return "not a Kubernetes object: expected a mapping with apiVersion and kind"
    for field in ("apiVersion", "kind"):
        if not isinstance(data.get(field), str) or not data[field]:
            return f"not a Kubernetes object: {field} is missing or not a string"
    names = mapping(data.get("metadata"))
    name = text(names.get("name") or names.get("generateName"))
    return Resource(Identity(data["apiVersion"], data["kind"], text(names.get("namespace")), name), data, document)


def resources_in(documents: Iterable[object]) -> list[Resource]:
    """Return the objects among what a reader of YAML yields; problems and other documents are left out."""
    identified = (identify(document) for document in documents if isinstance(document, Document))
    return [resource for resource in identified if isinstance(resource, Resource)]
