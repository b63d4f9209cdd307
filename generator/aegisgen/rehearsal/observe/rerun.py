"""One transaction, executed again, with a look at what it locks and counts after each of its statements."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, NamedTuple

from aegisgen.rehearsal.observe.script import split
from aegisgen.rehearsal.observe.serverlog import COMMITTED
from aegisgen.rehearsal.observe.session import connect

if TYPE_CHECKING:
    from collections.abc import Iterable

    import psycopg

    from aegisgen.rehearsal.observe.serverlog import Statement, Transaction
    from aegisgen.rehearsal.server import Login

# How long a statement may take to ask for a table.
_PATIENCE_SECONDS = 1.0
_STEP_SECONDS = 0.001
_READING = "AccessShareLock"

# The tables of the session's own transaction are visible to itself only, so that it must ask itself.
_LOCKS = """
SELECT l.relation::bigint, l.mode, n.nspname, c.relname FROM pg_locks l
LEFT JOIN pg_class c ON c.oid = l.relation LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE l.pid = %s AND l.locktype = 'relation' AND l.granted AND l.relation >= 16384
AND (c.relkind IS NULL OR c.relkind IN ('r', 'p', 'm', 'f'))
"""
_ASKED = """
SELECT relation::bigint, mode, granted FROM pg_locks WHERE pid = %s AND locktype = 'relation' AND relation >= 16384
"""
_TABLES = """
SELECT c.oid::bigint, n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm', 'f') AND c.oid >= 16384
"""
_ROWS = "SELECT relid::bigint, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_xact_user_tables"
_COPIES_IN = re.compile(r"\s*copy\b.*\bfrom\s+stdin\b", re.IGNORECASE | re.DOTALL)
_CONTROL = re.compile(r"\s*(?:(?P<begin>begin|start\s+transaction)|(?P<end>commit|end))\b", re.IGNORECASE)


class Taken(NamedTuple):
    """A lock that a statement took, by its place in the transaction. `new`: the transaction made the table itself."""

    statement: int
    table: str
    mode: str
    new: bool


class Replayed(NamedTuple):
    """What a transaction did. `rows` has a number for each statement."""

    taken: tuple[Taken, ...]
    rows: tuple[int, ...]
    refused: str
    """Of the statement that failed, if it was a script: the part that PostgreSQL refused."""


class Differs(Exception):  # noqa: N818 -- no error of the user's: a reason to be less exact
    """The second run cannot be had, or went otherwise than the first."""


class Ground(NamedTuple):
    """A copy of the database: a login of the application's role, and one of a superuser."""

    login: Login
    superuser: Login


