"""What the containers of a pod's spec say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from aegisgen.kube.shape import mapping, sequence, text
from aegisgen.record import Record

WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
"""The kinds that may run an application."""


def image_of(spec: Mapping[str, object], container: str) -> str:
    """Return the image of a container of a pod's spec; empty where there is no such container."""
    return text(container_of(spec, container).get("image"))


def container_of(spec: Mapping[str, object], name: str) -> Mapping[str, object]:
    """Return a container, init containers included, of a pod's spec; empty if none has that name."""
    every = [*sequence(spec.get("initContainers")), *sequence(spec.get("containers"))]
    return next((item for item in map(mapping, every) if item.get("name") == name), {})


class Read(Record):
    """What a container reads of a ConfigMap or a Secret, `kind`; `path` leads from the container to the reference."""

    kind: str
    name: str
    variable: str
    """Empty: every key, each as a variable of its own name."""
    key: str
    """Of every key: what is put before it."""
    path: tuple[str | int, ...]
    optional: bool


def reads(container: Mapping[str, object]) -> Iterator[Read]:
    """Yield what a container's `env` reads of ConfigMaps and Secrets, and then what its `envFrom` does."""
    for index, entry in enumerate(map(mapping, sequence(container.get("env")))):
        source = mapping(entry.get("valueFrom"))
        yield from _reads(source, "KeyRef", text(entry.get("name")), ("env", index, "valueFrom"))
    for index, source in enumerate(map(mapping, sequence(container.get("envFrom")))):
        yield from _reads(source, "Ref", "", ("envFrom", index))


def _reads(source: Mapping[str, object], ending: str, variable: str, path: tuple[str | int, ...]) -> Iterator[Read]:
    for kind, field in (("ConfigMap", f"configMap{ending}"), ("Secret", f"secret{ending}")):
        reference = mapping(source.get(field))
        if name := text(reference.get("name")):
            key = text(reference.get("key")) or text(source.get("prefix"))
            yield Read(kind, name, variable, key, (*path, field), reference.get("optional") is True)


def referred(spec: Mapping[str, object], variables: Sequence[str], kind: str) -> str:
    """Return the object from which the first container of a pod's spec that does reads one of its variables, or all."""
    for container in [*sequence(spec.get("initContainers")), *sequence(spec.get("containers"))]:
        for read in reads(mapping(container)):
            if read.kind == kind and (not read.variable or read.variable in variables):
                return read.name
    return ""
