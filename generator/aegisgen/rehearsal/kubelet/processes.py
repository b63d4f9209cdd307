"""Processes of one container: found again wherever they went, and ended with it.

Beside the mark of the whole run, each carries one of its container in its environment, which its children inherit even
where they leave the process group. What loses it (`env -i`) comes back as an orphan: the command is the reaper of its
descendants, as PID 1 of a container is. Both are Linux's; elsewhere the process group has to do.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

MARKER = "AEGISGEN_REHEARSAL_CONTAINER"
_PROC = Path("/proc")
_PATIENCE_SECONDS = 5.0
_PAUSE_SECONDS = 0.005
_PR_SET_CHILD_SUBREAPER = 36
_SIGTERM_BIT = 1 << (signal.SIGTERM - 1)


def marked(mark: str) -> list[int]:
    """Return the processes whose mark begins with `mark`."""
    wanted = f"{MARKER}={mark}".encode()
    found = []
    for folder in _folders():
        with suppress(OSError):
            if any(item.startswith(wanted) for item in (folder / "environ").read_bytes().split(b"\0")):
                found.append(int(folder.name))
    return found


def mark_of(pid: int) -> str:
    """Return a process's mark, empty where it has none or is gone."""
    beginning = f"{MARKER}=".encode()
    with suppress(OSError):
        for item in (_PROC / str(pid) / "environ").read_bytes().split(b"\0"):
            if item.startswith(beginning):
                return item.removeprefix(beginning).decode()
    return ""


def kill_marked(mark: str, group: int | None = None) -> bool:
    """SIGKILL a process group and all that is marked, until none is left; return whether that succeeded."""
    give_up = time.monotonic() + _PATIENCE_SECONDS
    seen: set[int] = set()
    while True:
        if group is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGKILL)
        left = marked(mark)
        for pid in left:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        seen.update(left)
        if not left or time.monotonic() > give_up:
            break
        time.sleep(_PAUSE_SECONDS)
    _bury(seen - ({group} if group else set()))
    return not left


def become_reaper() -> None:
    """Let orphaned descendants become children of this process."""
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - only a rehearsal needs it

        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def orphans() -> list[int]:
    """Return the children of this process that have no mark and are no zombies."""
    found = []
    for folder in _folders():
        with suppress(OSError, ValueError, IndexError):
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            if int(parent) == os.getpid() and state != "Z":
                found.append(int(folder.name))
    return found


def catches_term(pid: int) -> bool:
    """Whether a process has a handler for SIGTERM. The first process of a container does not die of it without one."""
    try:
        lines = (_PROC / str(pid) / "status").read_text().splitlines()
    except OSError:
        return True
    caught = next((line.split()[1] for line in lines if line.startswith("SigCgt:")), "0")
    return bool(int(caught, 16) & _SIGTERM_BIT)


def _folders() -> list[Path]:
    try:
        return [folder for folder in _PROC.iterdir() if folder.name.isdecimal()]
    except OSError:
        return []


def _bury(pids: set[int]) -> None:
    """Orphans that became children of this process would stay zombies as long as it runs."""
    for pid in pids:
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