class Rerun:
    """One transaction, executed again."""

    def __init__(
        self, session: psycopg.Connection, ground: Ground, ignored: frozenset[str], transaction: Transaction
    ) -> None:
        self._session = session
        self._ground = ground
        self._ignored = ignored
        self._transaction = transaction
        self._names = {oid: (schema, name) for oid, schema, name in session.execute(_TABLES).fetchall()}
        self._before = frozenset(self._names)
        self._known: set[tuple[int, str]] = set()
        self._taken: list[Taken] = []
        self._rows = [0] * len(transaction.statements)
        self._counted: dict[int, int] = {}
        self._last_text = ""
        self._refused = ""
        self._patience = _PATIENCE_SECONDS
        self._begin()

    def execute(self, place: int, statement: Statement) -> None:
        """Execute the transaction's statement at `place`. Raises Differs, and psycopg.Error where it fails only now."""
        import psycopg  # noqa: PLC0415

        if _COPIES_IN.match(statement.text):
            raise Differs("COPY FROM STDIN: what was copied is not in the log")
        pieces = (statement.text,) if statement.values else split(statement.text)
        for piece in pieces:
            if (control := _CONTROL.match(piece)) and len(pieces) > 1:
                if control["end"]:
                    self._session.execute("COMMIT")
                    self._begin()
                continue
            try:
                self._piece(place, piece, statement.values)
            except psycopg.Error as error:
                if not statement.error:
                    raise
                self._refused = piece if len(pieces) > 1 else ""
                # Nothing of it stays; what the transaction did before is of no use either, unless a savepoint held it.
                if self._transaction.end == COMMITTED:
                    raise Differs(f"a savepoint took back: {first_line(error)}") from error
                return

    def end(self) -> None:
        """End the transaction as it ended the first time."""
        self._session.execute("COMMIT" if self._transaction.end == COMMITTED else "ROLLBACK")

    def result(self) -> Replayed:
        """Return what was seen."""
        return Replayed(tuple(self._taken), tuple(self._rows), self._refused)

    def _piece(self, place: int, text: str, values: tuple[str | None, ...]) -> None:
        from psycopg import RawCursor, errors  # noqa: PLC0415

        cursor = RawCursor(self._session)
        try:
            cursor.execute(text.encode(), values or None)
        except errors.ActiveSqlTransaction:
            self._session.execute("ROLLBACK")
            self._outside(place, text)
            self._begin()
            return
        # The same again, as in a loop that inserts, locks nothing new.
        if text != self._last_text:
            self._look(place)
        self._last_text = text
        self._count(place)

    def _look(self, place: int) -> None:
        rows = self._session.execute(_LOCKS, (self._session.info.backend_pid,), prepare=True).fetchall()
        for oid, mode, schema, name in rows:
            if schema is not None:
                self._names[oid] = (schema, name)
            self._take(place, oid, mode)

    def _take(self, place: int, oid: int, mode: str) -> None:
        schema, name = self._names.get(oid, ("", ""))
        if (oid, mode) in self._known or not name or name in self._ignored:
            return
        self._known.add((oid, mode))
        table = name if schema == "public" else f"{schema}.{name}"
        self._taken.append(Taken(place, table, mode, oid not in self._before))

    def _begin(self) -> None:
        self._session.execute("BEGIN")
        # Counts of the session's earlier transactions stay until PostgreSQL collects them, once a second.
        self._counted = dict(self._session.execute(_ROWS, prepare=True).fetchall())

    def _count(self, place: int) -> None:
        for oid, total in self._session.execute(_ROWS, prepare=True).fetchall():
            if self._names.get(oid, ("", ""))[1] not in self._ignored:
                self._rows[place] += total - self._counted.get(oid, 0)
            self._counted[oid] = total

    def _outside(self, place: int, text: str) -> None:
        """Execute what must not be in a transaction, such as CREATE INDEX CONCURRENTLY, and look on meanwhile.

        It is made to wait for a lock on every table first, so that what it asks for is seen however short it needs it.
        """
        pid = self._session.info.backend_pid
        failures: list[BaseException] = []

        def execute() -> None:
            try:
                self._session.execute(text.encode())
            except BaseException as error:  # raised again below, in the thread that asked
                failures.append(error)

        with connect(self._ground.superuser) as watcher, connect(self._ground.superuser) as barrier:
            thread = threading.Thread(target=execute, daemon=True)
            _block_all(barrier, self._names.values())
            thread.start()
            waited = False
            while thread.is_alive():
                rows = watcher.execute(_ASKED, (pid,), prepare=True).fetchall()
                for oid, mode, _ in rows:
                    # Whoever reads takes that, for moments that are seen by chance.
                    if mode != _READING:
                        self._take(place, oid, mode)
                if not waited and (not all(granted for *_, granted in rows) or self._late(thread)):
                    barrier.execute("ROLLBACK")
                    waited = True
            thread.join()
        if failures:
            raise failures[0]

    def _late(self, thread: threading.Thread) -> bool:
        """Whether the statement waits for something else than a table: nothing is to be seen then."""
        thread.join(_STEP_SECONDS)
        self._patience -= _STEP_SECONDS
        return self._patience <= 0


def _block_all(barrier: psycopg.Connection, tables: Iterable[tuple[str, str]]) -> None:
    from psycopg import sql  # noqa: PLC0415

    barrier.execute("BEGIN")
    for schema, name in tables:
        barrier.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(sql.Identifier(schema, name)))


def first_line(error: Exception) -> str:
    """Return what an error says, without where in which statement."""
    return str(error).split("\n", 1)[0]
