"""The objects of the cluster that pods read: what was applied so far, and what was there before."""

from __future__ import annotations

import base64
import shutil
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from aegisgen.argocd.hooks import DeletePolicy, Hook
from aegisgen.kube.resource import Resource
from aegisgen.kube.shape import mapping, texts
from aegisgen.rehearsal.cluster.provided import Key, Values, brought_by


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
        for key, brought in brought_by([resource]).items():
            kind, name = key
            if kind == "PersistentVolumeClaim" and hook and DeletePolicy.BEFORE_HOOK_CREATION in hook.delete_policies:
                shutil.rmtree(self._folder / name, ignore_errors=True)
            made_up = {each: self._values.of(each) for each in brought.keys}
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
        return self._read(kind, name) is not None

    def config_map(self, name: str) -> Mapping[str, str] | None:
        """Return its entries, None if it does not exist."""
        return self._read("ConfigMap", name)

    def secret(self, name: str) -> Mapping[str, str] | None:
        """Return its entries, decoded, None if it does not exist."""
        return self._read("Secret", name)

    def claim(self, name: str) -> Path | None:
        """Return the folder of a claim's volume, None if the claim does not exist."""
        if not self.exists("PersistentVolumeClaim", name):
            return None
        folder = self._folder / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _read(self, kind: str, name: str) -> Mapping[str, str] | None:
        with self._lock:
            return None if (kind, name) in self._withheld else self._entries.get((kind, name))


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
