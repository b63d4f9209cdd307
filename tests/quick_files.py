"""Where tests write: in memory, where the machine has room for that.

A disk's file system takes ten times as long to make and delete the thousands of small files of a PostgreSQL.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

_MEMORY = Path("/dev/shm")
_ROOM = 4 * 1024**3
_PREFIX = "aegisgen-tests-"


def use_memory() -> None:
    """Let temporary files be made in memory, from here on and in all child processes; they go when this one ends."""
    if "TMPDIR" in os.environ or not os.access(_MEMORY, os.W_OK) or shutil.disk_usage(_MEMORY).free < _ROOM:
        return
    for left in _MEMORY.glob(f"{_PREFIX}*"):  # of a run that was killed
        if not Path("/proc", left.name.split("-")[2]).exists():
            with suppress(OSError):
                shutil.rmtree(left)
    folder = tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=_MEMORY)
    Path(folder).chmod(0o711)  # a server that root starts runs under another account
    atexit.register(_remove, folder, os.getpid())
    os.environ["TMPDIR"] = tempfile.tempdir = folder


def _remove(folder: str, owner: int) -> None:
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)
