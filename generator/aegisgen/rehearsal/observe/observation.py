"""One scenario's observation: everything that its database did, until it is asked."""

from __future__ import annotations

import secrets
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from aegisgen.rehearsal.observe import remote
from aegisgen.rehearsal.observe.attribute import executed
from aegisgen.rehearsal.observe.bookkeeping import bookkeeping_tables
from aegisgen.rehearsal.observe.files import Files
from aegisgen.rehearsal.observe.migrations import Evidence, assemble
from aegisgen.rehearsal.observe.serverlog import read, transactions
from aegisgen.rehearsal.observe.session import IGNORED, connect, session_errors

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from aegisgen.rehearsal.observe.advise import Adviser
    from aegisgen.rehearsal.observe.copies import Copies
    from aegisgen.rehearsal.observe.replay import Replays
    from aegisgen.rehearsal.observe.rerun import Replayed
    from aegisgen.rehearsal.observe.sample import Sampler
    from aegisgen.rehearsal.outcome import MigrationRun
    from aegisgen.rehearsal.server import Login, Server

# How long the log may lag behind; its writer is another process.
_LOG_SECONDS = 3
_POLL_SECONDS = 0.01
_NAMES = """
SELECT c.oid::bigint, CASE n.nspname WHEN 'public' THEN c.relname ELSE n.nspname || '.' || c.relname END
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'm', 'f') AND c.oid >= 16384
"""


class Observation:
    """What `Observer.watch` gives."""

    def __init__(
        self,
        *,
        server: Server,
        login: Login,
        sampler: Sampler,
        copies: Copies,
        replays: Replays,
        offset: int,
        app: Path | None,
        adviser: Adviser,
    ) -> None:
        self._server = server
        self._login = login
        self._sampler = sampler
        self._copies = copies
        self._replays = replays
        self._offset = offset
        self._app = app
        self._adviser = adviser
        self._start = time.time()
        self._recorded = remote.recorded(login)

    def migrations(self, logs: Iterable[str] = ()) -> tuple[MigrationRun, ...]:
        """Return the migrations that ran, in their order, those that failed or were cut off among them.

        `logs` are those of the containers, in order: a migration that fails is recorded nowhere, but its tool names it.
        To be called once, when everything has ended, while database and server are still there.
        """
        log = self._server.log
        if log is None:
            return self._remote()
        self._wait_for(log)
        samples = self._sampler.stop()
        done = transactions(read(log, self._offset, self._login.database), ignored=IGNORED)
        found = executed(done)
        ignored = bookkeeping_tables(one for transaction in done for one in transaction.statements)
        replayed: Mapping[int, Replayed] = {}
        missing = ""
        if found:
            state, ground = self._copies.state, self._copies.ground
            replayed, missing = self._replays.of(done, state=state, ignored=ignored, copy=ground)
        by_identity = {id(done[place]): what for place, what in replayed.items()}
        evidence = Evidence(by_identity, missing, samples, self._tables(ignored))
        files = Files(self._app) if found else Files(None)
        records = assemble(
            found,
            evidence,
            files,
            logs=logs,
            applied=[row.name for row in self._recorded],
            scenario_time=self._sampler.scenario_time,
        )
        return tuple(
            record._replace(advice=self._adviser.advice(record, one, self._server.version))
            for record, one in zip(records, found, strict=True)
        )

    def _remote(self) -> tuple[MigrationRun, ...]:
        return remote.migrations(
            self._recorded,
            remote.recorded(self._login),
            files=Files(self._app),
            samples=self._sampler.stop(),
            tables=self._tables(bookkeeping_tables(())),
            start=self._start,
            scenario_time=self._sampler.scenario_time,
        )

    def _tables(self, ignored: Iterable[str]) -> dict[int, str]:
        """The names of the tables by their numbers, which is what samples have."""
        superuser = self._server.superuser._replace(database=self._login.database)
        with suppress(*session_errors()), connect(superuser, quiet=self._server.own) as session:
            return {oid: name for oid, name in session.execute(_NAMES).fetchall() if name not in ignored}
        return {}

    def _wait_for(self, log: Path) -> None:
        """Wait until the log has come to this moment: a statement of our own is written after all the others."""
        sign = f"aegisgen-observed-{secrets.token_hex(8)}"
        superuser = self._server.superuser._replace(database=self._login.database)
        try:
            with connect(superuser, quiet=False) as session:
                session.execute(f"SELECT '{sign}'")
        except session_errors():
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
