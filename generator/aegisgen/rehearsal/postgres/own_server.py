"""A server of our own: made in a folder, started, stopped, started again."""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from aegisgen.errors import ToolError
from aegisgen.rehearsal.postgres.server import Server
from aegisgen.rehearsal.postgres.sessions import Login
from aegisgen.rehearsal.postgres.template import SUPERUSER, Template, new_folder
from aegisgen.rehearsal.processes import stop_server

START_SECONDS = 60
# Below the ranges that systems take outgoing connections' ports from (Linux 32768, macOS 49152): between a stop and the
# next start nobody else is given the port.
_PORTS = range(20000, 32000)
_PORT_ATTEMPTS = 20
_POLL_SECONDS = 0.01
_LAST_LINES = 6
_LAST_WORDS_SECONDS = 2
_STATUS_LINE = 7
"""The line of postmaster.pid, from 0, in which the server says whether it takes connections (its pidfile.h)."""

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    # In the data folder: a killed server leaves what it has in /dev/shm behind.
    "dynamic_shared_memory_type": "mmap",
    "max_connections": "100",
    "shared_buffers": "32MB",
    # Nothing here has to survive a power cut.
    "fsync": "off",
    "full_page_writes": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    # What observers read: each statement when it begins, its duration when it ends, and what waited for a lock.
    "logging_collector": "on",
    "log_destination": "jsonlog",
    "log_directory": "log",
    "log_filename": "server.log",
    "log_rotation_age": "0",
    "log_rotation_size": "0",
    "log_statement": "all",
    "log_duration": "on",
    "log_lock_waits": "on",
    "log_checkpoints": "off",
    "deadlock_timeout": "1s",
}


class OwnServer(Server):
    """A server that is started here; everything that it writes is in its folder."""

    def __init__(self, template: Template, folder: Path, settings: Mapping[str, str], *, password: bool = True) -> None:
        """`password`: whether sessions must give one."""
        super().__init__()
        self.version = str(template.installation)
        self.programs = template.installation.clients
        self.log = folder / "data/log/server.json"
        self._folder = folder
        self._data = folder / "data"
        self._template = template
        self._settings = {**_SETTINGS, **settings}
        self._password = password
        self._process: subprocess.Popen[bytes] | None = None

    def create(self) -> None:
        """Make the data folder and start on a free port. Raises ToolError with the server's own words."""
        new_folder(self._folder, self._template.account)
        self._template.copy_to(self._data)
        if not self._password:
            (self._data / "pg_hba.conf").write_text("host all all 127.0.0.1/32 trust\n")
        for _ in range(_PORT_ATTEMPTS):
            port = free_port()
            self.superuser = Login("127.0.0.1", port, SUPERUSER, self._template.password, "postgres")
            lines = [f"{name} = '{value}'\n" for name, value in {**self._settings, "port": port}.items()]
            (self._data / "postgresql.auto.conf").write_text("".join(lines))
            if self._launch():
                return
            if _is_free(port):  # otherwise somebody was faster
                break
        raise ToolError(f"{self.version} does not start: {self._last_words()}")

    def start(self) -> None:
        """Start again. Raises ToolError with the server's own words."""
        if self._process and self._process.poll() is not None:  # somebody killed it
            self.stop()
        if self._process is None and not self._launch():
            raise ToolError(f"{self.version} does not start again on port {self.superuser.port}: {self._last_words()}")

    def stop(self) -> None:
        """Nothing happens if it is stopped."""
        process, self._process = self._process, None
        stop_server(self._data / "postmaster.pid")
        if process:
            process.kill()  # one that hangs before it has written that file
            process.wait()

    def _launch(self) -> bool:
        """Start the server and wait until it takes connections; return whether it does."""
        pidfile = self._data / "postmaster.pid"
        with (self._folder / "stderr").open("wb") as stderr:
            self._process = subprocess.Popen(
                [self._template.installation.programs / "postgres", "-D", self._data],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                user=self._template.account,
                cwd=self._folder,
                env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", **self._template.environment},
                start_new_session=True,  # Ctrl-C is for the command, which then stops the server
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            if any(line.strip() == "ready" for line in _lines(pidfile)[_STATUS_LINE:]):
                return True
            time.sleep(_POLL_SECONDS)
        self.stop()
        return False

    def _last_words(self) -> str:
        """What it said last: on standard error until it can write its log, then there, by a process that ends later."""
        lines: list[str] = []
        deadline = time.monotonic() + _LAST_WORDS_SECONDS
        while time.monotonic() < deadline and not any("FATAL" in line for line in lines):
            time.sleep(_POLL_SECONDS)
            lines = _lines(self._folder / "stderr")
            for line in _lines(self._data / "log/server.json"):
                with suppress(ValueError):
                    entry = json.loads(line)
                    lines.append(f"{entry['error_severity']}: {entry['message']}")
        return "; ".join(lines[-_LAST_LINES:])


def free_port() -> int:
    """Return a port of loopback that nobody listens on. Raises ToolError."""
    for port in random.sample(_PORTS, _PORT_ATTEMPTS):
        if _is_free(port):
            return port
    raise ToolError(f"no free port found between {_PORTS.start} and {_PORTS.stop}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as PostgreSQL does it
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _lines(file: Path) -> list[str]:
    with suppress(OSError):
        return file.read_text(errors="replace").splitlines()
    return []
