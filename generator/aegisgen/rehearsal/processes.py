"""The processes that a rehearsal started, wherever they have got to: found by a mark in their environment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MARK = "AEGISGEN_REHEARSAL"
"""The environment variable; its value is the run's name, or begins with that and a slash.

Children inherit it, also those that outlive their parent.
"""

_SESSIONS_SECONDS = 1.0
_SERVER_SECONDS = 30.0
_MEMORY_LINE = 6
_ROUNDS = 100
_ROUND_SECONDS = 0.02


def marked(run: str) -> frozenset[int]:
    """Return the ids of all processes that carry the run's mark, this process left out.

    A system shows the environment to the same user and to root only, as the process got it when it started.
    """
    wanted = f"{MARK}={run}"
    listing = _from_proc(wanted) if sys.platform == "linux" else _from_ps(wanted)
    return frozenset(listing) - {os.getpid()}


def kill_marked(run: str) -> bool:
    """Kill every process that carries the run's mark, and those they start meanwhile; return whether all are gone."""
    for _ in range(_ROUNDS):
        alive = marked(run)
        if not alive:
            return True
        for pid in alive:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_ROUND_SECONDS)
    return False


def stop_server(pid: int, wait: Callable[[float], bool]) -> None:
    """Stop a PostgreSQL at once, as a crash would. `wait` says whether it is gone within so many seconds.

    A session's process that does not react (it hangs in the kernel, or in the midst of writing its log) is killed, so
    that the server itself can end, which gives back what it has of the system.
    """
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGQUIT)  # the immediate shutdown (PostgreSQL's manual, section 18.5)
        if wait(_SESSIONS_SECONDS):
            return
        for child in _children(pid):
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        if not wait(_SERVER_SECONDS):
            os.kill(pid, signal.SIGKILL)
            wait(_SERVER_SECONDS)


def free_memory(pidfile: Path) -> None:
    """Give back the shared memory of a PostgreSQL that was killed; one that could end by itself leaves no such file.

    The segment's key and number are in the seventh line of postmaster.pid (PostgreSQL's pidfile.h). Numbers are given
    again, so that it goes only where both fit.
    """
    with suppress(OSError, ValueError, IndexError):
        key, number = map(int, pidfile.read_text().splitlines()[_MEMORY_LINE].split())
        for line in _answer("ipcs", "-m").splitlines():
            words = set(line.split())  # Linux begins with the key, macOS with the number
            if {f"0x{key & 0xFFFFFFFF:08x}", str(number)} <= words:
                _answer("ipcrm", "-m", str(number))
        pidfile.unlink()


def command_line(pid: int) -> str:
    """Return what the process was started with; empty where it is gone."""
    if sys.platform == "linux":
        with suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        return ""
    return _ps("-ww", "-o", "command=", "-p", str(pid)).strip()


def _from_proc(wanted: str) -> Iterator[int]:
    whole, begin = wanted.encode(), f"{wanted}/".encode()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                entries = (folder / "environ").read_bytes().split(b"\0")
                if any(entry == whole or entry.startswith(begin) for entry in entries) and not _finished(folder):
                    yield int(folder.name)


def _finished(folder: Path) -> bool:
    """Whether nobody has asked for its exit code yet: such a process does nothing and cannot be killed (proc(5))."""
    return (folder / "stat").read_bytes().rpartition(b")")[2].split()[0] in {b"Z", b"X"}


def _from_ps(wanted: str) -> Iterator[int]:
    for line in _ps("-axEww", "-o", "pid=,command=").splitlines():
        words = line.split()
        if any(word == wanted or word.startswith(f"{wanted}/") for word in words[1:]):
            yield int(words[0])


def _children(pid: int) -> Iterator[int]:
    for line in _ps("-ax", "-o", "pid=,ppid=").splitlines():
        child, parent = map(int, line.split())
        if parent == pid:
            yield child


def _ps(*options: str) -> str:
    return _answer("ps", *options)


def _answer(*command: str) -> str:
    answer = subprocess.run(command, capture_output=True, text=True, check=False, errors="replace", timeout=20)
    return answer.stdout
