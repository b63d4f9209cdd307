"""How files of a tree are read that a stranger may have written.

Regular files only, bounded in size, opened without waiting, and none outside of the trees that a run is for: those that
its user named. The tree of a path is the git work tree around it; without one, the folder above it with a project file;
without one, the working directory, where that is around it and is neither the root nor the user's home; else the
folder itself. A link may lead anywhere in a tree.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import lru_cache

from aegisgen.errors import TreeError

_Path = str | os.PathLike[str]

MAX_BYTES = 4_000_000
MAX_ENTRIES = 500_000
"""How many files and folders a walk looks at: ten times those of the largest trees, and some seconds."""
MAX_DEPTH = 64

# Opening must not wait for somebody at the other end of a pipe, nor follow a link that was put there meanwhile.
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NOCTTY
_KINDS = {
    stat.S_IFIFO: "a pipe", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device", stat.S_IFSOCK: "a socket",
}  # fmt: skip
_trees: list[str] | None = None


class UnsafeFileError(TreeError):
    """A file is none that may be read. `reason` says why, without its path and without anything of what is in it."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


class OutsideError(UnsafeFileError):
    """A path leads out of all trees that may be read."""


def confine(trees: Iterable[str] | None = ()) -> None:
    """From now on read nothing outside of these trees and of those that `admit` adds; None: read everything."""
    global _trees  # noqa: PLW0603 - what a process may read is one thing for all of it
    _trees = None if trees is None else list(trees)
    _real.cache_clear()


def trees() -> list[str] | None:
    """Return the real paths of the trees that may be read; None: there are no bounds."""
    return _trees


def admit(path: _Path) -> None:
    """Add the tree of a path that the user named, or that was found in a tree of theirs; never the root of all."""
    if _trees is not None and (tree := _tree_of(os.path.abspath(path))) not in {*_trees, "/"}:  # noqa: PTH100
        _trees.append(tree)
        _real.cache_clear()


def locate(path: _Path) -> str:
    """Return where a path really is, whether something is there or not.

    Raises OutsideError where that is outside of all trees, or in git's own folder: CI systems keep tokens there.
    """
    folder, name = os.path.split(os.path.abspath(path))  # noqa: PTH100
    real = os.path.join(_real(folder), name)  # noqa: PTH118 - a Path each costs more than reading
    if os.path.islink(real):  # noqa: PTH114
        real = os.path.realpath(real)
    if _trees is None:
        return real
    tree = next((tree for tree in _trees if is_in(real, tree)), None)
    if tree is None:
        within = " and ".join(_trees) or "every tree that was named"
        reason = (
            f"outside of {within}, or a link that leads out, and aegisgen reads nothing there; "
            "expected it in the git work tree, or in the folder, that the command is for"
        )
        raise OutsideError(os.fspath(path), reason)
    if ".git" in real[len(tree) :].lower().split("/"):
        raise OutsideError(
            os.fspath(path), "in git's own folder, which may hold credentials; aegisgen reads nothing there"
        )
    return real


def opened(path: _Path) -> int:
    """Open a regular file for reading; the caller closes the descriptor.

    Raises UnsafeFileError where the path leads out of the trees and for a pipe, a device or a socket; OSError where
    nothing is there, for a folder, and where reading is not allowed.
    """
    real = locate(path)
    _refuse_special(path, os.lstat(real))
    descriptor = os.open(real, _FLAGS)
    try:
        _refuse_special(path, os.fstat(descriptor))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def probe(path: _Path, limit: int = MAX_BYTES) -> None:
    """Raise what `read` would raise for a file that is there and may not be read; other programs read it too."""
    with suppress(OSError, ValueError):
        status = os.lstat(locate(path))
        if not stat.S_ISDIR(status.st_mode):
            _refuse_special(path, status)
            _refuse_large(path, status, limit)


def start(path: _Path, size: int) -> bytes:
    """Return the first bytes of a regular file. Raises as `opened` does."""
    descriptor = opened(path)
    try:
        return os.read(descriptor, size)
    finally:
        os.close(descriptor)


def read(path: _Path, limit: int = MAX_BYTES) -> bytes:
    """Return what is in a regular file. Raises as `opened` does, and UnsafeFileError for more than `limit` bytes."""
    descriptor = opened(path)
    try:
        _refuse_large(path, os.fstat(descriptor), limit)
        parts = []
        left = limit  # of one that is growing, no more either
        while left and (part := os.read(descriptor, min(left, 1 << 20))):
            parts.append(part)
            left -= len(part)
    finally:
        os.close(descriptor)
    return b"".join(parts)


