"""The objects of the cluster that pods read: what was applied so far, and what was there before.

An overlay refers to Secrets, claims and accounts that it does not bring: somebody provisions them beforehand.
"""

from __future__ import annotations

import base64
import re
import secrets
import shutil
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from aegisgen.argocd.hooks import DeletePolicy, Hook
from aegisgen.kube.resource import Resource
from aegisgen.kube.shape import mapping, sequence, text, texts
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


class Objects:
    """ConfigMaps, Secrets, ServiceAccounts and claims of one cluster, which live across its syncs."""

    def __init__(self, folder: Path, supplied: Mapping[Key, Mapping[str, str]], values: Values) -> None:
        """Start with what was `supplied`; volumes get their folders in `folder`."""
        self._folder = folder
        self._values = values
        self._entries: dict[Key, Mapping[str, str]] = dict(supplied)
        self._withheld: set[Key] = set()
        self._lock = threading.Lock()
        self.version = 0
        """Another number whenever something has changed."""

    def apply(self, resource: Resource, hook: Hook | None) -> None:
        """Take over what a resource brings. A hook is deleted first, where its policy says so."""
        for key, keys in brought_by([resource]).items():
            kind, name = key
            if kind == "PersistentVolumeClaim" and hook and DeletePolicy.BEFORE_HOOK_CREATION in hook.delete_policies:
                shutil.rmtree(self._folder / name, ignore_errors=True)
            made_up = {entry: self._values.of(entry) for entry in keys}
            with self._lock:
                self._entries[key] = _entries(resource) or made_up
                self.version += 1

    def withhold(self, kind: str, name: str) -> None:
        """Let an object be missing from now on, whatever is applied."""
        with self._lock:
            self._withheld.add((kind, name))
            self.version += 1

    def hand_out(self) -> None:
        """Let nothing be missing any more but what was not applied."""
        with self._lock:
            self._withheld.clear()
            self.version += 1

    def exists(self, kind: str, name: str) -> bool:
        """Whether an object is there."""
        return self.entries(kind, name) is not None

    def entries(self, kind: str, name: str) -> Mapping[str, str] | None:
        """Return the entries of a ConfigMap or Secret, decoded; None if it does not exist."""
        with self._lock:
            return None if (kind, name) in self._withheld else self._entries.get((kind, name))

    def claim(self, name: str) -> Path | None:
        """Return the folder of a claim's volume, None if the claim does not exist."""
        if not self.exists("PersistentVolumeClaim", name):
            return None
        folder = self._folder / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder


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
    objects: dict[Key, Mapping[str, str]] = dict(given)
    for (kind, name), keys in wanted.items():
        if (kind, name) in brought or kind == "ConfigMap":
            continue
        made = {key: values.of(key) for key in (*_PASSWORD_KEYS, *sorted(keys))} if kind == "Secret" else {}
        objects[kind, name] = {**made, **given.get((kind, name), {})}
    return objects


def brought_by(resources: Iterable[Resource]) -> dict[Key, tuple[str, ...]]:
    """Return the objects that pods can refer to and that resources are, or that an operator makes from them.

    Each comes with the keys that it will have where its values are kept elsewhere.
    """
    objects: dict[Key, tuple[str, ...]] = {}
    for resource in resources:
        kind, name = resource.identity.kind, resource.identity.name
        if kind == "ExternalSecret":
            keys = tuple(text(mapping(item).get("secretKey")) for item in sequence(resource.at("spec", "data")))
            objects.setdefault(("Secret", text(resource.at("spec", "target", "name")) or name), keys)
        elif kind == "SealedSecret":
            keys = tuple(mapping(resource.at("spec", "encryptedData")))
            objects.setdefault(("Secret", text(resource.at("spec", "template", "metadata", "name")) or name), keys)
        elif kind in {"ConfigMap", "Secret", "ServiceAccount", "PersistentVolumeClaim"}:
            objects[kind, name] = ()
    return objects


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


def _entries(resource: Resource) -> dict[str, str]:
    kind = resource.identity.kind
    if kind == "ConfigMap":
        binary = {key: _decoded(value) for key, value in texts(resource.at("binaryData")).items()}
        return {key: str(value) for key, value in mapping(resource.at("data")).items()} | binary
    if kind == "Secret":
        encoded = {key: _decoded(value) for key, value in texts(resource.at("data")).items()}
        return encoded | texts(resource.at("stringData"))
    return {}


def _decoded(value: str) -> str:
    with suppress(ValueError):
        return base64.b64decode(value).decode(errors="replace")
    return value
