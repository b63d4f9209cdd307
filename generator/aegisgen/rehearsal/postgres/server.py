"""What a rehearsal asks of a PostgreSQL server, wherever that comes from."""

from __future__ import annotations

from pathlib import Path

from aegisgen.rehearsal.postgres import sessions
from aegisgen.rehearsal.postgres.sessions import Login


class Server:
    """A running server that takes TCP connections with a password.

    Databases and roles are made per scenario and dropped after it.
    """

    own = True
    """Whether this process started the server, and so may stop and configure it."""
    version: str
    """For people: version and origin."""
    programs: Path | None
    """The folder with psql, pg_dump and pg_restore that fit the server; None where there is none."""
    log: Path | None = None
    """The server's log in PostgreSQL's jsonlog format (statements, durations, errors); None if not `own`."""
    superuser: Login
    """A login that may create roles and databases; of the user's own server it need not be a superuser's."""

    def __init__(self) -> None:
        self._names: dict[str, tuple[str, str]] = {}
        """The databases made here, as callers name them: the server's names of the database and of its role."""

    def stop(self) -> None:
        """Cut all sessions and stop, as a crash would. Raises RuntimeError if not `own`."""
        raise RuntimeError(f"{self.version} is not ours to stop")

    def start(self) -> None:
        """Start again on the same port; nothing happens if it runs. Raises RuntimeError if not `own`."""
        raise RuntimeError(f"{self.version} is not ours to start")

    def database(self, name: str, *, owner: str, password: str) -> Login:
        """Create an empty database owned by a role that is no superuser, made if need be; return that role's login."""
        database, role = self._names[name] = self._named(name, owner)
        with sessions.connect(self.superuser) as session:
            sessions.create_role(session, role, password)
            sessions.join_role(session, role)
            sessions.create_database(session, database, role)
        return self.superuser._replace(user=role, password=password, database=database)

    def drop(self, name: str) -> None:
        """Cut the database's sessions and drop it, with its role if nothing else belongs to that."""
        if name in self._names:
            database, role = self._names.pop(name)
            with sessions.connect(self.superuser) as session:
                sessions.drop_database(session, database)
                sessions.drop_role(session, role)

    def drop_all(self) -> None:
        """Drop whatever databases are left."""
        for name in tuple(self._names):
            self.drop(name)

    def _named(self, name: str, owner: str) -> tuple[str, str]:
        """Return what the server is to call a database and its role."""
        return name, owner
