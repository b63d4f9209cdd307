"""What this process knows and the application's code, which it starts, must not."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# What programs need to be found and to speak; everything else, such as a CI system's tokens, may be a secret.
_KEPT = frozenset(
    {
        "PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "LANG", "LANGUAGE", "TERM", "NO_COLOR", "COLUMNS",
        "LINES", "TZ", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR",
        "PGPASSFILE", "PGSERVICEFILE", "PGSSLMODE", "PGSSLROOTCERT",
    }
)  # fmt: skip
_KEPT_PREFIXES = ("LC_", "XDG_", "PYTHON", "AEGISGEN_")
_SECRETS = frozenset({"AEGISGEN_DATABASE_URL"})  # read already

_PR_GET_DUMPABLE, _PR_SET_DUMPABLE = 3, 4  # linux/prctl.h


@contextmanager
def private() -> Iterator[None]:
    """Take out of the environment what no program needs, and close this process's memory and /proc to its children.

    A process that is not dumpable has `/proc/PID/environ` and its memory closed even to others of the same user
    (Linux, `PR_SET_DUMPABLE` in prctl(2)), but for root with the capability to trace. Both are undone at the end.
    """
    before = dict(os.environ)
    dumpable = _prctl(_PR_GET_DUMPABLE)
    _prctl(_PR_SET_DUMPABLE, 0)
    for name in before:
        if name in _SECRETS or not (name in _KEPT or name.startswith(_KEPT_PREFIXES)):
            del os.environ[name]
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        _prctl(_PR_SET_DUMPABLE, dumpable)


def _prctl(*arguments: int) -> int:
    """Call prctl(2) where there is one; 1, which is what processes are, elsewhere."""
    return int(ctypes.CDLL(None).prctl(*arguments, 0, 0, 0)) if sys.platform == "linux" else 1
