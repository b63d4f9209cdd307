"""The few operations on files and directories from which a write is composed. Each may raise OSError."""

from __future__ import annotations

import errno
import os
import stat
import sys
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

UNSUITABLE = frozenset(
    {
        errno.ENOSYS,  # no such system call
        errno.EINVAL,  # a file system without exchange
        errno.EOPNOTSUPP,
        errno.ENOTSUP,
        errno.EPERM,  # a file system without hard links, or a file that is somebody else's
        errno.EACCES,  # a directory beside ours that may not be read
        errno.EMLINK,
        errno.EXDEV,  # something is mounted inside the directory
        errno.EBUSY,  # the directory is itself a mount point
    }
)
"""The errors that say "not with links and exchange, here", as opposed to "not at all" (disk full, I/O error)."""

_AT_FDCWD = -100
_SWAP = 2  # RENAME_EXCHANGE in linux/fs.h, RENAME_SWAP in macOS' sys/stdio.h
_RENAMEAT2 = {"x86_64": 316, "aarch64": 276, "riscv64": 276}  # the kernel's asm/unistd.h, for a libc that lacks it


def exchange(one: Path, other: Path) -> None:
    """Let two directories of one file system change places, in a single step."""
    import ctypes  # noqa: PLC0415  # dear to import, and needed once a write

    libc = ctypes.CDLL(None, use_errno=True)
    names = (os.fsencode(one), os.fsencode(other))
    if sys.platform == "darwin":
        failed = libc.renamex_np(*names, ctypes.c_uint(_SWAP))
    else:
        arguments = (_AT_FDCWD, names[0], _AT_FDCWD, names[1], ctypes.c_uint(_SWAP))
        if hasattr(libc, "renameat2"):
            failed = libc.renameat2(*arguments)
        elif os.uname().machine in _RENAMEAT2:
            failed = libc.syscall(ctypes.c_long(_RENAMEAT2[os.uname().machine]), *arguments)
        else:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), str(one))
    if failed:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(one))


def create(file: Path, content: bytes, like: os.stat_result | None = None) -> None:
    """Write a new file down to the disk, with mode and owner `like` another's, else 0644 under the umask."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        if like is not None:
            if (like.st_uid, like.st_gid) != (os.getuid(), os.getgid()):
                with suppress(PermissionError):  # only root may give files away
                    os.fchown(descriptor, like.st_uid, like.st_gid)
            os.fchmod(descriptor, stat.S_IMODE(like.st_mode))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync(directory: Path) -> None:
    """Bring a directory's entries down to the disk, on file systems that can."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in UNSUITABLE:
            raise
    finally:
        os.close(descriptor)


def walk(top: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the relative path and status of everything below `top`, directories before what they hold."""
    pending = [""]
    while pending:
        prefix = pending.pop()
        with os.scandir(top / prefix) as entries:
            for entry in entries:
                status = entry.stat(follow_symlinks=False)
                yield prefix + entry.name, status
                if stat.S_ISDIR(status.st_mode):
                    pending.append(f"{prefix}{entry.name}/")


def remove_empty(top: Path, path: str) -> None:
    """Remove the directories that held the removed file `path`, as far up below `top` as they are empty."""
    for parent in list(PurePosixPath(path).parents)[:-1]:
        try:
            (top / parent).rmdir()
        except OSError as error:
            if error.errno not in {errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT}:
                raise
            return


def remove(top: Path) -> None:
    """Remove a file, or a directory with all it holds. Follows no links; a read-only directory is no obstacle."""
    import shutil  # noqa: PLC0415

    if top.is_symlink() or not top.is_dir():
        top.unlink()
        return
    top.chmod(stat.S_IRWXU)
    for path, status in walk(top):
        if stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_IRWXU != stat.S_IRWXU:
            (top / path).chmod(stat.S_IRWXU)
    shutil.rmtree(top)
