"""One scenario's observation: everything that its database did, until it is asked."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from aegisgen.rehearsal.database.copies import EMPTY, Before
from aegisgen.rehearsal.observe import recorded
from aegisgen.rehearsal.observe.attribute import Executed, executed
from aegisgen.rehearsal.observe.bookkeeping import bookkeeping_tables
from aegisgen.rehearsal.observe.migrations import assemble
from aegisgen.rehearsal.observe.second_run import SecondRuns
from aegisgen.rehearsal.observe.serverlog import Transaction, read, transactions
from aegisgen.rehearsal.observe.squawk import Adviser
from aegisgen.rehearsal.outcome import Advice, MigrationRun
from aegisgen.rehearsal.postgres.server import Server
from aegisgen.rehearsal.postgres.sessions import NOT_MIGRATING, Login, connect
from aegisgen.rehearsal.sources import Files

if TYPE_CHECKING:  # a study has migrations executed a second time, by this package
    from aegisgen.rehearsal.compat.study import Comparison, Study

UNREVIEWED = (
    "squawk reviewed nothing that ran on an empty database, where nobody knows which migrations are new: --schema-dump "
    "says it, --squawk-all reviews all"
)
# How long the log may lag behind; its writer is another process.
_LOG_SECONDS = 3
_POLL_SECONDS = 0.01


class Observer:
    """Watches scenarios, several at once if need be; remembers what it has once found out."""

    def __init__(self, *, app: Path | None, pending_only: bool = False) -> None:
        """`app` is the application's folder: migrations of its own are reviewed, with its own settings of squawk.

        `pending_only`: not those that ran in a database that was empty, as nobody knows which of them are new.
        """
        self.app = app
        self.pending_only = pending_only
        self.unreviewed = False
        """Whether some were left out for that reason."""
        self.adviser = Adviser(app)
        self.second_runs = SecondRuns()

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the rehearsal must know of the observation as a whole."""
        return (*([UNREVIEWED] if self.unreviewed else []), *self.adviser.problems)

    @contextmanager
    def watch(
        self,
        server: Server,
        login: Login,
        *,
        elapsed: float = 0.0,
        app: Path | None = None,
        study: Study | None = None,
    ) -> Iterator[Observation]:
        """Observe a database from now on; nobody else may be connected to it at this moment.

        The scenario began `elapsed` seconds ago: the records' `began` counts from then. `app` is its copy of the
        application, where it has one. `study` asks whether what ran before survives what runs now.
        """
        comparison = study.begin(login) if study else None
        observation = Observation(self, server, login, elapsed, app or self.app, comparison=comparison)
        try:
            yield observation
        finally:
            observation.close()


class Observation:
    """What `Observer.watch` gives."""

    def __init__(
        self,
        observer: Observer,
        server: Server,
        login: Login,
        elapsed: float,
        app: Path | None,
        *,
        comparison: Comparison | None,
    ) -> None:
        self._since = time.time()
        self._start = self._since - elapsed
        self._observer = observer
        self._server = server
        self._login = login
        self._app = app
        self._comparison = comparison
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
        log, comparison = self._server.log, self._comparison
        if log is None:
            after = recorded.recorded(self._login)
            records = recorded.migrations(self._recorded, after, Files(self._app), self._since, self._start)
            if comparison:
                comparison.compare(bookkeeping_tables(()))
        else:
            self._wait_for(log)
            done = transactions(read(log, self._offset, self._login.database), ignored=NOT_MIGRATING)
            records = self._executed(done, logs)
        if comparison:
            comparison.conclude(records)
        return records

    def _executed(self, done: Sequence[Transaction], logs: Iterable[str]) -> tuple[MigrationRun, ...]:
        """Return what the log tells of the migrations, with what their second run shows."""
        migrations, comparison, listener = executed(done), self._comparison, None
        if not migrations:
            return ()
        ignored = bookkeeping_tables(statement for transaction in done for statement in transaction.statements)
        if comparison:
            comparison.compare(ignored)
            listener = comparison.listener(migrations)
        with self._before.spare() if comparison and comparison.wants_traffic else nullcontext() as spare:
            effects, missing = self._observer.second_runs.of(done, self._before, ignored, listener)
            records = assemble(
                migrations,
                {id(done[place]): effect for place, effect in effects.items()},
                missing,
                Files(self._app),
                logs=logs,
                applied=[row.name for row in self._recorded],
                start=self._start,
            )
            if comparison:
                comparison.use(done, records, spare)
        return tuple(
            record._replace(advice=self._advice(record, migration))
            for record, migration in zip(records, migrations, strict=True)
        )

    def _advice(self, record: MigrationRun, migration: Executed) -> tuple[Advice, ...]:
        if self._observer.pending_only and self._before.state == EMPTY:
            self._observer.unreviewed = True
            return ()
        inside = all(part.transaction.explicit for part in migration.parts)
        return self._observer.adviser.advice(record, self._server.version, in_transaction=inside)

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
