"""Writing the tree: one writer at a time, the whole set of changes or none of it."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager, suppress
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from aegisgen.errors import TreeError
from aegisgen.tree import disk
from aegisgen.tree.content import STAGE, Change, read
from aegisgen.tree.swap import settle, swap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

_ENTRY_POINTS = {"kustomization.yaml", "kustomization.yml", "Kustomization"}
_POLL_SECONDS = 0.05


@contextmanager
def locked(root: Path, *, wait: float = 60.0) -> Iterator[None]:
    """Hold the tree for oneself: a second aegisgen waits for its turn, at most `wait` seconds.

    The lock is an advisory one on the root directory itself, so it leaves no file behind and dies with its process.
    Raises TreeError where the turn does not come, and where the root is missing or cannot be locked.
    """
    try:
        descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise TreeError(f"{root}: {error.strerror}; expected the directory of the tree") from error
    try:
        _lock(descriptor, root, wait)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, root: Path, wait: float) -> None:
    deadline = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                message = f"another aegisgen is writing {root} and was not done in {wait:g} s; run again when it is"
                raise TreeError(message) from None
            time.sleep(_POLL_SECONDS)
        except OSError as error:
            raise TreeError(f"{root} cannot be locked: {error.strerror}") from error
        else:
            return


def write(root: Path, changes: Sequence[Change]) -> None:
    """Apply the changes, whole or not at all. To be called under `locked`.

    What is guaranteed:
    - Every file is at every moment its old or its new version, never a part of one, after kill -9 too.
    - If this raises TreeError, the tree is as it was; should a failing disk prevent even that, the message names the
      files. It is raised when a file is no longer what `before` says, when a path is one that `read` refuses, and when
      the disk is full or something may not be written.
    - Files that are not among the changes stay the same files (inode, mode, time).
    - Several changes become visible in one step: kill -9 leaves the old tree or the new one. To that end the deepest
      directory D that holds them all is built anew in the stage and changes places with D (`swap`). What somebody
      saves in D meanwhile is kept.

    A single file is renamed into its place, which is one step by itself.

    Where the swap cannot be had, the last point is lost: files are then replaced one by one, new ones first,
    kustomization.yaml last, removals at the very end, so that no kustomization.yaml ever names a file that is not
    there. An error half-way takes back what was done; kill -9 leaves the rest to the next render, and perhaps an empty
    directory. That is so where D is the root, or holds the process's working directory (a shell would be left in a
    deleted directory), and where file system or platform have no exchange or no hard links, or do not let us use them.
    There, and with a single file, a version of it that somebody saves between the last look and the rename,
    milliseconds at most, is overwritten.

    A stage that a killed run left is cleared first, also when there is nothing to change.
    """
    wanted = sorted((change for change in changes if change.before != change.after), key=_order)

    def verify() -> None:
        _verify(root, changes)

    try:
        settle(root)
        verify()
        if wanted:
            _stage_and_apply(root, wanted, verify)
    except OSError as error:
        raise TreeError(f"{_place(root, error)}: {error.strerror or error}; nothing was written") from error


def _order(change: Change) -> tuple[bool, bool, bool, str]:
    entry_point = PurePosixPath(change.path).name in _ENTRY_POINTS
    return change.after is None, entry_point, change.before is not None, change.path


def _verify(root: Path, changes: Sequence[Change]) -> None:
    for change in changes:
        if read(root, change.path) != change.before:
            message = f"{root / change.path} was changed while aegisgen ran; nothing was written, run again"
            raise TreeError(message)


def _place(root: Path, error: OSError) -> str:
    """Name the place of an error; the stage means nothing to a user."""
    names = [str(name) for name in (error.filename2, error.filename) if name is not None]
    return next((name for name in names if STAGE not in name and str(root) in name), str(root))


def _stage_and_apply(root: Path, changes: Sequence[Change], verify: Callable[[], None]) -> None:
    try:
        (root / STAGE).mkdir(mode=0o700)
        disk.create(root / STAGE / ".gitignore", b"*\n")
        if _is_one_step(root, changes) or not swap(root, changes, verify):
            _replace_one_by_one(root, changes, verify)
    finally:
        with suppress(OSError, TreeError):  # what is written is written; the next write tries again
            settle(root)


def _is_one_step(root: Path, changes: Sequence[Change]) -> bool:
    """Tell whether replacing or removing a single file is all there is to do."""
    path, after = root / changes[0].path, changes[0].after
    return len(changes) == 1 and path.parent.is_dir() and (after is not None or len(list(path.parent.iterdir())) > 1)


def _replace_one_by_one(root: Path, changes: Sequence[Change], verify: Callable[[], None]) -> None:
    """Apply the changes in their order. All that needs space happens before the first one, so taking back cannot fail
    for want of it.
    """
    stage = root / STAGE
    for index, change in enumerate(changes):
        old = root / change.path
        if change.before is not None:
            _keep(old, stage / f"old-{index}", change.before)
        if change.after is not None:
            disk.create(stage / f"new-{index}", change.after, old.stat() if change.before is not None else None)
    verify()
    begun: list[tuple[Path, Path | None]] = []
    made: list[Path] = []
    try:
        for index, change in enumerate(changes):
            file = root / change.path
            begun.append((file, None if change.before is None else stage / f"old-{index}"))
            if change.after is None:
                file.unlink()
            else:
                _make_directory(file.parent, made)
                (stage / f"new-{index}").replace(file)
    except BaseException as error:
        _take_back(begun, made, error)
        raise
    for change in changes:  # everything is written, so nothing below may fail any more
        with suppress(OSError):
            disk.sync((root / change.path).parent)
        if change.after is None:
            with suppress(OSError):
                disk.remove_empty(root, change.path)


def _keep(file: Path, kept: Path, content: bytes) -> None:
    try:
        kept.hardlink_to(file)
    except OSError as error:
        if error.errno not in disk.UNSUITABLE:
            raise
        disk.create(kept, content, file.stat())


def _make_directory(directory: Path, made: list[Path]) -> None:
    missing = [parent for parent in (directory, *directory.parents) if not parent.exists()]
    for parent in reversed(missing):
        made.append(parent)
        parent.mkdir()


def _take_back(begun: Sequence[tuple[Path, Path | None]], made: Sequence[Path], cause: BaseException) -> None:
    """Restore every file that was touched or about to be: for one that was not touched yet, this changes nothing."""
    stuck: list[str] = []
    for file, kept in reversed(begun):
        try:
            if kept is None:
                file.unlink(missing_ok=True)
            else:
                kept.replace(file)
        except OSError:
            stuck.append(str(file))
    for directory in reversed(made):
        with suppress(OSError):
            directory.rmdir()
    if stuck:
        message = f"{cause}; and what was already written could not be taken back: {', '.join(stuck)}"
        raise TreeError(message) from cause
