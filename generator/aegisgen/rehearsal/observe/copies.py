"""Copies of a scenario's database as it was before: what is executed again is executed there."""

from __future__ import annotations

import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

from aegisgen.rehearsal.observe.rerun import Differs, Ground
from aegisgen.rehearsal.observe.session import connect, session_errors

if TYPE_CHECKING:
    from aegisgen.rehearsal.server import Login, Server

EMPTY = "empty"
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


class Copies:
    """Makes at most one copy: now, or, of a database that is empty, when it is needed."""

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
            with connect(server.superuser._replace(database=login.database)) as session:
                row = session.execute(_STATE).fetchone()
            self.state = str(row[0]) if row else EMPTY
            if self.state != EMPTY:
                self._create(login.database)
        except session_errors() as error:
            self._problem = f"the database could not be copied: {str(error).splitlines()[0]}"

    def ground(self) -> Ground:
        """Return the copy. Raises Differs where there is none."""
        if not self._problem and not self._name:
            try:
                self._create("template0")
            except session_errors() as error:
                self._problem = f"there is no database to execute it again in: {str(error).splitlines()[0]}"
        if self._problem:
            raise Differs(self._problem)
        return Ground(self._login._replace(database=self._name), self._server.superuser._replace(database=self._name))

    def drop(self) -> None:
        """Remove the copy, if there is one and the server still answers."""
        if self._name:
            with suppress(*session_errors()), connect(self._server.superuser) as session:
                session.execute(f'DROP DATABASE IF EXISTS "{self._name}" WITH (FORCE)')

    def _create(self, template: str) -> None:
        name = f"{self._login.database[:40]}_observed_{secrets.token_hex(4)}"
        with connect(self._server.superuser) as session:
            session.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" OWNER "{self._login.user}"')
        self._name = name
