"""A folder for everything that one rehearsal writes and starts, and its end, whatever the end of the command was.

A run is a folder in the user's registry. Its process holds a lock on a file in it, which the system releases when the
process dies in whatever way: a run whose lock is free is over. Beside each run stands a shell that does nothing but
wait for the end of its input; when the command is killed, that shell starts the clean-up. Where the shell was killed
too, the next rehearsal's start cleans up.

`python -m aegisgen.rehearsal.leftovers` removes what is left of runs that are over.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import NamedTuple, NoReturn

from aegisgen.errors import ToolError
from aegisgen.rehearsal.processes import MARK, kill_marked, stop_server

_LOCK = "lock"
_GUARD_SECONDS = 30
_GUARD = 'read -r line || exec "$@"'
_PUBLIC_TEMPORARY = ("/tmp", "/var/tmp")  # noqa: S108 - candidates; the folder made there is checked for its owner


class Workspace(NamedTuple):
    """A run's place. Processes that are started for it must get `environment` into theirs."""

    name: str
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """The mark by which the run's processes are found; `name/more` is as good as `name`."""
        return {MARK: self.name}


@contextmanager
def workspace() -> Iterator[Workspace]:
    """Make a run; at the end kill its processes, stop its servers and remove its folder.

    What is left of former runs is removed first.
    SIGTERM and SIGHUP end the block as Ctrl-C does, by KeyboardInterrupt; during the clean-up Ctrl-C is not heard.
    Raises ToolError where no folder can be had.
    """
    registry = _registry()
    sweep(registry)
    name = secrets.token_hex(8)
    try:
        with _alone(registry):
            folder = Path(tempfile.mkdtemp(prefix="run-", dir=registry))
            folder.chmod(_mode())
            (folder / "name").write_text(name)
            lock = _lock(folder / _LOCK)
    except OSError as error:
        raise _no_place(registry, error) from error
    guard = None
    try:
        guard = subprocess.Popen(
            ["/bin/sh", "-c", _GUARD, "sh", sys.executable, "-P", "-m", "aegisgen.rehearsal.leftovers", str(registry)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # so that Ctrl-C does not reach it
        )
        # What ends a command politely runs its clean-up too.
        with _handled(_interrupt, signal.SIGTERM, signal.SIGHUP):
            yield Workspace(name, folder)
    finally:
        # Nobody's impatience interrupts the clean-up, which takes a second at most.
        with _handled(signal.SIG_IGN, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            _clean(folder)
            os.close(lock)
            if guard:
                with suppress(OSError):  # somebody killed it
                    guard.communicate(b"over\n", timeout=_GUARD_SECONDS)


def sweep(registry: Path | None = None) -> int:
    """Remove what is left of runs that are over, their processes too; return how many there were.

    What cannot be removed stays for the next time. Raises ToolError where the registry is not this user's.
    """
    registry = registry or _registry()
    swept = 0
    with _alone(registry):
        for folder in registry.glob("run-*"):
            try:
                lock = _lock(folder / _LOCK)
            except OSError:  # held: that run lives; or removed by its own process this moment
                continue
            try:
                _clean(folder)
                swept += 1
            finally:
                os.close(lock)
    return swept


def _clean(folder: Path) -> None:
    for pidfile in folder.glob("**/postmaster.pid"):  # first: a server that is killed leaves its shared memory behind
        stop_server(pidfile)
    with suppress(OSError):
        if name := (folder / "name").read_text():
            kill_marked(name)
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():  # a folder may be closed to its owner, or a dying process wrote its last file meanwhile
        for place, inner, _ in os.walk(folder):  # which opens the inner ones after this
            for closed in (Path(place, name) for name in inner):
                with suppress(OSError):
                    if not closed.is_symlink():
                        closed.chmod(stat.S_IRWXU)
        shutil.rmtree(folder, ignore_errors=True)


def _registry() -> Path:
    """Return the folder of this user's runs, made if need be.

    A server that root starts runs under another account, which must be able to reach it.
    """
    base = Path(tempfile.gettempdir())
    if os.geteuid() == 0 and not _reachable(base):
        base = next((Path(place) for place in _PUBLIC_TEMPORARY if _reachable(Path(place))), base)
    folder = base / f"aegisgen-rehearsals-{os.geteuid()}"
    try:
        folder.mkdir(exist_ok=True)
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
            raise ToolError(f"{folder} is somebody else's; remove it, or set TMPDIR to a folder of your own")
        folder.chmod(_mode())
    except OSError as error:
        raise _no_place(folder, error) from error
    return folder


def _no_place(folder: Path, error: OSError) -> ToolError:
    return ToolError(f"{folder}: {error.strerror}; a rehearsal needs a place for its files: set TMPDIR to another")


def _mode() -> int:
    """For root's runs, others may pass through to what is theirs, and list nothing."""
    return 0o711 if os.geteuid() == 0 else 0o700


def _reachable(folder: Path) -> bool:
    """Whether every account may pass through."""
    with suppress(OSError):
        real = folder.resolve(strict=True)
        return all(place.stat().st_mode & stat.S_IXOTH for place in (real, *real.parents))
    return False


def _lock(file: Path, otherwise: int = fcntl.LOCK_NB) -> int:
    """Lock the file and return its descriptor. Raises OSError where another process holds it, or waits (0)."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | otherwise)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


@contextmanager
def _alone(registry: Path) -> Iterator[None]:
    """One at a time makes a run or sweeps: between a run's folder and its lock nobody may take it for an old one."""
    descriptor = _lock(registry / _LOCK, 0)
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _handled(
    action: Callable[[int, FrameType | None], None] | signal.Handlers, *numbers: signal.Signals
) -> Iterator[None]:
    """Let something happen on these signals during the block; what a caller ignores stays ignored."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = {number: signal.getsignal(number) for number in numbers}
    try:
        for number, before in former.items():
            if before != signal.SIG_IGN:  # as SIGHUP under nohup
                signal.signal(number, action)
        yield
    finally:
        for number, before in former.items():
            signal.signal(number, before)


def _interrupt(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sweep(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
