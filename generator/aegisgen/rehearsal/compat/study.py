"""The whole study: asked once, by the scenario that runs the application's own pending migrations.

Before and after its syncs the catalogue is read and the queries are planned, in the scenario's own database. Which
migration it was, the second run tells (`observe/second_run.py`): there, the same is done after each one. For the
traffic, the migrations are executed once more among users, in a copy with the same rows.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence

import psycopg

from aegisgen.rehearsal.compat import catalogue, plans
from aegisgen.rehearsal.compat.catalogue import Catalogue, Difference
from aegisgen.rehearsal.compat.files import Query, Table
from aegisgen.rehearsal.compat.filling import fill
from aegisgen.rehearsal.compat.records import (
    NOT_PLAYED,
    NOTHING_PENDING,
    NOTHING_RAN_BEFORE,
    BrokenQuery,
    Change,
    Compatibility,
    FilledTable,
    Waits,
)
from aegisgen.rehearsal.compat.traffic import traffic
from aegisgen.rehearsal.database.copies import Before, NoCopyError
from aegisgen.rehearsal.image.knex import PREFIX
from aegisgen.rehearsal.observe.attribute import Executed
from aegisgen.rehearsal.observe.second_run import repeat
from aegisgen.rehearsal.observe.serverlog import Statement, Transaction
from aegisgen.rehearsal.outcome import MigrationRun
from aegisgen.rehearsal.postgres.sessions import Login, connect

NOTHING_FILLED = (
    "--rows filled nothing: no table was there before the pending migrations; --schema-dump or --previous makes some"
)


class Study:
    """What the user gave, and what came of it."""

    def __init__(self, queries: Sequence[Query], tables: Sequence[Table]) -> None:
        """`queries` are the running release's; `tables` say how many rows production has."""
        self.queries, self.skipped = plans.split_off_utilities(queries)
        self.tables = tables
        self.compatibility = Compatibility(0, self.skipped, 0, (), (), (), NOT_PLAYED)
        self.filled: tuple[FilledTable, ...] = ()
        self.waits: tuple[Waits, ...] = ()
        self._lock = threading.Lock()

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the rehearsal must know."""
        return (NOTHING_FILLED,) if self.tables and not self.filled else ()

    def fill(self, superuser: Login) -> None:
        """Fill the tables of a database with made rows, where the user says how many."""
        if self.tables:
            with connect(superuser, quiet=True) as session:
                filled = fill(session, self.tables)
            with self._lock:
                self.filled = self.filled or filled

    def begin(self, login: Login) -> Comparison:
        """Look at a scenario's database before its syncs."""
        return Comparison(self, login)


class Comparison:
    """One database, before and after."""

    def __init__(self, study: Study, login: Login) -> None:
        self._study = study
        self._login = login
        with connect(login) as session:
            self._old = catalogue.read(session)
            bad = plans.failures(session, study.queries)
        self._planned = [query for query in study.queries if query not in bad]
        self._ignored: frozenset[str] = frozenset()
        self._renames: tuple[str, ...] = ()
        self._broken: dict[Query, str] = {}
        self._changes: list[Difference] = []
        self._origins: dict[Query | Difference, int] = {}

    @property
    def wants_traffic(self) -> bool:
        """Whether there are tables with made rows to use."""
        return any(table.made for table in self._study.filled)

    def compare(self, ignored: Iterable[str]) -> None:
        """Look again, after the syncs; `ignored` are the tables of migration tools, without schemas."""
        self._ignored = frozenset(ignored)
        self._old = self._old.without(self._ignored)
        with connect(self._login) as session:
            new = self._read(session)
            self._broken = plans.failures(session, self._planned)
        self._changes = list(catalogue.differences(self._old, new))
        self._renames = tuple(catalogue.renames(self._old, new))

    def listener(self, migrations: Sequence[Executed]) -> Callable[[psycopg.Connection, Statement], None]:
        """Return what finds out, while they are executed once more, which migration it was."""
        ends = {
            id(migration.statements[-1]): place for place, migration in enumerate(migrations) if migration.statements
        }

        def listen(session: psycopg.Connection, statement: Statement) -> None:
            place = ends.get(id(statement))
            if place is None:
                return
            waiting = [query for query in self._broken if query not in self._origins]
            self._origins |= dict.fromkeys(plans.failures(session, waiting), place)
            now = set(catalogue.differences(self._old, self._read(session)))
            for difference in now & set(self._changes) - self._origins.keys():
                self._origins[difference] = place

        return listen

    def conclude(self, migrations: Sequence[MigrationRun]) -> None:
        """Write down what came of it."""

        def file(what: Query | Difference) -> str:
            place = self._origins.get(what)
            if place is None:
                return migrations[0].file if len(migrations) == 1 else ""
            return migrations[place].file

        study = self._study
        if not study.compatibility.unknown:
            return
        failed = next((migration.file for migration in migrations if migration.error), "")
        note = f"compared only as far as it came: {failed} failed" if failed else "" if migrations else NOTHING_PENDING
        if migrations and not self._old.relations:
            study.compatibility = study.compatibility._replace(note=NOTHING_RAN_BEFORE)
            return
        study.compatibility = Compatibility(
            planned=len(self._planned),
            skipped=study.skipped,
            unplanned=len(study.queries) - len(self._planned),
            broken=tuple(
                BrokenQuery(query.text, query.calls, query.per_second, reason, file(query))
                for query, reason in self._broken.items()
            ),
            # What a scenario adds is nobody's release.
            changes=tuple(
                Change(change.kind, change.text, file(change)) for change in self._changes if PREFIX not in file(change)
            ),
            renames=self._renames,
            note=note,
        )

    def use(
        self, transactions: Sequence[Transaction], migrations: Sequence[MigrationRun], spare: Before | None
    ) -> None:
        """Execute the migrations among users, of the filled tables that they lock, in a copy from before them."""
        locked = {lock.table for migration in migrations for lock in migration.locks if not lock.new}
        tables = sorted((table for table in self._study.filled if table.made), key=lambda table: -table.made)
        used = [table.table for table in tables if table.table in locked]
        if not used or spare is None:
            return
        try:
            _, superuser = spare.logins()
            with traffic(superuser, used) as waits:
                problem = repeat(transactions, spare)
        except (NoCopyError, psycopg.Error):
            return
        notes = ((wait, "; ".join(filter(None, (wait.note, problem)))) for wait in waits)
        self._study.waits = self._study.waits or tuple(wait._replace(note=note) for wait, note in notes)

    def _read(self, session: psycopg.Connection) -> Catalogue:
        return catalogue.read(session).without(self._ignored)