def below(root: _Path, path: str) -> os.stat_result | None:
    """Return the status of what stands at `path`, None where nothing does.

    Raises TreeError where the path is not a plain relative one, or where it, or any directory on the way below `root`,
    is a symbolic link: what is written through a link lands in a place that nobody named.
    """
    parts = path.split("/")
    if "\0" in path or not {"", ".", ".."}.isdisjoint(parts):
        message = (
            f"{path!r} is not a path inside the tree; expected one such as overlays/staging/api/kustomization.yaml"
        )
        raise TreeError(message)
    here, status = str(root), None
    for index, part in enumerate(parts):
        here = f"{here}/{part}"
        try:
            status = os.lstat(here)  # a Path for each part would cost more than the look
        except FileNotFoundError:
            return None
        except OSError as error:
            raise TreeError(f"{os.path.normpath(here)}: {error.strerror}") from error
        if stat.S_ISLNK(status.st_mode):
            shown = os.path.normpath(here)
            raise TreeError(f"{shown} is a symbolic link, which aegisgen does not follow; replace it with its target")
        if index < len(parts) - 1 and not stat.S_ISDIR(status.st_mode):
            raise TreeError(
                f"{os.path.normpath(here)} is not a directory, but {path} needs one there; move the file away"
            )
    return status


def walk(top: _Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield folders with the names of the folders and of everything else in them, as `os.walk` does; in both, sorted.

    Follows no links below `top`. A folder that cannot be read is empty. Raises UnsafeFileError where `top` is outside
    of the trees, and where there is more below it than any tree has.
    """
    locate(top)
    pending = [(os.fspath(top), 0)]
    count = 0
    while pending:
        folder, depth = pending.pop()
        folders: list[str] = []
        names: list[str] = []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    count += 1
                    (folders if entry.is_dir(follow_symlinks=False) else names).append(entry.name)
                    if count > MAX_ENTRIES:
                        raise UnsafeFileError(os.fspath(top), f"more than {MAX_ENTRIES} files and folders below it")
        except OSError:
            continue
        if folders and depth == MAX_DEPTH:
            raise UnsafeFileError(folder, f"more than {MAX_DEPTH} folders deep")
        folders.sort()
        names.sort()
        yield folder, folders, names
        pending += [(os.path.join(folder, name), depth + 1) for name in reversed(folders)]  # noqa: PTH118


def _refuse_large(path: _Path, status: os.stat_result, limit: int) -> None:
    if status.st_size > limit:
        megabytes = status.st_size // 1_000_000
        raise UnsafeFileError(os.fspath(path), f"{megabytes} MB, expected at most {limit // 1_000_000} MB")


def _refuse_special(path: _Path, status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    if stat.S_ISLNK(status.st_mode):  # in a circle
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), os.fspath(path))
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "a special file")
        raise UnsafeFileError(os.fspath(path), f"{kind}, expected a regular file")


@lru_cache(maxsize=4096)
def _real(folder: str) -> str:
    return os.path.realpath(folder)


def is_in(path: str, folder: str) -> bool:
    """Tell whether a path is a folder or something below it; both are real ones."""
    return path == folder or path.startswith(folder if folder == "/" else f"{folder}/")


def _tree_of(path: str) -> str:
    """Return the tree of an absolute path: one in which a link lies on the way is where the way ends."""
    here = "/"
    for part in filter(None, path.split("/")):
        there = os.path.join(here, part)  # noqa: PTH118
        if os.path.islink(there):  # noqa: PTH114
            if tree := _around(here):
                return tree
            there = os.path.realpath(there)
        here = there
    return _around(here) or (here if os.path.isdir(here) else os.path.dirname(here))  # noqa: PTH112, PTH120


def _around(folder: str) -> str | None:
    """Return the tree that is around a folder: one that is known, a git work tree, or the working directory."""
    known = next((tree for tree in _trees or () if is_in(folder, tree)), None)
    if known:
        return known
    for mark in (".git", "aegisgen.yaml"):
        above = folder
        while above != "/":
            if os.path.lexists(f"{above}/{mark}"):
                return above
            above = os.path.dirname(above)  # noqa: PTH120
    here = os.path.realpath(os.getcwd())  # noqa: PTH109
    home = os.path.realpath(os.path.expanduser("~"))  # noqa: PTH111
    return here if here not in {"/", home} and is_in(folder, here) else None
