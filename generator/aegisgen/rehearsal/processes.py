"""Processes: started without this command's secrets, found by a mark in their environment, and ended.

Children inherit the mark, also those that leave their process group or outlive their parent. On Linux such a process
becomes a child of the command, which is the reaper of its descendants as PID 1 of a container is: so few processes have
to be looked at. On other systems a container's process group is killed with it, and `ps` finds the rest at the end.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

MARK = "AEGISGEN_REHEARSAL"
"""The environment variable; its value is the run's name, or begins with that and a slash."""

_PROC = Path("/proc")
_LINUX = sys.platform == "linux"
_ANSWER_SECONDS = 20.0
_SESSIONS_SECONDS = 1.0
_SERVER_SECONDS = 30.0
_KILL_SECONDS = 5.0
_PAUSE_SECONDS = 0.005
_MEMORY_LINE = 6
_IPC_RMID = 0
_KEY_MASK = 0xFFFFFFFF
_SIGTERM_BIT = 1 << (signal.SIGTERM - 1)
_PR_GET_DUMPABLE, _PR_SET_DUMPABLE, _PR_SET_CHILD_SUBREAPER = 3, 4, 36  # linux/prctl.h

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


def answer(
    *command: str | Path,
    seconds: float = _ANSWER_SECONDS,
    user: str | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program without input to its end. Raises OSError, and subprocess.TimeoutExpired after so many seconds."""
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=seconds,
        user=user,
        cwd=cwd,
        env=env,
    )


def output(*command: str | Path, user: str | None = None, env: Mapping[str, str] | None = None) -> str:
    """Return what a program prints; empty where it cannot be run, fails or does not end."""
    with suppress(OSError, subprocess.SubprocessError):
        done = answer(*command, user=user, env=env)
        return "" if done.returncode else done.stdout
    return ""


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


def become_reaper() -> None:
    """Let descendants whose parents are gone become children of this process (Linux)."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def mark_of(pid: int) -> str:
    """Return a process's mark, as it was when it started; empty where it has none, is gone, or cannot be asked."""
    marks = (item.partition("=")[2] for item in _proc(pid, "environ").split("\0") if item.startswith(f"{MARK}="))
    return next(marks, "")


def marked(run: str) -> frozenset[int]:
    """Return the ids of all processes that carry the run's mark, this process left out.

    A system shows the environment to the same user and to root only.
    """
    if _LINUX:
        pids = {pid for pid in all_processes() if _belongs(mark_of(pid), run) and _lives(pid)}
    else:
        lines = (line.split() for line in output("ps", "-axEww", "-o", "pid=,command=").splitlines())
        marks = f"{MARK}="
        pids = {
            int(pid)
            for pid, *words in lines
            if any(_belongs(word.removeprefix(marks), run) for word in words if word.startswith(marks))
        }
    return frozenset(pids - {os.getpid()})


def kill_marked(run: str) -> bool:
    """Kill every process that carries the run's mark, and those they start meanwhile; return whether all are gone."""
    return _kill_all(lambda: marked(run), _signal)


def kill_container(mark: str, group: int) -> bool:
    """Kill a process group, and the children of this process with its mark; return whether all are gone.

    A child of theirs is a child of this process as soon as they are gone.
    """

    def left() -> list[int]:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
        return [pid for pid in children() if pid != group and mark_of(pid) == mark]

    return _kill_all(left, kill)


def kill(pids: Iterable[int]) -> None:
    """Kill children of this process, and take their exit codes."""
    pids = list(pids)
    _signal(pids)
    for pid in pids:
        with suppress(ChildProcessError):
            os.waitpid(pid, 0)


def reap(group: int) -> None:
    """Take the exit codes of a killed group's processes, which became children of this process.

    The exit code of the group's first process must have been taken before: whoever started it wants it.
    """
    give_up = time.monotonic() + _KILL_SECONDS
    with suppress(ChildProcessError):
        while time.monotonic() < give_up:
            pid, _ = os.waitpid(-group, os.WNOHANG)
            if not pid:
                time.sleep(_PAUSE_SECONDS)


def children(parent: int | None = None) -> list[int]:
    """Return the children of a process, by default of this one; none where the system does not tell.

    Source: proc_pid_task_tid_children(5). Each thread has a list of its own.
    """
    pids: list[int] = []
    with suppress(OSError):
        for task in (_PROC / str(parent or "self") / "task").iterdir():
            with suppress(OSError):
                pids += map(int, (task / "children").read_text().split())
    return pids


def catches_term(pid: int) -> bool:
    """Whether a process has a handler for SIGTERM. The first process of a container does not die of it without one."""
    lines = _proc(pid, "status").splitlines()
    caught = next((int(line.split()[1], 16) for line in lines if line.startswith("SigCgt:")), _SIGTERM_BIT)
    return bool(caught & _SIGTERM_BIT)


def all_processes() -> list[int]:
    """Return the ids of all processes of the machine."""
    if _LINUX:
        return [int(folder.name) for folder in _PROC.iterdir() if folder.name.isdigit()]
    return [int(pid) for pid in output("ps", "-ax", "-o", "pid=").split()]


def command_line(pid: int) -> str:
    """Return what the process was started with; empty where it is gone."""
    if not _LINUX:
        return output("ps", "-ww", "-o", "command=", "-p", str(pid)).strip()
    return _proc(pid, "cmdline").replace("\0", " ").strip()


def stop_server(pidfile: Path) -> None:
    """Stop a PostgreSQL at once, as a crash would, and give back what it has of the system; nothing if it is stopped.

    A session's process that does not react (it hangs in the kernel, or in the midst of writing its log) is killed, so
    that the server itself can end. One that had to be killed leaves its shared memory and this file: the segment's key
    and number are in the seventh line (PostgreSQL's pidfile.h). Numbers are given again, so that it goes only where
    both fit.
    """
    with suppress(OSError, ValueError, IndexError):
        lines = pidfile.read_text().splitlines()
        pid = int(lines[0])

        def gone() -> bool:
            return str(pidfile.parent) not in command_line(pid)  # ids are given again, too

        with suppress(ProcessLookupError):
            if not gone():
                os.kill(pid, signal.SIGQUIT)  # the immediate shutdown (PostgreSQL's manual, section 18.5)
                if not _until(gone, _SESSIONS_SECONDS):
                    _signal(children(pid))
                    if not _until(gone, _SERVER_SECONDS):
                        os.kill(pid, signal.SIGKILL)
                        _until(gone, _SERVER_SECONDS)
        key, number = map(int, lines[_MEMORY_LINE].split())
        if pidfile.exists():
            if (key & _KEY_MASK, number) in memory_segments():
                ctypes.CDLL(None).shmctl(number, _IPC_RMID, None)
            pidfile.unlink()


def memory_segments() -> set[tuple[int, int]]:
    """Return the key and the number of each segment of shared memory (sysvipc(7); macOS: ipcs(1))."""
    if _LINUX:
        lines = [line.split()[:2] for line in (_PROC / "sysvipc/shm").read_text().splitlines()[1:]]
        return {(int(key) & _KEY_MASK, int(number)) for key, number in lines}
    rows = [line.split() for line in output("ipcs", "-m").splitlines() if line.startswith("m")]
    return {(int(row[2], 16), int(row[1])) for row in rows}


def _belongs(mark: str, run: str) -> bool:
    return mark == run or mark.startswith(f"{run}/")


def _lives(pid: int) -> bool:
    """Whether it is no zombie, which does nothing and cannot be killed (proc(5))."""
    return _proc(pid, "stat").rpartition(")")[2].split()[:1] not in ([], ["Z"], ["X"])


def _proc(pid: int, name: str) -> str:
    """What /proc says of a process; empty where it is gone, cannot be asked, or there is no /proc."""
    with suppress(OSError):
        return (_PROC / str(pid) / name).read_text(errors="replace")
    return ""


def _kill_all(left: Callable[[], Iterable[int]], end: Callable[[Iterable[int]], None]) -> bool:
    """End processes until none is left, for some seconds; return whether none is."""

    def gone() -> bool:
        pids = left()
        end(pids)
        return not pids

    return _until(gone, _KILL_SECONDS)


def _until(happened: Callable[[], bool], seconds: float) -> bool:
    """Wait until something has happened, for so many seconds at most; return whether it has."""
    give_up = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > give_up:
            return False
        time.sleep(_PAUSE_SECONDS)
    return True


def _prctl(*arguments: int) -> int:
    """Call prctl(2) where there is one; 1, which is what processes are, elsewhere."""
    return int(ctypes.CDLL(None).prctl(*arguments, 0, 0, 0)) if _LINUX else 1


def _signal(pids: Iterable[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
