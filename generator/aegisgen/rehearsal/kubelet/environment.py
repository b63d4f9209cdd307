"""The environment of a container, put together as the kubelet does it.

Source: Kubernetes 1.34, `pkg/kubelet/kubelet_pods.go` (makeEnvironmentVariables),
`third_party/forked/golang/expansion/expand.go`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from aegisgen.rehearsal.kubelet.spec import Container, Reference, Variable, VariableSource

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


class Objects(Protocol):
    """The ConfigMaps and Secrets of a namespace."""

    def config_map(self, name: str) -> Mapping[str, str] | None:
        """Return its entries, None if it does not exist."""

    def secret(self, name: str) -> Mapping[str, str] | None:
        """Return its entries, decoded, None if it does not exist."""


class Value(NamedTuple):
    """A variable's value, and the key of the ConfigMap or Secret that it was read from."""

    text: str
    key: str = ""


class MissingError(Exception):
    """Something that the pod refers to is not there; worded as the kubelet does, with the pod's status meanwhile."""

    def __init__(self, message: str, status: str = "CreateContainerConfigError") -> None:
        self.status = status
        super().__init__(message)


def environment(container: Container, pod: PodFacts, objects: Objects) -> dict[str, Value]:
    """Return all variables, in order. Raises MissingError."""
    found: dict[str, Value] = {}
    for source in container.env_from:
        found |= _all_of(source, objects)
    for variable in container.env:
        value = _value_of(variable, container, pod, objects, found)
        if value is not None:
            found[variable.name] = value
    return found


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Replace `$(NAME)` by a variable's value; `$$` is a dollar sign, and an unknown name stays as it is written."""

    def one(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        return variables.get(match[1], match[0])

    return _EXPANSION.sub(one, text)


def _all_of(source: VariableSource, objects: Objects) -> dict[str, Value]:
    found: dict[str, Value] = {}
    kinds: tuple[tuple[Reference | None, str, Callable[[str], Mapping[str, str] | None]], ...] = (
        (source.config_map_ref, "configmap", objects.config_map),
        (source.secret_ref, "secret", objects.secret),
    )
    for reference, kind, read in kinds:
        if reference is None:
            continue
        entries = read(reference.name)
        if entries is None and not reference.optional:
            raise MissingError(f'{kind} "{reference.name}" not found')
        found |= {f"{source.prefix}{key}": Value(text, key) for key, text in (entries or {}).items()}
    return found


def _value_of(
    variable: Variable, container: Container, pod: PodFacts, objects: Objects, known: Mapping[str, Value]
) -> Value | None:
    origin = variable.value_from
    if origin is None:
        return Value(expand(variable.value, {name: value.text for name, value in known.items()}))
    if origin.config_map_key_ref:
        return _key(origin.config_map_key_ref, "configmap", "ConfigMap", objects.config_map, pod)
    if origin.secret_key_ref:
        return _key(origin.secret_key_ref, "secret", "Secret", objects.secret, pod)
    if origin.field_ref:
        return Value(_field(origin.field_ref.field_path, pod))
    if origin.resource_field_ref:
        area, _, name = origin.resource_field_ref.resource.partition(".")
        amounts = container.resources.limits if area == "limits" else container.resources.requests
        return Value(str(amounts.get(name, 0)))
    return Value("")


def _key(
    reference: Reference, word: str, kind: str, read: Callable[[str], Mapping[str, str] | None], pod: PodFacts
) -> Value | None:
    entries = read(reference.name)
    if entries is None:
        if reference.optional:
            return None
        raise MissingError(f'{word} "{reference.name}" not found')
    if reference.key not in entries:
        if reference.optional:
            return None
        raise MissingError(f"couldn't find key {reference.key} in {kind} {pod.namespace}/{reference.name}")
    return Value(entries[reference.key], reference.key)


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
