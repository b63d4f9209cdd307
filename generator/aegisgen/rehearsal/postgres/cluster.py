"""A server of our own: made in a folder, started, stopped, started again, and gone with the command."""

from __future__ import annotations

import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from aegisgen.errors import ToolError
from aegisgen.rehearsal.postgres import sessions
from aegisgen.rehearsal.postgres.accounts import server_account
from aegisgen.rehearsal.postgres.installation import CLIENT_PROGRAMS
from aegisgen.rehearsal.server import Login

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from aegisgen.rehearsal.postgres.installation import Installation

START_SECONDS = 60
STOP_SECONDS = 30
_SUPERUSER = "postgres"
# Below the ranges that systems take outgoing connections' ports from (Linux 32768, macOS and Windows 49152): between a
# stop and the next start nobody else is given the port.
_PORTS = range(20000, 32000)
_PORT_ATTEMPTS = 20
_POLL_SECONDS = 0.01
_BUILTIN_LOCALES = 17
"""The major version since which C.UTF-8 is PostgreSQL's own, on every system."""

# The server's parent waits for a line or, when the command has died in whatever way, for the end of its input.
_GUARD = """
"$@" </dev/null &
server=$!
read -r line && known=yes || known=
kill -s QUIT "$server" 2>/dev/null
wait "$server"
[ "$known" ] || rm -rf -- "$0"
"""

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "32MB",
    # Nothing here has to survive a power cut.
    "fsync": "off",
    "full_page_writes": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
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


