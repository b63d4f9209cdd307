"""What a rehearsal asks of a PostgreSQL server, wherever that comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Login(NamedTuple):
    """Where a session connects to, and as whom."""

    host: str
    port: int
    user: str
    password: str
    database: str


class Server(Protocol):
    """A running server that takes TCP connections with a password.

    Databases and roles are made per scenario and dropped after it. A server of the user's own (`--database-url`) can
    neither be stopped nor configured: `own` is False, and scenarios that need that are not rehearsed on it.
    """

    @property
    def own(self) -> bool:
        """Whether this process started the server, and so may stop and configure it."""

    @property
    def version(self) -> str:
        """For people: version and origin."""

    @property
    def programs(self) -> Path | None:
        """The folder with psql, pg_dump and pg_restore of this version; None where there is none."""

    @property
    def log(self) -> Path | None:
        """The server's log in PostgreSQL's jsonlog format (statements, durations, errors); None if not `own`."""

    @property
    def superuser(self) -> Login:
        """A login that may create roles and databases."""

    def database(self, name: str, *, owner: str, password: str) -> Login:
        """Create an empty database owned by a role that is no superuser; return that role's login."""

    def drop(self, name: str) -> None:
        """Cut the database's sessions and drop it, with its role if nothing else belongs to that."""

    def stop(self) -> None:
        """Cut all sessions and stop, as a crash would. Errors: RuntimeError if not `own`."""

    def start(self) -> None:
        """Start again on the same port. Errors: RuntimeError if not `own`."""

    def settings(self) -> Mapping[str, str]:
        """Return what observers need to know, such as `deadlock_timeout`."""
