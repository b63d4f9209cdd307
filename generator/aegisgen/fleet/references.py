"""What kustomizations name outside of their own folders, found without reading more of them than that takes.

Paths are relative to the project's folder, in which everything is seen as if there were no symbolic links: a link is
a name for where it leads.
"""

from __future__ import annotations

import os
import posixpath
import re
from typing import TYPE_CHECKING

from aegisgen.errors import InputError
from aegisgen.kube.compose import KUSTOMIZATION_NAMES
from aegisgen.yamlsource import Document, decode, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

# A line with one name on it, as nearly all are written: `- ../a`, `path: ../a`, `- key=../a`.
_PLAIN = re.compile(
    r"[ \t]*(?:(?:- +)+(?:[\w.-]+:[ \t]+)?|[\w.-]+:[ \t]+)"
    r"(?P<quote>['\"]?)(?:[\w.-]+=)?(?P<name>[^\s'\"\\,\[\]{}#|>&*!=]+)(?P=quote)[ \t\r]*(?:#.*)?"
)
# Neither blank, nor a comment, nor an item, nor a key: it goes on with what the line before began.
_CONTINUED = re.compile(rb"^(?![ \t]*(?:#|\r?$|-(?:[ \t]|\r?$)|[\w./$'\"-]+:))", re.MULTILINE)
# What stands for another character, or for no end of the line.
_ESCAPE = re.compile(rb"\\[^\"\\ntr]")


class References:
    """Looks into folders, into each once."""

    def __init__(self, root: Path) -> None:
        self._root = os.path.abspath(root)  # noqa: PTH100 - resolve() would follow links
        self._real = os.path.realpath(root)
        self._names: dict[str, frozenset[str]] = {}
        self._links: dict[str, str] = {}

    def of(self, folder: str) -> frozenset[str]:
        """Return what the kustomizations in and below a folder name outside of it, and where links in it lead."""
        if folder not in self._names:
            names = {self._led(folder), *self._below(folder)}
            self._names[folder] = frozenset(name for name in names if not is_in(name, folder))
        return self._names[folder]

    def closure(self, folders: Iterable[str]) -> set[str]:
        """Return these folders, all that they name, and all that those name. Files are among them."""
        found: set[str] = set()
        pending = list(folders)
        while pending:
            folder = pending.pop()
            if folder not in found:
                found.add(folder)
                pending += self.of(folder)
        return found

    def _below(self, folder: str) -> Iterator[str]:
        try:
            entries = os.scandir(posixpath.join(self._root, folder))
        except OSError:  # it is a file, or not there
            return
        with entries:
            for entry in entries:
                path = posixpath.join(folder, entry.name)
                if entry.is_symlink():
                    yield self._led(path)
                elif entry.name in KUSTOMIZATION_NAMES:
                    yield from self._named(path)
                elif entry.is_dir() and entry.name != ".git":
                    yield from self._below(path)

    def _named(self, path: str) -> Iterator[str]:
        try:
            with open(posixpath.join(self._root, path), "rb") as stream:  # noqa: PTH123 - a Path costs more than reading
                raw = stream.read()
        except OSError:
            return
        folder = posixpath.join(self._root, posixpath.dirname(path))
        for name in outside_names(raw, self._root):
            # From the top, so that a way out of the project and back into it is seen to lead into it.
            yield posixpath.relpath(posixpath.join(folder, name), self._root)

    def _led(self, path: str) -> str:
        """Return where a path leads, if it or a folder above it is a link, else the path itself."""
        if path not in self._links:
            above, name = posixpath.split(path)
            led = path
            if name not in {"", ".", ".."}:
                real = self._led(above) if above else above
                if os.path.islink(posixpath.join(self._root, path)):  # noqa: PTH114
                    led = posixpath.relpath(os.path.realpath(posixpath.join(self._root, path)), self._real)
                elif real != above:
                    led = posixpath.join(real, name)
            self._links[path] = led
        return self._links[path]


def is_in(path: str, folder: str) -> bool:
    """Tell whether a path is a folder or something below it."""
    return path == folder or path.startswith(f"{folder}/")


def outside_names(raw: bytes, root: str) -> Iterator[str]:
    """Yield every text in a kustomization that may name something outside of its folder: with `..`, or from the top.

    Most kustomizations name such things on lines of their own, and are not parsed.
    """
    odd = root.encode("utf-8", "surrogateescape") in raw or _ESCAPE.search(raw) is not None
    if b".." not in raw and not odd:
        return
    found = []
    if not odd and not _CONTINUED.search(raw):
        lines = [line for line in raw.decode("utf-8", "replace").split("\n") if ".." in line]
        matches = [_PLAIN.fullmatch(line) for line in lines if not line.lstrip().startswith("#")]
        found = [match["name"] for match in matches if match]
        odd = len(found) < len(matches)
    yield from _all_names(raw) if odd or not found else found


def _all_names(raw: bytes) -> Iterator[str]:
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
