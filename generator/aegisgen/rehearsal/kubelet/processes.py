"""Processes of one container: found again wherever they went, and ended with it.

Each carries the mark of its container in its environment, which its children inherit even where they leave the process
group. Whatever outlives its parent becomes a child of the command, which is the reaper of its descendants, as PID 1 of
a container is: so few processes have to be looked at. Both are Linux's; elsewhere the process group has to do, until
the end of the rehearsal.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

from aegisgen.rehearsal.processes import MARK

_PROC = Path("/proc")
_PATIENCE_SECONDS = 5.0
_PAUSE_SECONDS = 0.005
_PR_SET_CHILD_SUBREAPER = 36
_SIGTERM_BIT = 1 << (signal.SIGTERM - 1)


def become_reaper() -> None:
    """Let descendants whose parents are gone become children of this process."""
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - only a rehearsal needs it

        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def mark_of(pid: int) -> str:
    """Return a process's mark, empty where it has none, is gone, or cannot be asked."""
    beginning = f"{MARK}=".encode()
    with suppress(OSError):
        for item in (_PROC / str(pid) / "environ").read_bytes().split(b"\0"):
            if item.startswith(beginning):
                return item.removeprefix(beginning).decode(errors="replace")
    return ""


def kill_container(mark: str, group: int) -> bool:
    """SIGKILL a process group, and the children of this process with its mark, until none is left.

    Returns whether that succeeded. A child of theirs is a child of this process as soon as they are gone.
    """
    give_up = time.monotonic() + _PATIENCE_SECONDS
    while True:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
        left = [pid for pid in children() if pid != group and mark_of(pid) == mark]
        if not left:
            return True
        kill(left)
        if time.monotonic() > give_up:
            return False
        time.sleep(_PAUSE_SECONDS)


def bury(group: int) -> None:
    """Take note of the end of a killed group's processes, which became children of this process with their parents'.

    The first process of the group must have been taken note of already: whoever started it wants its exit code.
    """
    give_up = time.monotonic() + _PATIENCE_SECONDS
    with suppress(ChildProcessError):
        while time.monotonic() < give_up:
            pid, _ = os.waitpid(-group, os.WNOHANG)
            if not pid:
                time.sleep(_PAUSE_SECONDS)


def kill(pids: list[int]) -> None:
    """SIGKILL children of this process, and take note of their end."""
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    for pid in pids:
        with suppress(ChildProcessError):
            os.waitpid(pid, 0)


def children() -> list[int]:
    """Return the children of this process; none where the system does not tell.

    Source: proc_pid_task_tid_children(5). Each thread has a list of its own.
    """
    found: list[int] = []
    with suppress(OSError):
        for task in (_PROC / "self/task").iterdir():
            with suppress(OSError):
                found += map(int, (task / "children").read_text().split())
    return found


def catches_term(pid: int) -> bool:
    """Whether a process has a handler for SIGTERM. The first process of a container does not die of it without one."""
    try:
        lines = (_PROC / str(pid) / "status").read_text().splitlines()
    except OSError:
        return True
    caught = next((line.split()[1] for line in lines if line.startswith("SigCgt:")), "0")
    return bool(int(caught, 16) & _SIGTERM_BIT)
