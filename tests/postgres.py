"""A real PostgreSQL for tests: one server a test session, one database a test.

AEGISGEN_POSTGRES says which: a major version, such as 17, or the folder of an installation's programs. By default it is
another one than rehearsals use, where the machine has one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest

from aegisgen.rehearsal.postgres import Supply, Wanted
from aegisgen.rehearsal.postgres.installation import installations
from aegisgen.rehearsal.postgres.server import Server
from aegisgen.rehearsal.postgres.template import server_account
from tests.servers import Servers
from tests.tools import need

PASSWORD = "not 'so' $secret\\"
_NUMBERS = count(1)
# Nobody reads its log.
_SETTINGS = {"log_statement": "none", "log_duration": "off"}


class Database(NamedTuple):
    """A database of its own in the test's server."""

    server: Server
    name: str

    @property
    def port(self) -> int:
        """Where the server listens, on the loopback interface."""
        return self.server.superuser.port

    @property
    def programs(self) -> Path:
        """The folder with pg_dump, pg_restore and their like."""
        assert self.server.programs
        return self.server.programs

    @property
    def env(self) -> dict[str, str]:
        """What a pod gets from the ConfigMap and the Secret of the guide."""
        return {
            "DATABASE_HOST": "127.0.0.1",
            "DATABASE_PORT": str(self.port),
            "DATABASE_USER": "aegisx",
            "DATABASE_NAME": self.name,
            "DATABASE_PASSWORD": PASSWORD,
        }

    def connect(self, *, user: str = "aegisx") -> psycopg.Connection:
        """Open a session of its own, in autocommit mode."""
        superuser = self.server.superuser
        password = superuser.password if user == superuser.user else PASSWORD
        address = {"host": "127.0.0.1", "port": self.port, "dbname": self.name}
        return psycopg.connect(**address, user=user, password=password, autocommit=True)

    def ask(self, text: str, values: Sequence[object] = ()) -> list[tuple]:
        """Run one statement and return its rows."""
        with self.connect() as session:
            cursor = session.execute(text, values or None)
            return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="session")
def supply(servers: Servers) -> Supply:
    """Gives the servers."""
    wanted = os.environ.get("AEGISGEN_POSTGRES", "")
    if wanted:
        choice = Wanted(major=int(wanted)) if wanted.isdigit() else Wanted(programs=Path(wanted))
    else:
        others = [installation for installation in installations() if not installation.package]
        choice = Wanted(programs=others[0].programs if others else None)
    return Supply(choice, servers.run)


@pytest.fixture(scope="session")
def postgres(supply: Supply) -> Iterator[Server]:
    """A server for the session; tests that stop it start it again."""
    with supply.server("tests", _SETTINGS) as server:
        yield server


@pytest.fixture(scope="session")
def copy(supply: Supply) -> Iterator[Server]:
    """The sidecar of a dry run: a second server, which asks for no password."""
    with supply.copy("sidecar") as server:
        yield server


@pytest.fixture
def database(postgres: Server) -> Database:
    """An empty database, owned by `aegisx`."""
    return new_database(postgres)


def new_database(server: Server, like: Database | None = None) -> Database:
    """Create a database, owned by `aegisx`, which is no superuser: empty, or like another that nobody uses now."""
    name = f"aegisx_{next(_NUMBERS)}"
    if like is None:
        server.database(name, owner="aegisx", password=PASSWORD)
    else:
        with Database(server, "postgres").connect(user="postgres") as session:
            session.execute(f"CREATE DATABASE {name} OWNER aegisx TEMPLATE {like.name}")
    return Database(server, name)


def use_tls(server: Server) -> None:
    """Let a server offer TLS from now on, with a certificate that nobody vouches for."""
    openssl = need("openssl")
    assert server.log
    data, account = server.log.parents[1], server_account()
    if (data / "server.key").exists():
        return
    request = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "9"]
    files = ["-keyout", data / "server.key", "-out", data / "server.crt"]
    subprocess.run([*request, *files], check=True, capture_output=True)
    (data / "server.key").chmod(0o600)
    for name in ("server.key", "server.crt"):
        shutil.chown(data / name, account or data.stat().st_uid)
    with (data / "postgresql.auto.conf").open("a") as settings:
        settings.write("ssl = on\n")
    server.stop()
    server.start()
