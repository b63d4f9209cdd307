"""Which files a command line names, and what each of them is: manifest, patch, kustomization."""

from __future__ import annotations

import os
import posixpath
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from aegisgen.errors import InputError, UsageError
from aegisgen.kube.compose import KUSTOMIZATION_NAMES
from aegisgen.profile.load import display
from aegisgen.yamlsource import parse_one

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

STDIN = "-"
# A manifest of more than a megabyte does not fit into etcd; a file of many of them is still far below this.
MAX_BYTES = 20_000_000

_SUFFIXES = (".yaml", ".yml", ".json")
# How far above a patch its kustomization is looked for: patches lie beside it or in a folder of their own.
_LEVELS = 3


class Input(NamedTuple):
    """A file to check. `raw` is None where it is too large or cannot be read, and `trouble` says which."""

    path: str
    raw: bytes | None
    trouble: str
    named: bool
    """The user named this very file; other files were met on the way."""


def inputs(paths: Sequence[str]) -> Iterator[Input]:
    """Yield every file that the paths name, once each. Raises UsageError for a path that does not exist."""
    seen: set[str] = set()
    for path in paths:
        if path == STDIN:
            yield Input("<stdin>", sys.stdin.buffer.read(), "", named=True)
            continue
        if not Path(path).exists():
            raise UsageError(f"{path}: no such file or directory")
        if not Path(path).is_dir():
            files, named = [path], True
        else:
            files, named = list(_walk(path)), False
        for file in files:
            if (real := os.path.realpath(file)) not in seen:
                seen.add(real)
                yield _read(file, named=named)


class Kustomizations:
    """What the kustomization files say of the files around them; each is read once."""

    def __init__(self) -> None:
        self._fields: dict[str, dict[str, object]] = {}
        self._patches: dict[str, frozenset[str]] = {}

    def roots(self, paths: Sequence[str]) -> list[Path]:
        """Return the directories that the paths name or hold and that no other one among them builds upon."""
        files = (file for path in paths if path != STDIN for file in _kustomizations(path))
        directories = [posixpath.dirname(file) or "." for file in files]
        used = {target for directory in directories for target in self._used_by(directory)}
        return [Path(directory) for directory in directories if os.path.realpath(directory) not in used]

    def is_patch(self, path: str) -> bool:
        """Tell whether a kustomization beside or above the file uses it as a patch."""
        wanted = os.path.realpath(path)
        folder = posixpath.dirname(path) or "."
        for _ in range(_LEVELS):
            if wanted in self._patches_of(folder):
                return True
            folder = posixpath.join(folder, "..")
        return False

    def _patches_of(self, folder: str) -> frozenset[str]:
        if folder not in self._patches:
            fields = self._fields_of(folder)
            names: list[object] = []
            for field in ("patches", "patchesJson6902", "patchesStrategicMerge"):
                entries = fields.get(field)
                for entry in entries if isinstance(entries, list) else []:
                    names.append(entry.get("path") if isinstance(entry, dict) else entry)
            files = (name for name in names if isinstance(name, str) and "\n" not in name)
            self._patches[folder] = frozenset(os.path.realpath(posixpath.join(folder, name)) for name in files)
        return self._patches[folder]

    def _used_by(self, folder: str) -> Iterator[str]:
        """Yield the directories that a kustomization builds upon; a component yields itself: it cannot be built."""
        fields = self._fields_of(folder)
        if fields.get("kind") == "Component":
            yield os.path.realpath(folder)
        for field in ("resources", "bases", "components"):
            entries = fields.get(field)
            for entry in entries if isinstance(entries, list) else []:
                if isinstance(entry, str) and "\n" not in entry:
                    yield os.path.realpath(posixpath.join(folder, entry))

    def _fields_of(self, folder: str) -> dict[str, object]:
        if folder not in self._fields:
            self._fields[folder] = _read_fields(folder)
        return self._fields[folder]


def _walk(top: str) -> Iterator[str]:
    """Yield manifests below a folder; links to folders are not followed, so that a circle of them comes to an end."""
    for folder, folders, files in os.walk(top):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".")
            and name != "node_modules"
            and not (name == "templates" and "Chart.yaml" in files)  # Helm's, and not YAML yet
        )
        for name in sorted(files):
            if name.endswith(_SUFFIXES) or name in KUSTOMIZATION_NAMES:
                yield posixpath.join(folder, name)


def _read(path: str, *, named: bool) -> Input:
    shown = display(Path(path))
    try:
        if not Path(path).is_file():
            return Input(shown, None, "not a regular file", named)
        size = Path(path).stat().st_size
        if size > MAX_BYTES:
            return Input(shown, None, f"{size // 1_000_000} MB, expected at most {MAX_BYTES // 1_000_000}", named)
        return Input(shown, Path(path).read_bytes(), "", named)
    except OSError as error:
        return Input(shown, None, f"cannot be read: {error.strerror or error}", named)


def _kustomizations(path: str) -> Iterator[str]:
    if Path(path).is_dir():
        yield from (file for file in _walk(path) if posixpath.basename(file) in KUSTOMIZATION_NAMES)
    elif posixpath.basename(path) in KUSTOMIZATION_NAMES:
        yield path


def _read_fields(folder: str) -> dict[str, object]:
    for name in KUSTOMIZATION_NAMES:
        file = Path(folder) / name
        if file.is_file():
            try:
                data = parse_one(file.read_bytes(), name).data
            except (InputError, OSError):  # said where the file itself is checked
                return {}
            return data if isinstance(data, dict) else {}
    return {}
