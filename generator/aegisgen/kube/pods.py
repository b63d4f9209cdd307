"""What the containers of a pod's spec say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aegisgen.kube.resource import value_at
from aegisgen.kube.shape import mapping, sequence, text

WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
"""The kinds that may run an application."""


def image_of(spec: Mapping[str, object], container: str) -> str:
    """Return the image of a container of a pod's spec; empty where there is no such container."""
    return text(container_of(spec, container).get("image"))


def container_of(spec: Mapping[str, object], name: str) -> Mapping[str, object]:
    """Return a container, init containers included, of a pod's spec; empty where there is none of that name."""
    every = [*sequence(spec.get("initContainers")), *sequence(spec.get("containers"))]
    return next((item for item in map(mapping, every) if item.get("name") == name), {})


def referred(spec: Mapping[str, object], variables: Sequence[str], kind: str) -> str:
    """Return the object from which the first container of a pod's spec that does reads one of its variables, or all."""
    for container in [*sequence(spec.get("initContainers")), *sequence(spec.get("containers"))]:
        for item in map(mapping, sequence(mapping(container).get("env"))):
            name = text(value_at(item, ("valueFrom", kind, "name")))
            if name and item.get("name") in variables:
                return name
        for item in map(mapping, sequence(mapping(container).get("envFrom"))):
            name = text(value_at(item, (kind.replace("Key", ""), "name")))
            if name:
                return name
    return ""
