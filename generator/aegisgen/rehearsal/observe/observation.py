"""One scenario's observation: everything that its database did, until it is asked."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from aegisgen.rehearsal.database.copies import Before
from aegisgen.rehearsal.observe import recorded
from aegisgen.rehearsal.observe.attribute import executed
from aegisgen.rehearsal.observe.bookkeeping import bookkeeping_tables
from aegisgen.rehearsal.observe.files import Files
from aegisgen.rehearsal.observe.migrations import Evidence, assemble
from aegisgen.rehearsal.observe.sample import Sampler
from aegisgen.rehearsal.observe.second_run import SecondRuns
from aegisgen.rehearsal.observe.serverlog import read, transactions
from aegisgen.rehearsal.observe.squawk import Adviser
from aegisgen.rehearsal.outcome import MigrationRun
from aegisgen.rehearsal.postgres.server import Server
from aegisgen.rehearsal.postgres.sessions import NOT_MIGRATING, Login, connect

# How long the log may lag behind; its writer is another process.
_LOG_SECONDS = 3
_POLL_SECONDS = 0.01
_NAMES = """
SELECT c.oid::bigint, CASE n.nspname WHEN 'public' THEN c.relname ELSE n.nspname || '.' || c.relname END
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'm', 'f') AND c.oid >= 16384
"""


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
        self, server: Server, login: Login, *, clock: Callable[[], float] | None = None, app: Path | None = None
    ) -> Iterator[Observation]:
        """Observe a database from now on; nobody else may be connected to it at this moment.

        `clock` gives the scenario's time, by default the seconds since now: the records' `began` is of that time, their
        durations are real. `app` is the scenario's copy of the application, where it has one.
        """
        start = time.monotonic()
        observation = Observation(self, server, login, clock or (lambda: time.monotonic() - start), app or self.app)
        try:
            yield observation
        finally:
            observation.close()


class Observation:
    """What `Observer.watch` gives."""

    def __init__(
        self, observer: Observer, server: Server, login: Login, clock: Callable[[], float], app: Path | None
    ) -> None:
        self._observer = observer
        self._server = server
        self._login = login
        self._superuser = server.superuser._replace(database=login.database)
        self._app = app
        self._before = Before(server, login)
        self._offset = server.log.stat().st_size if server.log and server.log.exists() else 0
        self._start = time.time()
        self._recorded = recorded.recorded(login)
        self._sampler = Sampler(server.superuser, login.database, quiet=server.own, clock=clock)
        self._sampler.start()

    def close(self) -> None:
        """Stop looking, and remove what was made for it."""
        self._sampler.stop()
        self._before.drop()

    def migrations(self, logs: Iterable[str] = ()) -> tuple[MigrationRun, ...]:
        """Return the migrations that ran, in their order, those that failed or were cut off among them.

        `logs` are those of the containers, in order: a failed migration has no row, but its tool names it in the log.
        To be called once, when everything has ended, while database and server are still there.
        """
        log = self._server.log
        if log is None:
            return recorded.migrations(
                self._recorded,
                recorded.recorded(self._login),
                files=Files(self._app),
                samples=self._sampler.stop(),
                tables=self._tables(bookkeeping_tables(())),
                start=self._start,
                scenario_time=self._sampler.scenario_time,
            )
        self._wait_for(log)
        samples = self._sampler.stop()
        done = transactions(read(log, self._offset, self._login.database), ignored=NOT_MIGRATING)
        found = executed(done)
        if not found:
            return ()
        ignored = bookkeeping_tables(one for transaction in done for one in transaction.statements)
        effects, missing = self._observer.second_runs.of(done, self._before, ignored)
        by_identity = {id(done[place]): effect for place, effect in effects.items()}
        records = assemble(
            found,
            Evidence(by_identity, missing, samples, self._tables(ignored)),
            Files(self._app),
            logs=logs,
            applied=[row.name for row in self._recorded],
            scenario_time=self._sampler.scenario_time,
        )
        advice = self._observer.adviser.advice
        return tuple(
            record._replace(advice=advice(record, one, self._server.version))
            for record, one in zip(records, found, strict=True)
        )

    def _tables(self, ignored: Iterable[str]) -> dict[int, str]:
        """The names of the tables by their numbers, which is what samples have."""
        with suppress(psycopg.Error), connect(self._superuser, quiet=self._server.own) as session:
            return {oid: name for oid, name in session.execute(_NAMES).fetchall() if name not in ignored}
        return {}

    def _wait_for(self, log: Path) -> None:
        """Wait until the log has come to this moment: a statement of our own is written after all the others."""
        sign = f"aegisgen-observed-{secrets.token_hex(8)}"
        try:
            with connect(self._superuser) as session:
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
