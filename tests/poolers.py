"""A real PgBouncer in front of a test's database."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.leftovers import until
from tests.postgres import PASSWORD, Database
from tests.tools import need


class Pooler:
    """PgBouncer for one database; it listens on loopback."""

    def __init__(self, program: str, database: Database, folder: Path) -> None:
        self._program, self._database, self._folder = program, database, folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, mode: str) -> str:
        """Start it in a pool mode and return its port."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        users = self._folder / "users.txt"
        password = PASSWORD.replace('"', '""')
        users.write_text(f'"aegisx" "{password}"\n')
        settings = self._folder / "pgbouncer.ini"
        settings.write_text(
            f"[databases]\n* = host=127.0.0.1 port={self._database.port}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = trust\nauth_file = {users}\n"
            f"pool_mode = {mode}\nunix_socket_dir =\nignore_startup_parameters = extra_float_digits\ndefault_pool_size = 20\n"
        )
        user = []
        if os.geteuid() == 0:  # which it refuses to run as
            shutil.chown(self._folder, "nobody")
            for file in (users, settings):
                shutil.chown(file, "nobody")
            user = ["-u", "nobody"]
        log = self._folder / "log"
        with log.open("wb") as output:
            self._process = subprocess.Popen([self._program, *user, str(settings)], stdout=output, stderr=output)
        until(lambda: "process up" in log.read_text())
        return str(port)

    def stop(self) -> None:
        """Stop it, if it runs."""
        if self._process:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()


@pytest.fixture
def pooler(database: Database, tmp_path: Path) -> Iterator[Pooler]:
    """A PgBouncer that the test may start."""
    folder = tmp_path / "pooler"
    folder.mkdir()
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin") or need("pgbouncer")
    running = Pooler(program, database, folder)
    yield running
    running.stop()
