"""The environment of a container, put together as the kubelet does it.

Source: Kubernetes 1.34, `pkg/kubelet/kubelet_pods.go` (makeEnvironmentVariables),
`third_party/forked/golang/expansion/expand.go`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from aegisgen.rehearsal.database.address import Value
from aegisgen.rehearsal.kubelet.spec import Container, Variable
from aegisgen.rehearsal.objects import Objects

_EXPANSION = re.compile(r"\$(?:\$|\(([^)]*)\))")
_LABEL = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]\Z")


class PodFacts(NamedTuple):
    """What a pod knows of itself."""

    name: str
    namespace: str
    uid: str
    service_account: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


class MissingError(Exception):
    """Something that the pod refers to is not there; worded as the kubelet does, with the pod's status meanwhile."""

    def __init__(self, message: str, status: str = "CreateContainerConfigError") -> None:
        self.status = status
        super().__init__(message)


def environment(container: Container, pod: PodFacts, objects: Objects) -> dict[str, Value]:
    """Return all variables, in order. Raises MissingError."""
    values: dict[str, Value] = {}
    for source in container.env_from:
        for kind, reference in (("ConfigMap", source.config_map_ref), ("Secret", source.secret_ref)):
            if reference:
                entries = objects.entries(kind, reference.name)
                if entries is None and not reference.optional:
                    raise MissingError(f'{kind.lower()} "{reference.name}" not found')
                values |= {f"{source.prefix}{key}": Value(text, key) for key, text in (entries or {}).items()}
    for variable in container.env:
        value = _value_of(variable, container, pod, objects, values)
        if value is not None:
            values[variable.name] = value
    return values


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Replace `$(NAME)` by a variable's value; `$$` is a dollar sign, and an unknown name stays as it is written."""
    return _EXPANSION.sub(lambda match: "$" if match[0] == "$$" else variables.get(match[1], match[0]), text)


def _value_of(
    variable: Variable, container: Container, pod: PodFacts, objects: Objects, known: Mapping[str, Value]
) -> Value | None:
    origin = variable.value_from
    if origin is None:
        return Value(expand(variable.value, {name: value.text for name, value in known.items()}))
    for kind, reference in (("ConfigMap", origin.config_map_key_ref), ("Secret", origin.secret_key_ref)):
        if reference:
            entries = objects.entries(kind, reference.name)
            if entries and reference.key in entries:
                return Value(entries[reference.key], reference.key)
            if reference.optional:
                return None
            if entries is None:
                raise MissingError(f'{kind.lower()} "{reference.name}" not found')
            raise MissingError(f"couldn't find key {reference.key} in {kind} {pod.namespace}/{reference.name}")
    if origin.field_ref:
        return Value(_field(origin.field_ref.field_path, pod))
    if origin.resource_field_ref:
        area, _, name = origin.resource_field_ref.resource.partition(".")
        amounts = container.resources.limits if area == "limits" else container.resources.requests
        return Value(str(amounts.get(name, 0)))
    return Value("")


def _field(path: str, pod: PodFacts) -> str:
    labelled = _LABEL.match(path)
    if labelled:
        return (pod.labels if labelled[1] == "labels" else pod.annotations).get(labelled[2], "")
    return {
        "metadata.name": pod.name,
        "metadata.namespace": pod.namespace,
        "metadata.uid": pod.uid,
        "spec.serviceAccountName": pod.service_account,
        "spec.nodeName": "rehearsal",
        "status.hostIP": "127.0.0.1",
        "status.podIP": "127.0.0.1",
        "status.podIPs": "127.0.0.1",
    }.get(path, "")
