"""Exactly which locks each statement takes, and how many rows it changes: from PostgreSQL, on a second run of it.

In the run itself only the session that holds a lock could ask for it in time, and that session is the application's. So
the statements that the log shows are executed again, in their order, each session's on a session of its own, in a copy
of the database as it was before. After each one, before its transaction ends, `pg_locks` says what has come to be
locked, and `pg_stat_xact_user_tables` what has been changed, by triggers and functions too.
"""

from __future__ import annotations

import re
import threading
import time
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from aegisgen.rehearsal.observe.attribute import NOISE, changes
from aegisgen.rehearsal.observe.bookkeeping import mentions
from aegisgen.rehearsal.observe.script import split
from aegisgen.rehearsal.observe.serverlog import COMMITTED
from aegisgen.rehearsal.observe.session import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import psycopg

    from aegisgen.rehearsal.observe.serverlog import Statement, Transaction
    from aegisgen.rehearsal.server import Login

TOTAL_SECONDS = 20
_STATEMENT_SECONDS = 10
_MOST_STATEMENTS = 3000
# How long a statement may take to ask for a table.
_PATIENCE_SECONDS = 1.0
_STEP_SECONDS = 0.001

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
_SLEEPS = re.compile(r"\s*select\b.*\bpg_sleep", re.IGNORECASE | re.DOTALL)
_SETS = re.compile(r"\s*(?:set|reset|discard)\b", re.IGNORECASE)
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


class Replays:
    """What was found out, for all scenarios: most of them execute the same statements from the same state."""

    def __init__(self) -> None:
        self._known: dict[bytes, Replayed] = {}

    def of(
        self, transactions: Sequence[Transaction], *, state: str, ignored: Iterable[str], copy: Callable[[], Ground]
    ) -> tuple[Mapping[int, Replayed], str]:
        """Return what each transaction did, by its place, and why others are missing.

        `state` tells different databases to begin with apart; `copy` makes what to execute in, where that is needed.
        `ignored` are tables to leave out, without schemas.
        """
        ignored = frozenset(ignored)
        keys = dict(_keys(transactions, state, mentions(ignored)))
        if all(key in self._known for key in keys.values()):
            return {place: self._known[key] for place, key in keys.items()}, ""
        if sum(len(one.statements) for one in transactions) > _MOST_STATEMENTS:
            return {}, f"there are more than {_MOST_STATEMENTS} statements"
        found, problem = _replay(transactions, copy, ignored)
        self._known |= {keys[place]: what for place, what in found.items()}
        return found, problem


class Ground(NamedTuple):
    """A copy of the database: a login of the application's role, and one of a superuser."""

    login: Login
    superuser: Login


def _keys(transactions: Sequence[Transaction], state: str, books: re.Pattern[str]) -> Iterator[tuple[int, bytes]]:
    """Yield a key for each transaction that matters: what it executes, and what was executed before it."""
    history = sha256(state.encode())
    for place, one in enumerate(transactions):
        if _matters(one):
            # What tools write down holds times, and differs each time.
            told = [(it.text, it.values, bool(it.error)) for it in one.statements if not books.search(it.text)]
            history.update(repr((told, one.end)).encode("utf-8", "backslashreplace"))
            yield place, history.digest()


def _replay(
    transactions: Sequence[Transaction], copy: Callable[[], Ground], ignored: frozenset[str]
) -> tuple[Mapping[int, Replayed], str]:
    found: dict[int, Replayed] = {}
    stage = None
    try:
        stage = _Stage(copy(), ignored)
        for place, transaction in enumerate(transactions):
            if _matters(transaction):
                found[place] = stage.run(transaction)
    except Differs as difference:
        return found, str(difference)
    finally:
        if stage:
            stage.close()
    return found, ""


class _Stage:
    """The copy, and a session in it for each of the first run."""

    def __init__(self, ground: Ground, ignored: frozenset[str]) -> None:
        self._ground = ground
        self._ignored = ignored
        self._sessions: dict[str, psycopg.Connection] = {}
        self._deadline = time.monotonic() + TOTAL_SECONDS

    def close(self) -> None:
        for session in self._sessions.values():
            with suppress(Exception):
                session.close()

    def run(self, transaction: Transaction) -> Replayed:
        import psycopg  # noqa: PLC0415

        if time.monotonic() > self._deadline:
            raise Differs(f"the second run took more than {TOTAL_SECONDS} s")
        try:
            run = _Run(self._session(transaction.session), self._ground, self._ignored, transaction)
            for place, statement in enumerate(transaction.statements):
                if not _skipped(statement):
                    run.execute(place, statement)
            run.end()
        except psycopg.Error as error:
            raise Differs(f"the second run differs from the first: {_first_line(error)}") from error
        return run.result()

    def _session(self, name: str) -> psycopg.Connection:
        if name not in self._sessions:
            session = connect(self._ground.login, quiet=False)
            session.execute(f"SET statement_timeout = '{_STATEMENT_SECONDS}s'")
            session.execute("SET lock_timeout = '2s'")
            self._sessions[name] = session
        return self._sessions[name]


class _Run:
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
                    raise Differs(f"a savepoint took back: {_first_line(error)}") from error
                return

    def end(self) -> None:
        self._session.execute("COMMIT" if self._transaction.end == COMMITTED else "ROLLBACK")

    def result(self) -> Replayed:
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


def _skipped(statement: Statement) -> bool:
    return bool(NOISE.match(statement.text) or _SLEEPS.match(statement.text))


def _matters(transaction: Transaction) -> bool:
    """Whether there is more to it than looking; settings of its session count, as what follows may need them."""
    sets = any(_SETS.match(one.text) for one in transaction.statements)
    return transaction.explicit or transaction.writes or sets or changes(transaction.statements)


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]
