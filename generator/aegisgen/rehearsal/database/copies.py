"""Copies of a database: as it was before a scenario, and as a release left it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from copy import copy

import psycopg
from psycopg import sql

from aegisgen.rehearsal.postgres import sessions
from aegisgen.rehearsal.postgres.server import Server
from aegisgen.rehearsal.postgres.sessions import Login

EMPTY = "empty"
_PREFIX = "aegisgen_snapshot_"
# Whatever was made by somebody: such objects have numbers from 16384 on (FirstNormalObjectId). The size tells apart
# databases with the same tables and other rows.
_STATE = """
SELECT coalesce(md5(string_agg(what, ',' ORDER BY what)) || pg_database_size(current_database()), 'empty') FROM (
SELECT relnamespace::regnamespace || '.' || relname FROM pg_class WHERE oid >= 16384
UNION ALL SELECT nspname FROM pg_namespace WHERE oid >= 16384
UNION ALL SELECT extname FROM pg_extension WHERE oid >= 16384
UNION ALL SELECT proname FROM pg_proc WHERE oid >= 16384
UNION ALL SELECT typname FROM pg_type WHERE oid >= 16384) AS made (what)
"""


class NoCopyError(Exception):
    """There is no copy. The message says why."""


def keep(server: Server, login: Login, name: str) -> None:
    """Keep a copy of a database that nobody uses any more: `restore` takes a tenth of the time that it took to make."""
    with sessions.connect(server.superuser) as session:
        sessions.create_database(session, _PREFIX + name, login.user, template=login.database)


def restore(server: Server, login: Login, name: str) -> None:
    """Put the copy that was kept into the place of a database."""
    with sessions.connect(server.superuser) as session:
        sessions.drop_database(session, login.database)
        sessions.create_database(session, login.database, login.user, template=_PREFIX + name)


@contextmanager
def replaceable(server: Server, login: Login) -> Iterator[None]:
    """Let a role put a new database in its own one's place during the block; what it kept of the old is dropped."""
    role = sql.Identifier(login.user)
    with sessions.connect(server.superuser) as session:
        session.execute(sql.SQL("ALTER ROLE {} CREATEDB").format(role))
        yield
        session.execute(sql.SQL("ALTER ROLE {} NOCREATEDB").format(role))
        query = "SELECT datname FROM pg_database WHERE starts_with(datname, %s)"
        for (kept,) in session.execute(query, (f"{login.database}_before_",)).fetchall():
            sessions.drop_database(session, kept)


class Before:
    """At most one copy of a scenario's database as it was: made now or, of one that is empty, when it is needed."""

    def __init__(self, server: Server, login: Login) -> None:
        self._server = server
        self._login = login
        self._name = ""
        self._problem = "" if server.own else "the server is not our own"
        self.state = EMPTY
        """Tells databases that differ apart."""
        if not server.own:
            return
        try:
            with sessions.connect(server.superuser._replace(database=login.database), quiet=True) as session:
                row = session.execute(_STATE).fetchone()
            self.state = str(row[0]) if row else EMPTY
            if self.state != EMPTY:
                self._create(login.database)
        except psycopg.Error as error:
            self._problem = f"the database could not be copied: {str(error).splitlines()[0]}"

    def logins(self) -> tuple[Login, Login]:
        """Return logins to the copy, the application's and a superuser's. Raises NoCopyError."""
        if not self._problem and not self._name:
            try:
                self._create("template0")
            except psycopg.Error as error:
                self._problem = f"there is no database to execute it again in: {str(error).splitlines()[0]}"
        if self._problem:
            raise NoCopyError(self._problem)
        return self._login._replace(database=self._name), self._server.superuser._replace(database=self._name)

    @contextmanager
    def spare(self) -> Iterator[Before | None]:
        """Give a further copy during the block, as long as nothing has changed the first; None where there is none."""
        spare = copy(self)
        try:
            if self._name and not self._problem:
                with suppress(psycopg.Error):
                    spare._create(self._name)
            yield spare if spare._name != self._name else None
        finally:
            if spare._name != self._name:
                spare.drop()

    def drop(self) -> None:
        """Remove the copy, if there is one and the server still answers."""
        if self._name:
            login = self._server.superuser
            with suppress(psycopg.Error), sessions.connect(login, quiet=True) as session:
                sessions.drop_database(session, self._name)

    def _create(self, template: str) -> None:
        name = f"{self._login.database[:40]}_observed_{secrets.token_hex(4)}"
        with sessions.connect(self._server.superuser, quiet=True) as session:
            sessions.create_database(session, name, self._login.user, template=template)
        self._name = name
