"""What was found out once and holds for ever, kept between runs: answers under the digest of all they were found from.

An answer is believed only if its checksum, which covers the key too, says that it is whole and in its own place. It is
written beside and then put into place, so that any number of runs may share the folder. Nothing here fails: what cannot
be read was never there, what cannot be written is found out again.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
import zlib
from contextlib import suppress
from itertools import count
from pathlib import Path

from aegisgen import files
from aegisgen.record import Record

DIGEST_BYTES = 20
MAX_BYTES = 512_000_000
"""What all answers together may take on disk, in round numbers: each of the 256 folders is held to its share."""

_FOLDERS = 256
_BLOCK = 4096
# An answer in so many makes its folder be looked through.
_LOOKED_AT = 32
_DAY = 86_400
_HOUR = 3_600
_numbers = count()


def home() -> Path | None:
    """Return aegisgen's folder in the user's cache folder (XDG Base Directory Specification).

    None where there is no place for it that is the user's alone: without HOME, where XDG_CACHE_HOME is relative, and
    where the folder is a link, somebody else's, open for others to write to, or in a tree that may be a stranger's.
    """
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.environ.get("HOME", ""), ".cache")  # noqa: PTH118
    folder = f"{base}/aegisgen"
    if not os.path.isabs(base) or not _is_private(folder):  # noqa: PTH117
        return None
    real = os.path.realpath(folder)
    return None if any(files.is_in(real, tree) for tree in files.trees() or ()) else Path(folder)


def _is_private(folder: str) -> bool:
    """Tell whether a folder is nobody's but the user's; one that is not there yet will be made so."""
    try:
        status = os.lstat(folder)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    others = stat.S_IWGRP | stat.S_IWOTH
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & others


def digest(*parts: str | bytes) -> str:
    """Return a digest of the parts and of where each of them ends."""
    hashed = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for part in parts:
        content = part.encode("utf-8", "surrogateescape") if isinstance(part, str) else part
        hashed.update(b"%d:" % len(content))
        hashed.update(content)
    return hashed.hexdigest()


class Cache(Record):
    """Answers in a folder, each under a key that `digest` made."""

    folder: Path
    limit: int = MAX_BYTES

    def get(self, key: str) -> bytes | None:
        """Return the answer under a key; None where there is none, or none that is whole."""
        file = self._file(key)
        try:
            with open(file, "rb") as stream:  # noqa: PTH123 - a Path a look-up costs more than the look-up
                content = stream.read()
                written = os.fstat(stream.fileno()).st_mtime
        except OSError:
            return None
        mark, packed = content[:DIGEST_BYTES], content[DIGEST_BYTES:]
        if mark != _mark(key, packed):
            return None
        if time.time() - written > _DAY:
            with suppress(OSError):  # the oldest go first, and this one is wanted
                os.utime(file)
        try:
            return zlib.decompress(packed)
        except zlib.error:
            return None

    def put(self, key: str, answer: bytes) -> None:
        """Keep an answer, if there is room and leave to write."""
        packed = zlib.compress(answer, 1)
        if len(packed) > self.limit // _FOLDERS // 4:
            return
        file = Path(self._file(key))
        part = file.with_name(f".{os.getpid()}-{next(_numbers)}")
        try:
            for parent in (self.folder.parent, self.folder, file.parent):
                parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "wb") as stream:  # noqa: PTH123 - of a descriptor
                stream.write(_mark(key, packed) + packed)
            part.replace(file)
        except OSError:
            with suppress(OSError):
                part.unlink()
        if int(key[2:6], 16) % _LOOKED_AT == 0:
            _trim(file.parent, self.limit // _FOLDERS)

    def _file(self, key: str) -> str:
        return f"{self.folder}/{key[:2]}/{key[2:]}"


def answers() -> Cache | None:
    """Return the user's cache, None where there is no place for one."""
    folder = home()
    return Cache(folder / "answers") if folder and _is_private(f"{folder}/answers") else None


def _mark(key: str, packed: bytes) -> bytes:
    hashed = hashlib.blake2b(key.encode(), digest_size=DIGEST_BYTES)
    hashed.update(packed)
    return hashed.digest()


def _trim(folder: Path, limit: int) -> None:
    """Remove the answers that nobody wanted for longest, until the others have room; and what a killed run left."""
    answers = []
    now = time.time()
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):
                status = entry.stat(follow_symlinks=False)
                blocks = -(-status.st_size // _BLOCK)
                if not entry.name.startswith("."):
                    answers.append((status.st_mtime, blocks * _BLOCK, entry.path))
                elif now - status.st_mtime > _HOUR:
                    os.unlink(entry.path)  # noqa: PTH108
    size = sum(taken for _, taken, _ in answers)
    for _, taken, path in sorted(answers):
        if size <= limit:
            break
        with suppress(OSError):
            os.unlink(path)  # noqa: PTH108
        size -= taken
