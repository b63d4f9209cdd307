"""`aegisgen cache`: where it lies, how much it holds, and how to be rid of it."""

from __future__ import annotations

import shutil
import stat
import sys
from contextlib import suppress
from pathlib import Path

from aegisgen.errors import UsageError
from aegisgen.kube.cache import MAX_BYTES, home
from aegisgen.profile.sources import display


def main(*, clear: bool) -> int:
    """Print path, files and size, or remove everything. Raises UsageError where there is no place for a cache."""
    folder = home()
    if folder is None:
        raise UsageError(
            "no cache: expected XDG_CACHE_HOME, or else HOME, to be an absolute path, and aegisgen's folder in it to "
            "be yours, no link, and closed to others' writing"
        )
    files, size = _held(folder)
    if clear:
        # Runs that write at this moment may leave something behind, which the next ones use or replace.
        shutil.rmtree(folder, ignore_errors=True)
    verb = "removed from" if clear else "in"
    limit = "" if clear else f", of at most {MAX_BYTES / 1e6:.0f} MB"
    sys.stdout.write(f"{files} files, {size / 1e6:.1f} MB {verb} {display(folder)}{limit}\n")
    return 0


def _held(folder: Path) -> tuple[int, int]:
    sizes = []
    for file in folder.rglob("*"):
        with suppress(OSError):  # another run put it into place, or removed it
            status = file.lstat()
            if stat.S_ISREG(status.st_mode):
                sizes.append(status.st_size)
    return len(sizes), sum(sizes)
