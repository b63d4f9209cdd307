"""A server of the user's own: databases and roles come and go there, the server itself is left alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count

import psycopg
from psycopg import Error, OperationalError, conninfo

from aegisgen.errors import ToolError, UsageError
from aegisgen.rehearsal.postgres import sessions
from aegisgen.rehearsal.postgres.installation import INSTALL, installations
from aegisgen.rehearsal.postgres.server import Server
from aegisgen.rehearsal.postgres.sessions import Login

OPTION = "--database-url"
_EXAMPLE = "postgresql://user:password@localhost:5432/postgres"
_KNOWN = frozenset({"host", "port", "user", "password", "dbname"})
_PREFIX = "aegisgen"
# The class of advisory locks by which living runs are known; any fixed number that others will not have chosen.
_LOCK_CLASS = 0x61656769
_NAME_BYTES = 63
"""NAMEDATALEN - 1: PostgreSQL cuts longer names without an error."""
_DIGITS = 7
"""Hexadecimal digits, so that the number is within the 31 bits of a lock's key."""
_NUMBERS = count(1)


class UsersServer(Server):
    """A server that was there before. Databases and roles get names of the run's own, which their logins have."""

    own = False

    def __init__(self, login: Login, run: str, version: int) -> None:
        """`version` is as libpq gives it: 150004 for PostgreSQL 15.4."""
        super().__init__()
        major, minor = divmod(version, 10000)
        self.version = f"PostgreSQL {major}.{minor}, at {login.host}:{login.port} ({OPTION})"
        self.superuser = login
        # pg_dump reads older servers too.
        fitting = [
            installation
            for installation in installations()
            if installation.version[0] >= major and installation.clients
        ]
        self.programs = min(fitting, key=lambda installation: installation.version).programs if fitting else None
        self._run = run
        self._number = version

    @contextmanager
    def used(self) -> Iterator[UsersServer]:
        """Give the same server for the block; the clean-up of other runs leaves alone what is made meanwhile."""
        with _connected(self.superuser) as keeper:
            keeper.execute("SELECT pg_advisory_lock_shared(%s, %s)", (_LOCK_CLASS, int(_digits(self._run), 16)))
            server = UsersServer(self.superuser, self._run, self._number)
            try:
                yield server
            finally:
                server.drop_all()

    def _named(self, name: str, owner: str) -> tuple[str, str]:
        real = f"{_PREFIX}_{_digits(self._run)}_{next(_NUMBERS)}_{name}_{owner}"
        real = real.encode()[:_NAME_BYTES].decode(errors="ignore")
        return real, real


def users_server(url: str, run: str) -> UsersServer:
    """Try the user's server and remove there what killed runs have left. `run` is this run's name.

    Raises UsageError for what is wrong with the address, ToolError where the server does not answer or the role may not
    do what a rehearsal needs. No message repeats the password.
    """
    login = parse(url)
    with _connected(login) as session:
        rights = session.execute(
            "SELECT rolsuper OR (rolcreatedb AND rolcreaterole) FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        if not (rights and rights[0]):
            raise ToolError(
                f"{OPTION}: the role {login.user} may not create databases and roles, which a rehearsal does for each "
                f"scenario; let a superuser run: ALTER ROLE {login.user} CREATEDB CREATEROLE"
            )
        _sweep(session)
        return UsersServer(login, run, session.info.server_version)


def parse(url: str) -> Login:
    """Read a connection URL, or libpq's `key=value` form. Raises UsageError, which does not repeat what was given."""
    try:
        parts = conninfo.conninfo_to_dict(url)
    except Error as error:
        raise UsageError(f"{OPTION}: not an address of a database; expected one like {_EXAMPLE}") from error
    if unknown := sorted(set(parts) - _KNOWN):
        raise UsageError(
            f"{OPTION}: {', '.join(unknown)} cannot be given: the application's containers get host, port, user, "
            f"password and database; expected an address like {_EXAMPLE}"
        )
    host = str(parts.get("host") or "localhost")
    if host.startswith(("/", "@")) or "," in host:
        raise UsageError(f"{OPTION}: {host}: containers connect by TCP to one host; expected {_EXAMPLE}")
    user = parts.get("user")
    if not user:
        raise UsageError(f"{OPTION}: no user given; expected an address like {_EXAMPLE}")
    try:
        port = int(parts.get("port") or 5432)
    except ValueError as error:
        raise UsageError(f"{OPTION}: the port is no number; expected an address like {_EXAMPLE}") from error
    return Login(host, port, str(user), str(parts.get("password") or ""), str(parts.get("dbname") or "postgres"))


@contextmanager
def _connected(login: Login) -> Iterator[psycopg.Connection]:
    """Connect, and put what the server says into words for the user."""
    try:
        session = sessions.connect(login)
    except OperationalError as error:
        reason = str(error).strip().replace("\n", "; ")
        raise ToolError(
            f"{OPTION}: no session with {login.host}:{login.port} as {login.user}: {reason}; check the address, or "
            f"leave the option for an embedded database ({INSTALL})"
        ) from error
    with session:
        yield session


def _sweep(session: psycopg.Connection) -> None:
    """Drop databases and roles of runs that are over: the server frees a run's lock when its session ends."""
    living = {
        number
        for (number,) in session.execute(
            "SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND classid::bigint = %s AND objsubid = 2",
            (_LOCK_CLASS,),
        )
    }
    for query, drop in (
        ("SELECT datname FROM pg_database WHERE datname ~ %s", sessions.drop_database),
        ("SELECT rolname FROM pg_roles WHERE rolname ~ %s", sessions.drop_role),
    ):
        for (name,) in session.execute(query, (rf"^{_PREFIX}_[0-9a-f]{{{_DIGITS}}}_",)).fetchall():
            if int(str(name).split("_")[1], 16) not in living:
                with suppress(Error):  # somebody else's, or another clean-up was faster
                    drop(session, str(name))


def _digits(run: str) -> str:
    """The part of the run's name that is in the names of its databases, and as a number its lock."""
    return run[:_DIGITS]
