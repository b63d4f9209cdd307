"""Everything that Kustomize can read when it builds a directory, as one key; or that this cannot be told.

Sources: the fields of `types.Kustomization` and the loaders behind them in Kustomize 5.7 (api/types, api/internal).
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import re
from collections.abc import Iterator

from aegisgen import files
from aegisgen.kube.cache import DIGEST_BYTES, digest
from aegisgen.kube.kustomization import Layer
from aegisgen.kube.overlay import MAX_FILE_BYTES, Overlay
from aegisgen.kube.shape import KUSTOMIZATION_DATA, KUSTOMIZATION_NAMES, mapping, sequence, text

# Fields that name files which reading the overlay has read, and those that are followed here.
_READ = frozenset({"resources", "bases", "components", "patches", "patchesStrategicMerge", "patchesJson6902"})
_FOLLOWED = frozenset({"configMapGenerator", "secretGenerator", "replacements"})
# All others may read what cannot be seen from here: charts, plug-ins, open API files, whatever comes next.
_KNOWN = KUSTOMIZATION_DATA | _READ | _FOLLOWED

_GENERATOR = frozenset({"name", "namespace", "behavior", "literals", "files", "envs", "env", "options", "type"})
_PATCH = frozenset({"path", "patch", "target", "options"})
_REPLACEMENT = frozenset({"path", "source", "targets"})
# A line without '=' has asked the environment for a value in some versions (api/kv/kv.go).
_VALUELESS = re.compile(rb"^[ \t]*(?!#)[^\s=][^=\n]*$", re.MULTILINE)

_Stamp = tuple[int, ...]


class Reader:
    """Reads files, and remembers of each what was in it and when it last changed."""

    def __init__(self) -> None:
        self.digests: dict[str, str] = {}
        """By path; empty for a file that is not there."""
        self._stamps: dict[str, _Stamp | None] = {}

    def __call__(self, path: str) -> bytes | None:
        """Return a file's bytes, None where there is no such file or it cannot be read."""
        stamp = _stamp(path)
        self._stamps.setdefault(path, stamp)
        try:
            raw = files.read(path, MAX_FILE_BYTES)
        except (OSError, ValueError):  # ValueError: a NUL byte in a path
            self.digests[path] = ""
            return None
        self.digests[path] = hashlib.blake2b(raw, digest_size=DIGEST_BYTES).hexdigest()
        return raw

    def unchanged(self) -> bool:
        """Tell whether all that was read is as it was before it was read."""
        return all(_stamp(path) == stamp for path, stamp in self._stamps.items())


def closure(overlay: Overlay, reader: Reader) -> str | None:
    """Return a key that is the same only where a build gives the same; None where what is built depends on more.

    `reader` has read the overlay. The key does not depend on where the overlay lies, as long as what it names lies in
    the same places seen from it.
    """
    if not overlay.layers or overlay.problems or overlay.remotes:
        return None
    for layer in overlay.layers:
        for name in KUSTOMIZATION_NAMES:  # two in one folder are an error
            reader(posixpath.join(layer.directory, name))
        if not all(_follow(layer, reader)):
            return None
    if not _plainly_placed(overlay.directory, reader):
        return None
    seen = sorted((_seen_from(overlay.directory, path), mark) for path, mark in reader.digests.items())
    return digest(*(part for entry in seen for part in entry))


def _follow(layer: Layer, reader: Reader) -> Iterator[bool]:
    """Read the files that reading the overlay did not; yields False for everything of unknown consequence."""
    fields = mapping(layer.kustomization.data)
    yield _KNOWN.issuperset(fields)
    for field in ("patches", "patchesJson6902"):
        yield from (_PATCH.issuperset(mapping(entry)) for entry in sequence(fields.get(field)))
    for field in ("resources", "bases", "components"):
        yield from (not posixpath.isabs(text(entry)) for entry in sequence(fields.get(field)))
    for entry in map(mapping, sequence(fields.get("replacements"))):
        yield _REPLACEMENT.issuperset(entry)
        if "path" in entry:
            yield _is_read(layer, text(entry["path"]), reader) is not None
    for field in ("configMapGenerator", "secretGenerator"):
        for entry in map(mapping, sequence(fields.get(field))):
            yield _GENERATOR.issuperset(entry)
            for item in sequence(entry.get("files")):
                yield _is_read(layer, text(item).rpartition("=")[2], reader) is not None
            for item in [*sequence(entry.get("envs")), *filter(None, [entry.get("env")])]:
                raw = _is_read(layer, text(item), reader)
                yield raw is not None and not _VALUELESS.search(raw)


def _is_read(layer: Layer, entry: str, reader: Reader) -> bytes | None:
    """Read a file that a kustomization names; what is named by an absolute path or not at all is not there."""
    if not entry or posixpath.isabs(entry):
        return None
    return reader(posixpath.normpath(posixpath.join(layer.directory, entry)))


def _plainly_placed(directory: str, reader: Reader) -> bool:
    """Tell whether no symbolic link is on any way: Kustomize judges by where a file really is, a key by its name."""
    real = os.path.realpath(directory)
    folders: dict[str, bool] = {}
    for path, mark in reader.digests.items():
        folder = posixpath.dirname(path)
        if folder not in folders:
            expected = posixpath.normpath(posixpath.join(real, _seen_from(directory, folder)))
            folders[folder] = os.path.realpath(folder) == expected
        if not folders[folder] or (mark and os.path.islink(path)):  # noqa: PTH114
            return False
    return True


def _seen_from(directory: str, path: str) -> str:
    if path.startswith(f"{directory}/"):
        return path[len(directory) + 1 :]
    return posixpath.relpath(path or ".", directory)


def _stamp(path: str) -> _Stamp | None:
    try:
        status = os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):  # ValueError: a NUL byte in a path
        return None
    return status.st_mode, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
