"""Writing the tree: one writer at a time, each file whole, `kustomization.yaml` last."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from aegisgen import files
from aegisgen.errors import TreeError
from aegisgen.kube.shape import KUSTOMIZATION_NAMES
from aegisgen.project.tree.content import STAGE, Change, read

_POLL_SECONDS = 0.05


@contextmanager
def locked(root: Path, *, wait: float = 60.0) -> Iterator[None]:
    """Hold the tree: a second aegisgen waits for its turn, at most `wait` seconds.

    The lock is an advisory one on the root directory itself, so it leaves no file behind and dies with its process.
    Raises TreeError where the turn does not come, and where the root is missing or cannot be locked.
    """
    files.locate(root)
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
    """Apply the changes. To be called under `locked`.

    - All new files are first written into the folder `STAGE` of the root, down to the disk. A full disk, a missing
      permission, a path that `read` refuses and a file that is no longer what `before` says raise TreeError here, and
      the tree is as it was.
    - Then each file is renamed into its place: new ones first, `kustomization.yaml` last, removals at the very end. So
      a file is at every moment its old or its new version, and no kustomization.yaml names a file that is not there.
      kill -9 leaves the rest to the next render.
    - Should a rename fail all the same, TreeError names what was written. Directories that become empty are removed.

    A stage that a killed run left is removed first, also when there is nothing to change.
    """
    wanted = sorted((change for change in changes if change.before != change.after), key=_order)
    done: list[str] = []
    try:
        _clear(root)
        _verify(root, changes)
        if wanted:
            _prepare(root, wanted)
            _verify(root, changes)
            for index, change in enumerate(wanted):
                _apply(root, change, root / STAGE / str(index))
                done.append(change.path)
    except OSError as error:
        written = f"already written: {', '.join(done)}; run again" if done else "nothing was written"
        raise TreeError(f"{_place(root, error)}: {error.strerror or error}; {written}") from error
    finally:
        with suppress(OSError, TreeError):  # the next write tries again
            _clear(root)


def _order(change: Change) -> tuple[bool, bool, bool, str]:
    entry_point = PurePosixPath(change.path).name in KUSTOMIZATION_NAMES
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


def _clear(root: Path) -> None:
    stage = root / STAGE
    if stage.is_symlink() or (stage.exists() and not stage.is_dir()):
        raise TreeError(f"{stage} is in the way: aegisgen needs that name for a while; move it away")
    with suppress(FileNotFoundError):
        shutil.rmtree(stage)


def _prepare(root: Path, changes: Sequence[Change]) -> None:
    stage = root / STAGE
    stage.mkdir(mode=0o700)
    _create(stage / ".gitignore", b"*\n")
    for index, change in enumerate(changes):
        file = root / change.path
        folder = next(parent for parent in file.parents if parent.exists())
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
        if change.after is not None:
            _create(stage / str(index), change.after, file.stat() if change.before is not None else None)


def _create(file: Path, content: bytes, like: os.stat_result | None = None) -> None:
    """Write a new file down to the disk, with mode and owner `like` another's, else 0644 under the umask."""
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "wb") as stream:  # noqa: PTH123
        stream.write(content)
        stream.flush()
        if like is not None:
            if (like.st_uid, like.st_gid) != (os.getuid(), os.getgid()):
                with suppress(PermissionError):  # only root may give files away
                    os.fchown(stream.fileno(), like.st_uid, like.st_gid)
            os.fchmod(stream.fileno(), stat.S_IMODE(like.st_mode))
        os.fsync(stream.fileno())


def _apply(root: Path, change: Change, prepared: Path) -> None:
    file = root / change.path
    if change.after is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        prepared.replace(file)
        return
    file.unlink()
    for parent in list(PurePosixPath(change.path).parents)[:-1]:
        try:
            (root / parent).rmdir()
        except OSError:  # not empty, or not ours: it stays
            return
