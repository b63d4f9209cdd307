"""One scenario's observation: everything that its database did, until it is asked."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from aegisgen.rehearsal.database.copies import Before
from aegisgen.rehearsal.observe import recorded
from aegisgen.rehearsal.observe.attribute import executed
from aegisgen.rehearsal.observe.bookkeeping import bookkeeping_tables
from aegisgen.rehearsal.observe.migrations import assemble
from aegisgen.rehearsal.observe.second_run import SecondRuns
from aegisgen.rehearsal.observe.serverlog import read, transactions
from aegisgen.rehearsal.observe.squawk import Adviser
from aegisgen.rehearsal.outcome import MigrationRun
from aegisgen.rehearsal.postgres.server import Server
from aegisgen.rehearsal.postgres.sessions import NOT_MIGRATING, Login, connect
from aegisgen.rehearsal.sources import Files

# How long the log may lag behind; its writer is another process.
_LOG_SECONDS = 3
_POLL_SECONDS = 0.01


class Observer:
    """Watches scenarios, several at once if need be; remembers what it has once found out."""

    def __init__(self, *, app: Path | None) -> None:
        """`app` is the application's folder: migrations of its own are reviewed, with its own settings of squawk."""
        self.app = app
        self.adviser = Adviser(app)
        self.second_runs = SecondRuns()

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the rehearsal must know of the observation as a whole."""
        return self.adviser.problems

    @contextmanager
    def watch(
        self, server: Server, login: Login, *, elapsed: float = 0.0, app: Path | None = None
    ) -> Iterator[Observation]:
        """Observe a database from now on; nobody else may be connected to it at this moment.

        The scenario began `elapsed` seconds ago: the records' `began` counts from then. `app` is its copy of the
        application, where it has one.
        """
        observation = Observation(self, server, login, elapsed, app or self.app)
        try:
            yield observation
        finally:
            observation.close()


class Observation:
    """What `Observer.watch` gives."""

    def __init__(self, observer: Observer, server: Server, login: Login, elapsed: float, app: Path | None) -> None:
        self._since = time.time()
        self._start = self._since - elapsed
        self._observer = observer
        self._server = server
        self._login = login
        self._app = app
        self._before = Before(server, login)
        self._offset = server.log.stat().st_size if server.log and server.log.exists() else 0
        self._recorded = recorded.recorded(login)

    def close(self) -> None:
        """Remove what was made for it."""
        self._before.drop()

    def migrations(self, logs: Iterable[str] = ()) -> tuple[MigrationRun, ...]:
        """Return the migrations that ran, in their order, those that failed or were cut off among them.

        `logs` are those of the containers, in order: a failed migration has no row, but its tool names it in the log.
        To be called once, when everything has ended, while database and server are still there.
        """
        log, files = self._server.log, Files(self._app)
        if log is None:
            return recorded.migrations(self._recorded, recorded.recorded(self._login), files, self._since, self._start)
        self._wait_for(log)
        done = transactions(read(log, self._offset, self._login.database), ignored=NOT_MIGRATING)
        migrations = executed(done)
        if not migrations:
            return ()
        ignored = bookkeeping_tables(statement for transaction in done for statement in transaction.statements)
        effects, missing = self._observer.second_runs.of(done, self._before, ignored)
        records = assemble(
            migrations,
            {id(done[place]): effect for place, effect in effects.items()},
            missing,
            files,
            logs=logs,
            applied=[row.name for row in self._recorded],
            start=self._start,
        )
        advised = []
        for record, migration in zip(records, migrations, strict=True):
            inside = all(part.transaction.explicit for part in migration.parts)
            advice = self._observer.adviser.advice(record, self._server.version, in_transaction=inside)
            advised.append(record._replace(advice=advice))
        return tuple(advised)

    def _wait_for(self, log: Path) -> None:
        """Wait until the log has come to this moment: a statement of our own is written after all the others."""
        sign = f"aegisgen-observed-{secrets.token_hex(8)}"
        try:
            with connect(self._server.superuser._replace(database=self._login.database)) as session:
                session.execute(f"SELECT '{sign}'")
        except psycopg.Error:
            return
        deadline = time.monotonic() + _LOG_SECONDS
        with log.open("rb") as file:
            file.seek(self._offset)
            rest = b""
            while time.monotonic() < deadline:
                rest = rest[-len(sign) :] + file.read()
                if sign.encode() in rest:
                    return
                time.sleep(_POLL_SECONDS)
