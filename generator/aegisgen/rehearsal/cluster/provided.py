"""What an overlay refers to and does not bring: Secrets, claims and accounts that somebody provisions beforehand."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from aegisgen.kube.resource import Resource
from aegisgen.kube.shape import mapping, sequence, text
from aegisgen.rehearsal.database.address import Names
from aegisgen.rules.references import Pod

Key = tuple[str, str]
"""Kind and name of an object. A rehearsal has one namespace."""

_ADDRESS = re.compile(r"url|uri|hook|endpoint|slack|teams", re.IGNORECASE)
_PASSWORD_KEYS = ("DATABASE_PASSWORD", "PGPASSWORD")


class Values:
    """Makes up the values of Secrets, each key's once, and remembers them: none may be shown."""

    def __init__(self, names: Names, password: str, sink: str, pods: Sequence[Pod]) -> None:
        """`sink`: an address; `pods`: those that read the values, by variables whose names tell what they are."""
        self._names = names
        self._password = password
        self._sink = sink
        self._addresses = {key for pod in pods for key, variable in _variables(pod) if _ADDRESS.search(variable)}
        self._made: dict[str, str] = {}

    def of(self, key: str) -> str:
        """Return a value for a key: the database's password, an address of the sink's, or a random text.

        What else a key says of the database is replaced where a container reads it, and only has to look like it.
        """
        return self._made.setdefault(key, self._make(key))

    @property
    def hidden(self) -> frozenset[str]:
        """All values that were made up, but for addresses of the sink's: those are worth showing."""
        return frozenset(value for value in self._made.values() if not value.startswith(self._sink))

    def _make(self, key: str) -> str:
        role = self._names.role(key)
        if role == "password":
            return self._password
        if role == "url":
            return "postgresql://aegisx@database.invalid:5432/aegisx"
        address = key in self._addresses or _ADDRESS.search(key)
        return f"{self._sink}/{key}" if address else f"rehearsal-{secrets.token_hex(8)}"


class Object(NamedTuple):
    """An object that a resource brings, and the keys that it will have where its values come from elsewhere."""

    resource: Resource
    keys: tuple[str, ...]


def provided(
    resources: Sequence[Resource],
    pods: Sequence[Pod],
    values: Values,
    given: Mapping[Key, Mapping[str, str]],
) -> dict[Key, Mapping[str, str]]:
    """Return what is there before the first sync: what the user has `given`, and what the overlay leaves to others.

    A ConfigMap that the overlay does not bring and the user did not give is missing: nobody could tell its entries.
    """
    brought = brought_by(resources)
    wanted: dict[Key, set[str]] = {}
    for kind, name, key in _references(pods):
        wanted.setdefault((kind, name), set()).update([key] if key else [])
    found: dict[Key, Mapping[str, str]] = dict(given)
    for (kind, name), keys in wanted.items():
        if (kind, name) in brought or kind == "ConfigMap":
            continue
        made = {key: values.of(key) for key in (*_PASSWORD_KEYS, *sorted(keys))} if kind == "Secret" else {}
        found[kind, name] = {**made, **given.get((kind, name), {})}
    return found


def brought_by(resources: Iterable[Resource]) -> dict[Key, Object]:
    """Map each object that pods can refer to, to the resource that is it or that an operator makes it from."""
    found: dict[Key, Object] = {}
    for resource in resources:
        kind, name = resource.identity.kind, resource.identity.name
        if kind == "ExternalSecret":
            keys = tuple(text(mapping(item).get("secretKey")) for item in sequence(resource.at("spec", "data")))
            found.setdefault(("Secret", text(resource.at("spec", "target", "name")) or name), Object(resource, keys))
        elif kind == "SealedSecret":
            keys = tuple(mapping(resource.at("spec", "encryptedData")))
            target = text(resource.at("spec", "template", "metadata", "name")) or name
            found.setdefault(("Secret", target), Object(resource, keys))
        elif kind in {"ConfigMap", "Secret", "ServiceAccount", "PersistentVolumeClaim"}:
            found[kind, name] = Object(resource, ())
    return found


def _references(pods: Iterable[Pod]) -> Iterator[tuple[str, str, str]]:
    for pod in pods:
        for reference in pod.references:
            yield reference.kind, reference.name, reference.key
        # Keys that a container can do without are no references for others; but they may well be there.
        for container in pod.containers:
            for item in sequence(container.fields.get("env")):
                source = mapping(mapping(mapping(item).get("valueFrom")).get("secretKeyRef"))
                if source.get("optional") is True and text(source.get("name")):
                    yield "Secret", text(source.get("name")), text(source.get("key"))


def _variables(pod: Pod) -> Iterator[tuple[str, str]]:
    """Yield each key of a Secret that a variable is read from, and the variable's name."""
    for container in pod.containers:
        for item in map(mapping, sequence(container.fields.get("env"))):
            key = text(mapping(mapping(item.get("valueFrom")).get("secretKeyRef")).get("key"))
            if key:
                yield key, text(item.get("name"))