class Cluster:
    """A `Server` of one's own. `folder` is its place; nothing is written elsewhere."""

    own = True

    def __init__(self, installation: Installation, folder: Path, extra: Mapping[str, str]) -> None:
        self._installation = installation
        self._data = folder / "data"
        self._account = server_account()
        self._guard: subprocess.Popen[bytes] | None = None
        self._owners: dict[str, str] = {}
        self._settings = {**_SETTINGS, **extra}
        self._password = secrets.token_hex(16)
        self._port = 0

    @property
    def version(self) -> str:
        """For people: version and origin."""
        return str(self._installation)

    @property
    def programs(self) -> Path | None:
        """The folder with psql, pg_dump and pg_restore; None where the installation has not got them."""
        folder = self._installation.programs
        return folder if all((folder / program).exists() for program in CLIENT_PROGRAMS) else None

    @property
    def log(self) -> Path | None:
        """The log, in PostgreSQL's jsonlog format."""
        return self._data / "log/server.json"

    @property
    def superuser(self) -> Login:
        """A login that may do everything."""
        return Login("127.0.0.1", self._port, _SUPERUSER, self._password, "postgres")

    def database(self, name: str, *, owner: str, password: str) -> Login:
        """Create an empty database owned by `owner`, who is made if need be and has this password from now on."""
        with sessions.connect(self.superuser) as session:
            sessions.create_role(session, owner, password)
            sessions.create_database(session, name, owner)
        self._owners[name] = owner
        return self.superuser._replace(user=owner, password=password, database=name)

    def drop(self, name: str) -> None:
        """Cut the database's sessions and drop it, with its role if nothing else belongs to that."""
        with sessions.connect(self.superuser) as session:
            sessions.drop_database(session, name)
            if owner := self._owners.pop(name, None):
                sessions.drop_role(session, owner)

    def stop(self) -> None:
        """Cut all sessions and stop, as a crash would; nothing happens if it is stopped."""
        guard, self._guard = self._guard, None
        if guard is None:
            return
        with suppress(OSError):  # the guard is gone: whoever killed it left the server to us
            guard.communicate(b"stop\n", timeout=STOP_SECONDS)
        self._kill_what_is_left()

    def start(self) -> None:
        """Start again on the same port; nothing happens if it runs."""
        if self._guard is None and not self._launch():
            raise ToolError(f"{self.version} does not start again on port {self._port}: {self._last_words()}")

    def settings(self) -> Mapping[str, str]:
        """Return every setting, worded as SHOW does."""
        with sessions.connect(self.superuser) as session:
            return sessions.settings(session)

    def create(self) -> None:
        """Make the data folder and start on a free port."""
        folder = self._data.parent
        folder.mkdir(parents=True, exist_ok=True)
        if self._account:
            shutil.chown(folder, self._account)
        self._initialise()
        for _ in range(_PORT_ATTEMPTS):
            self._port = _free_port()
            lines = [f"{name} = '{value}'\n" for name, value in {**self._settings, "port": self._port}.items()]
            (self._data / "postgresql.auto.conf").write_text("".join(lines))
            if self._launch():
                return
            if "could not bind" not in self._last_words():
                break
        raise ToolError(f"{self.version} does not start: {self._last_words()}")

    def _initialise(self) -> None:
        secret = self._data.parent / "password"
        secret.touch(mode=0o600)
        secret.write_text(self._password)
        if self._account:
            shutil.chown(secret, self._account)
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        command = [
            str(self._installation.programs / "initdb"),
            *("--pgdata", str(self._data), "--username", _SUPERUSER, "--pwfile", str(secret)),
            *("--auth", "scram-sha-256", "--no-sync", "--no-instructions", "--encoding", "UTF8"),
            *(locale if self._installation.version[0] >= _BUILTIN_LOCALES else ["--locale=C"]),
        ]
        answer = subprocess.run(
            command, user=self._account, cwd=self._data.parent, capture_output=True, text=True, check=False, timeout=120
        )
        secret.unlink()
        if answer.returncode:
            raise ToolError(f"{self.version}: initdb failed: {answer.stderr.strip() or answer.stdout.strip()}")

    def _launch(self) -> bool:
        """Start the server and wait until it takes connections; return whether it does."""
        pidfile = self._data / "postmaster.pid"
        pidfile.unlink(missing_ok=True)
        with (self._data.parent / "stderr").open("wb") as stderr:
            self._guard = subprocess.Popen(
                ["/bin/sh", "-c", _GUARD, self._data, self._installation.programs / "postgres", "-D", self._data],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                user=self._account,
                cwd=self._data.parent,
                start_new_session=True,  # Ctrl-C is for the command, which then stops the server
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if _status(pidfile) == "ready":
                return True
            if not pidfile.exists() and "FATAL" in self._last_words():
                break
            time.sleep(_POLL_SECONDS)
        self.stop()
        return False

    def _kill_what_is_left(self) -> None:
        """The guard can be killed by others; then the server still runs."""
        try:
            pid = int((self._data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGQUIT)
            deadline = time.monotonic() + STOP_SECONDS
            while time.monotonic() < deadline:
                os.kill(pid, 0)
                time.sleep(_POLL_SECONDS)
            os.kill(pid, signal.SIGKILL)

    def _last_words(self) -> str:
        with suppress(OSError):
            return (self._data.parent / "stderr").read_text(errors="replace").strip()
        return ""


@contextmanager
def cluster(installation: Installation, folder: Path, settings: Mapping[str, str] | None = None) -> Iterator[Cluster]:
    """Run a new server in `folder`, which is made and, at the end, removed. `settings` go to postgresql.conf.

    Raises ToolError with the server's own words where it cannot be made or does not start.
    """
    server = Cluster(installation, folder, settings or {})
    try:
        server.create()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    for port in random.sample(_PORTS, _PORT_ATTEMPTS):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise ToolError(f"no free port found between {_PORTS.start} and {_PORTS.stop}")


def _status(pidfile: Path) -> str:
    """What the server says of itself: the eighth line of postmaster.pid (PostgreSQL's pidfile.h)."""
    try:
        lines = pidfile.read_text().splitlines()
    except OSError:
        return ""
    return lines[7].strip() if len(lines) > 7 else ""  # noqa: PLR2004
