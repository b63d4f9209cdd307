"""A real PostgreSQL for tests: one server a test session, one database a test."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import psycopg

PASSWORD = "not 'so' $secret\\"
_NUMBERS = count(1)


class Server(NamedTuple):
    """A running PostgreSQL on the loopback interface that asks for a password."""

    programs: Path
    """The folder with pg_ctl, pg_dump, pg_restore and their like."""
    folder: Path
    port: int
    account: str | None
    """The system's account that it runs as; None: this process's own."""

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        self._pg_ctl("--log", str(self.folder / "data/log"), "start")

    def stop(self) -> None:
        """Cut all connections and stop it."""
        self._pg_ctl("--mode", "immediate", "stop")

    def use_tls(self) -> None:
        """Offer TLS from now on, with a certificate that nobody vouches for."""
        if not shutil.which("openssl"):
            pytest.skip("openssl not found on PATH")
        data = self.folder / "data"
        if not (data / "server.key").exists():
            request = [
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-subj",
                "/CN=localhost",
                "-days",
                "9",
            ]
            files = ["-keyout", str(data / "server.key"), "-out", str(data / "server.crt")]
            subprocess.run([*request, *files], user=self.account, cwd=self.folder, check=True, capture_output=True)
            (data / "server.key").chmod(0o600)
            with (data / "postgresql.conf").open("a") as settings:
                settings.write("ssl = on\n")
            self.stop()
            self.start()

    def _pg_ctl(self, *arguments: str) -> None:
        command = [self.programs / "pg_ctl", "--pgdata", self.folder / "data", "--wait", "--silent", *arguments]
        subprocess.run(command, user=self.account, cwd=self.folder, check=True, stdout=subprocess.DEVNULL, timeout=60)


class Database(NamedTuple):
    """A database of its own in the test's server."""

    server: Server
    name: str

    @property
    def env(self) -> dict[str, str]:
        """What a pod gets from the ConfigMap and the Secret of the guide."""
        return {
            "DATABASE_HOST": "127.0.0.1",
            "DATABASE_PORT": str(self.server.port),
            "DATABASE_USER": "aegisx",
            "DATABASE_NAME": self.name,
            "DATABASE_PASSWORD": PASSWORD,
        }

    def connect(self, *, user: str = "aegisx") -> psycopg.Connection:
        """Open a session of its own, in autocommit mode."""
        import psycopg

        address = {"host": "127.0.0.1", "port": self.server.port, "dbname": self.name}
        return psycopg.connect(**address, user=user, password=PASSWORD, autocommit=True)

    def ask(self, text: str, values: Sequence[object] = ()) -> list[tuple]:
        """Run one statement and return its rows."""
        with self.connect() as session:
            cursor = session.execute(text, values or None)
            return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A server for the session; tests that stop it start it again."""
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'psycopg[binary]'")
    folder = Path(tempfile.mkdtemp(prefix="aegisgen-postgres-"))
    try:
        server = Server(_programs(), folder, _free_port(), _account())
        folder.chmod(0o755)
        _initialise(server)
        server.start()
        try:
            with Database(server, "postgres").connect(user="postgres") as session:
                session.execute("CREATE ROLE aegisx LOGIN PASSWORD " + _literal(PASSWORD))
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def database(postgres: Server) -> Database:
    """An empty database, owned by `aegisx`."""
    return new_database(postgres)


def new_database(server: Server, like: Database | None = None) -> Database:
    """Create a database, owned by `aegisx`, which is no superuser: empty, or like another that nobody uses now."""
    name = f"aegisx_{next(_NUMBERS)}"
    with Database(server, "postgres").connect(user="postgres") as session:
        session.execute(f"CREATE DATABASE {name} OWNER aegisx" + (f" TEMPLATE {like.name}" if like else ""))
    return Database(server, name)


def _programs() -> Path:
    """Debian keeps the server's programs off PATH, one folder a version."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda file: int(file.parts[-3]))
    found = [str(file) for file in reversed(debian)] or [shutil.which("pg_ctl")]
    if not found[0]:
        pytest.skip("no PostgreSQL server found: apt-get install postgresql")
    return Path(found[0]).parent


def _account() -> str | None:
    """The server refuses to run as root."""
    if os.getuid() != 0:
        return None
    names = [account.pw_name for account in pwd.getpwall() if account.pw_name in {"postgres", "nobody"}]
    if not names:
        pytest.skip("PostgreSQL refuses to run as root, and there is no other account")
    return max(names)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _initialise(server: Server) -> None:
    if server.account:
        shutil.chown(server.folder, server.account)
    secret = server.folder / "password"
    secret.write_text(PASSWORD)
    initdb = [server.programs / "initdb", "--pgdata", server.folder / "data", "--username", "postgres"]
    options = ["--auth", "scram-sha-256", "--pwfile", secret, "--no-sync", "--encoding", "UTF8", "--locale", "C"]
    subprocess.run(
        [*initdb, *options], user=server.account, cwd=server.folder, check=True, stdout=subprocess.DEVNULL, timeout=60
    )
    with (server.folder / "data/postgresql.conf").open("a") as settings:
        settings.write(
            f"listen_addresses = '127.0.0.1'\nport = {server.port}\nunix_socket_directories = ''\nfsync = off\n"
        )


def _literal(text: str) -> str:
    return " E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
