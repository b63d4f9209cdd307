"""One attempt of a container, as a local process: the leader of a session of its own."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from aegisgen.rehearsal.clock import Clock
from aegisgen.rehearsal.kubelet.landlock import Fence, restrict_thread
from aegisgen.rehearsal.kubelet.log import Log
from aegisgen.rehearsal.processes import MARK, catches_term, kill_container, reap

# core/v1 TerminationMessagePathDefault's limit: pkg/kubelet/container, MaxContainerTerminationMessageLength
_MESSAGE_BYTES = 4096
# How long an output may stay open after the container: only a process that lost its mark can hold it.
_OUTPUT_SECONDS = 1.0
_LOOK_SECONDS = 1.0


class Launch(NamedTuple):
    """What to start, and where."""

    command: tuple[str, ...]
    env: Mapping[str, str]
    folder: Path
    message: Path
    """Where the container leaves its termination message."""
    mark: str
    fence: Fence
    largest_file: int | None = None
    """In blocks of 512 bytes: no file of the container gets larger; None: no limit."""


class Process:
    """A started container. Everything that it started ends with its first process, as in a PID namespace."""

    def __init__(self, launch: Launch, clock: Clock) -> None:
        """Start it. Raises FileNotFoundError for a program that is not there, OSError for one that cannot be run."""
        self._launch = launch
        self._clock = clock
        self._popen: subprocess.Popen[bytes] | None = None
        self._log: Log | None = None
        self._trouble: OSError | None = None
        self._started = threading.Event()
        self._ended = threading.Event()
        self._moved = threading.Condition()
        self._hung = False
        self.began = clock.elapsed()
        self.ended_at = self.began
        threading.Thread(target=self._live, name=launch.mark, daemon=True).start()
        self._started.wait()
        if self._trouble is not None:
            raise self._trouble

    @property
    def mark(self) -> str:
        """What all its processes carry."""
        return self._launch.mark

    @property
    def code(self) -> int | None:
        """The exit code; None while it runs, and where a signal ended it."""
        code = self._popen.returncode if self._popen else None
        return code if code is not None and code >= 0 else None

    @property
    def signal(self) -> str:
        """The name of the signal that ended it."""
        code = self._popen.returncode if self._popen else None
        return signal.Signals(-code).name if code is not None and code < 0 else ""

    @property
    def log(self) -> str:
        """What it has written so far."""
        return self._log.text() if self._log else ""

    @property
    def last_words(self) -> str:
        """The end of the log."""
        return self._log.last() if self._log else ""

    @property
    def message(self) -> str:
        """The termination message."""
        with suppress(OSError):
            return self._launch.message.read_bytes()[:_MESSAGE_BYTES].decode(errors="replace")
        return ""

    def ended(self) -> bool:
        """Whether it, and all that it started, is gone."""
        return self._ended.is_set()

    def hang(self) -> None:
        """Say that nothing will come of it by itself: from now on it counts as waiting, and time may jump."""
        with self._moved:
            self._hung = True
            self._moved.notify_all()

    def wait(self, patience: float) -> bool:
        """Work until it has ended, or hangs; return whether it ended.

        It hangs where somebody says so, and where it has written nothing for `patience` seconds of real time: one that
        is merely slow, on a busy machine, goes on writing.
        """
        written, since = -1, time.monotonic()
        with self._moved:
            while not self._ended.is_set() and not self._hung:
                now = self._log.written if self._log else 0
                if now != written:
                    written, since = now, time.monotonic()
                left = since + patience - time.monotonic()
                if left <= 0:
                    self._hung = True
                    break
                self._moved.wait(min(left, _LOOK_SECONDS))
        return self._ended.is_set()

    def terminate(self) -> None:
        """Ask it to end, as the kubelet does first."""
        if self._popen and not self.ended() and catches_term(self._popen.pid):
            with suppress(ProcessLookupError):
                self._popen.terminate()

    def kill(self) -> None:
        """SIGKILL it, and all that it started; returns when nothing is left."""
        if self._popen and not self.ended():
            with suppress(ProcessLookupError):
                self._popen.kill()
            self._ended.wait()

    def _live(self) -> None:
        """Runs in a thread of its own: what restricts the container restricts the thread that starts it."""
        launch = self._launch
        command = launch.command
        if launch.largest_file is not None:
            command = ("/bin/sh", "-c", f'ulimit -f {launch.largest_file}; exec "$@"', "limited", *command)
        try:
            read, write = os.pipe()
            try:
                program = _program(launch)
                restrict_thread(launch.fence)
                self._popen = subprocess.Popen(
                    command,
                    executable=None if launch.largest_file is not None else program,
                    cwd=launch.folder,
                    env={**launch.env, MARK: launch.mark},
                    stdin=subprocess.DEVNULL,
                    stdout=write,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            finally:
                os.close(write)
            self._log = Log(read)
        except OSError as error:
            os.close(read)
            self._trouble = error
            self._end()
            self._started.set()
            return
        self._started.set()
        if hasattr(os, "waitid"):  # while it is a zombie, nobody else gets its number
            os.waitid(os.P_PID, self._popen.pid, os.WEXITED | os.WNOWAIT)
            kill_container(launch.mark, self._popen.pid)
            self._popen.wait()
        else:
            self._popen.wait()
            kill_container(launch.mark, self._popen.pid)
        reap(self._popen.pid)
        self._log.close(_OUTPUT_SECONDS)
        self._end()

    def _end(self) -> None:
        self.ended_at = self._clock.elapsed()
        with self._moved:
            self._ended.set()
            self._moved.notify_all()
        self._clock.notify()


def _program(launch: Launch) -> str:
    word = launch.command[0]
    if "/" in word:
        return word if word.startswith("/") else str(launch.folder / word)
    program = shutil.which(word, path=launch.env.get("PATH", os.defpath))
    if program is None:
        raise FileNotFoundError(errno.ENOENT, "not found on PATH", word)
    return program
