"""What kustomizations name outside of their own folders, found without reading more of them than that takes.

Paths are relative to the project's folder, in which everything is seen as if there were no symbolic links: a link is
a name for where it leads.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from aegisgen import files
from aegisgen.errors import InputError
from aegisgen.kube.shape import KUSTOMIZATION_NAMES
from aegisgen.yaml.source import Document, decode, parse


class References:
    """Looks into folders, into each once."""

    def __init__(self, root: Path) -> None:
        self._root = os.path.abspath(root)  # noqa: PTH100 - resolve() would follow links
        self._real = os.path.realpath(root)
        self._mark = os.fsencode(self._root)
        self.of = cache(self._of)
        """Return what the kustomizations in and below a folder name outside of it, and where links in it lead."""
        self._led = cache(self._follow)
        self._links = cache(self._links_in)

    def _of(self, folder: str) -> frozenset[str]:
        names = {self._led(folder), *self._below(folder)}
        return frozenset(name for name in names if not is_in(name, folder))

    def closure(self, folders: Iterable[str]) -> set[str]:
        """Return these folders, all that they name, and all that those name. Files are among them."""
        reached: set[str] = set()
        pending = list(folders)
        while pending:
            folder = pending.pop()
            if folder not in reached:
                reached.add(folder)
                pending += self.of(folder)
        return reached

    def _below(self, folder: str, depth: int = 0) -> Iterator[str]:
        if depth > files.MAX_DEPTH:
            raise files.UnsafeFileError(folder, f"more than {files.MAX_DEPTH} folders deep")
        top = f"{self._root}/{folder}"
        files.locate(top)
        try:
            entries = os.scandir(top)
        except OSError:  # it is a file, or not there
            return
        with entries:
            for entry in entries:
                if entry.is_symlink():
                    yield self._led(f"{folder}/{entry.name}")
                elif entry.name in KUSTOMIZATION_NAMES:
                    yield from self._named(top, entry.path)
                elif entry.is_dir() and entry.name != ".git":
                    yield from self._below(f"{folder}/{entry.name}", depth + 1)

    def _named(self, folder: str, path: str) -> Iterator[str]:
        try:
            raw = files.read(path)
        except OSError:
            return
        for name in outside_names(raw, self._mark):
            # From the top, so that a way out of the project and back into it is seen to lead into it.
            named = posixpath.normpath(posixpath.join(folder, name))
            inside = named.startswith(f"{self._root}/")
            yield named[len(self._root) + 1 :] if inside else posixpath.relpath(named, self._root)

    def _follow(self, path: str) -> str:
        """Return where a path leads, if it or a folder above it is a link, else the path itself."""
        above, _, name = path.rpartition("/")
        if name in {"", ".", ".."}:
            return path
        real = self._led(above) if above else above
        if name in self._links(above):
            return posixpath.relpath(os.path.realpath(f"{self._root}/{path}"), self._real)
        return path if real == above else f"{real}/{name}"

    def _links_in(self, folder: str) -> frozenset[str]:
        try:
            with os.scandir(f"{self._root}/{folder}") as entries:
                return frozenset(entry.name for entry in entries if entry.is_symlink())
        except OSError:
            return frozenset()


def is_in(path: str, folder: str) -> bool:
    """Tell whether a path is a folder or something below it."""
    return path == folder or path.startswith(f"{folder}/")


def outside_names(raw: bytes, root: bytes) -> Iterator[str]:
    """Yield every text in a kustomization that may name something outside of its folder: with `..`, or from the top.

    Most kustomizations hold no such text, and are not parsed. `root` is the project's folder.
    """
    if not any(part in raw for part in (root, b"..", b"\\")):  # an escape may stand for any of it
        return
    try:
        documents = list(parse(decode(raw, ""), ""))
    except InputError:
        return
    for document in documents:
        if isinstance(document, Document):
            yield from (name for name in _texts(document.data) if ".." in name or posixpath.isabs(name))


def _texts(data: object) -> Iterator[str]:
    if isinstance(data, dict):
        for value in data.values():
            yield from _texts(value)
    elif isinstance(data, list):
        for value in data:
            yield from _texts(value)
    elif isinstance(data, str) and "\n" not in data and "\0" not in data:
        yield data
        if "=" in data:  # a generator's `files: [key=path]`
            yield data.partition("=")[2]
