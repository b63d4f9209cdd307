"""Which files a command line names, and what each of them is: manifest, patch, kustomization."""

from __future__ import annotations

import os
import posixpath
import sys
from collections.abc import Iterator, Sequence
from functools import cache, partial
from pathlib import Path

from aegisgen import files
from aegisgen.errors import InputError, UsageError
from aegisgen.kube.overlay import MAX_FILE_BYTES
from aegisgen.kube.shape import KUSTOMIZATION_NAMES, mapping, sequence, text
from aegisgen.profile.sources import display
from aegisgen.record import Record
from aegisgen.yaml.source import Parser, manifests, parse_one

STDIN = "-"
_SUFFIXES = (".yaml", ".yml", ".json")
# How far above a patch its kustomization is looked for: patches lie beside it or in a folder of their own.
_LEVELS = 3
_PATCHES = ("patches", "patchesJson6902", "patchesStrategicMerge")


class Source(Record):
    """A file that is to be checked, not read yet; standard input has been."""

    path: str
    raw: bytes | None = None

    @property
    def shown(self) -> str:
        """The path as the user knows it."""
        return self.path if self.raw is not None else _shown(self.path)


class Input(Record):
    """A file's content. `raw` is None where it is too large or cannot be read, and `trouble` says which."""

    path: str
    raw: bytes | None
    trouble: str


def sources(paths: Sequence[str]) -> Iterator[Source]:
    """Yield every file that the paths name, once each. Raises UsageError for a path that does not exist."""
    seen: set[str] = set()
    folders: dict[str, str] = {}
    for path in paths:
        if path == STDIN:
            raw = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
            if len(raw) > MAX_FILE_BYTES:
                raise UsageError(f"standard input is larger than {MAX_FILE_BYTES // 1_000_000} MB; give files instead")
            yield Source("<stdin>", raw)
            continue
        if not os.path.exists(path):  # noqa: PTH110 -- a Path each costs more than the question
            raise UsageError(f"{path}: no such file or directory")
        files.admit(path)
        for file in _walk(path) if os.path.isdir(path) else [path]:  # noqa: PTH112
            if (real := _real(file, folders)) not in seen:
                seen.add(real)
                yield Source(file)


def read(source: Source) -> Input:
    """Read a file, unless it is too large or something that only looks like one."""
    path, raw = source.path, source.raw
    if raw is not None:
        return Input(path, raw, "")
    shown = _shown(path)
    try:
        return Input(shown, files.read(path, MAX_FILE_BYTES), "")
    except files.OutsideError:
        raise
    except files.UnsafeFileError as error:
        return Input(shown, None, error.reason)
    except OSError as error:
        return Input(shown, None, f"cannot be read: {error.strerror or error}")


class Kustomizations:
    """What the kustomization files say of the files around them; each is read once."""

    def __init__(self, parser: Parser = manifests) -> None:
        self._fields = cache(partial(_read_fields, parser=parser))
        self._named = cache(self._find_named)
        self._near = cache(self._find_near)
        self._folders: dict[str, str] = {}

    def roots(self, paths: Sequence[str]) -> list[Path]:
        """Return the directories that the paths name or hold and that no other one among them builds upon."""
        files = (file for path in paths if path != STDIN for file in _kustomizations(path))
        directories = [posixpath.dirname(file) or "." for file in files]
        used = {target for directory in directories for target in self._used_by(directory)}
        return [Path(directory) for directory in directories if os.path.realpath(directory) not in used]

    def is_patch(self, path: str) -> bool:
        """Tell whether a kustomization beside or above the file uses it as a patch."""
        return self._is_near(path, _PATCHES)

    def is_resource(self, path: str) -> bool:
        """Tell whether a kustomization beside or above the file uses it as a resource."""
        return self._is_near(path, ("resources",))

    def _is_near(self, path: str, lists: tuple[str, ...]) -> bool:
        near = self._near(posixpath.dirname(path) or ".", lists)
        return bool(near) and _real(path, self._folders) in near

    def _find_near(self, folder: str, lists: tuple[str, ...]) -> frozenset[str]:
        above = (posixpath.join(folder, *[".."] * level) for level in range(_LEVELS))
        return frozenset().union(*(self._named(each, lists) for each in above))

    def _find_named(self, folder: str, lists: tuple[str, ...]) -> frozenset[str]:
        fields = self._fields(folder)
        entries = [entry for name in lists for entry in sequence(fields.get(name))]
        names = (text(entry) or text(mapping(entry).get("path")) for entry in entries)
        return frozenset(os.path.realpath(posixpath.join(folder, name)) for name in names if name and "\n" not in name)

    def _used_by(self, folder: str) -> Iterator[str]:
        """Yield the directories that a kustomization builds upon; a component yields itself: it cannot be built."""
        fields = self._fields(folder)
        if fields.get("kind") == "Component":
            yield os.path.realpath(folder)
        for field in ("resources", "bases", "components"):
            for entry in sequence(fields.get(field)):
                if isinstance(entry, str) and "\n" not in entry:
                    yield os.path.realpath(posixpath.join(folder, entry))


def _walk(top: str) -> Iterator[str]:
    """Yield manifests below a folder; links to folders are not followed, so that a circle of them comes to an end."""
    for folder, folders, names in files.walk(top):
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".")
            and name != "node_modules"
            and not (name == "templates" and "Chart.yaml" in names)  # Helm's, and not YAML yet
        ]
        for name in names:
            if name.endswith(_SUFFIXES) or name in KUSTOMIZATION_NAMES:
                yield posixpath.join(folder, name)


def _real(file: str, folders: dict[str, str]) -> str:
    """Return where a file really is; most are no links, and all of a folder lie in one place, kept in `folders`."""
    folder, name = posixpath.split(file)
    if os.path.islink(file):  # noqa: PTH114 -- a Path a file costs more than the question
        return os.path.realpath(file)
    if folder not in folders:
        folders[folder] = os.path.realpath(folder)
    return posixpath.join(folders[folder], name)


def _shown(path: str) -> str:
    """Return a path as `display` does, at once where it leads downwards from here."""
    return display(Path(path)) if path.startswith("/") or ".." in path else posixpath.normpath(path)


def _kustomizations(path: str) -> Iterator[str]:
    files.admit(path)
    if Path(path).is_dir():
        yield from (file for file in _walk(path) if posixpath.basename(file) in KUSTOMIZATION_NAMES)
    elif posixpath.basename(path) in KUSTOMIZATION_NAMES:
        yield path


def _read_fields(folder: str, parser: Parser) -> dict[str, object]:
    for name in KUSTOMIZATION_NAMES:
        file = posixpath.join(folder, name)
        if os.path.isfile(file):  # noqa: PTH113
            try:
                data = parse_one(files.read(file, MAX_FILE_BYTES), posixpath.normpath(file), parser).data
            except (InputError, OSError, files.UnsafeFileError):  # said where the file itself is checked
                return {}
            return data if isinstance(data, dict) else {}
    return {}
