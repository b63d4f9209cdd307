"""A server of the user's own: databases and roles come and go there, the server itself is left alone."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

from aegisgen.errors import ToolError, UsageError
from aegisgen.rehearsal.postgres import sessions
from aegisgen.rehearsal.postgres.installation import CLIENT_PROGRAMS, INSTALL, installations
from aegisgen.rehearsal.server import Login

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import psycopg

    from aegisgen.rehearsal.leftovers import Workspace

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


class UsersServer:
    """A `Server` that was there before. Databases and roles get names of the run's own."""

    own = False
    log = None

    def __init__(self, login: Login, run: str, version: int) -> None:
        """`version` is as libpq gives it: 150004 for PostgreSQL 15.4."""
        self._login = login
        self._run = run
        self._major = version // 10000
        self._made: dict[str, str] = {}
        self.version = f"PostgreSQL {self._major}.{version % 10000}, at {login.host}:{login.port} ({OPTION})"

    @property
    def programs(self) -> Path | None:
        """The client programs of this major version or, as pg_dump reads older servers too, the next later one."""
        fitting = [
            one
            for one in installations()
            if one.version[0] >= self._major and all((one.programs / program).exists() for program in CLIENT_PROGRAMS)
        ]
        return min(fitting, key=lambda one: one.version).programs if fitting else None

    @property
    def superuser(self) -> Login:
        """The login that the user gave; it may create databases and roles, and need not be a superuser."""
        return self._login

    def database(self, name: str, *, owner: str, password: str) -> Login:
        """Create an empty database and its role. Both have a name of their own, which the login gives, not these."""
        real = f"{_PREFIX}_{_digits(self._run)}_{next(_NUMBERS)}_{name}_{owner}"
        real = real.encode()[:_NAME_BYTES].decode(errors="ignore")
        self._made[name] = real
        with sessions.connect(self._login) as session:
            sessions.create_role(session, real, password)
            sessions.join_role(session, real)
            sessions.create_database(session, real, real)
        return self._login._replace(user=real, password=password, database=real)

    def drop(self, name: str) -> None:
        """Cut the database's sessions and drop it, with its role."""
        if real := self._made.pop(name, None):
            with sessions.connect(self._login) as session:
                sessions.drop_database(session, real)
                sessions.drop_role(session, real)

    def drop_all(self) -> None:
        """Drop whatever is left."""
        for name in tuple(self._made):
            self.drop(name)

    def stop(self) -> None:
        """Not here. Raises RuntimeError."""
        raise RuntimeError(f"the server of {OPTION} is not ours to stop")

    def start(self) -> None:
        """Not here. Raises RuntimeError."""
        raise RuntimeError(f"the server of {OPTION} is not ours to start")

    def settings(self) -> Mapping[str, str]:
        """Return every setting, worded as SHOW does."""
        with sessions.connect(self._login) as session:
            return sessions.settings(session)


class UsersServers(NamedTuple):
    """Gives the user's own server, the same each time."""

    login: Login
    run: str
    number: int
    """The server's version, as libpq gives it."""

    @property
    def version(self) -> str:
        """For people: version and address."""
        return UsersServer(self.login, self.run, self.number).version

    @contextmanager
    def server(self) -> Iterator[UsersServer]:
        """Use the server for the block; the clean-up of other runs leaves alone what is made meanwhile."""
        with ExitStack() as stack:
            keeper = stack.enter_context(_connected(self.login))
            keeper.execute("SELECT pg_advisory_lock_shared(%s, %s)", (_LOCK_CLASS, int(_digits(self.run), 16)))
            server = UsersServer(self.login, self.run, self.number)
            stack.callback(server.drop_all)
            yield server


def users_servers(url: str, run: Workspace) -> UsersServers:
    """Try the user's server and remove there what killed runs have left.

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
        return UsersServers(login, run.name, session.info.server_version)


def parse(url: str) -> Login:
    """Read a connection URL, or libpq's `key=value` form. Raises UsageError, which does not repeat what was given."""
    sessions.require_driver()
    from psycopg import Error, conninfo  # noqa: PLC0415

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
    sessions.require_driver()
    from psycopg import OperationalError  # noqa: PLC0415

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
    from psycopg import Error  # noqa: PLC0415

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
