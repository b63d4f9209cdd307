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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from typing import NamedTuple

import psycopg
from psycopg import RawCursor, errors, sql

from aegisgen.rehearsal.database.copies import Before, NoCopyError
from aegisgen.rehearsal.observe.attribute import NOISE, changes
from aegisgen.rehearsal.observe.bookkeeping import mentions
from aegisgen.rehearsal.observe.script import split
from aegisgen.rehearsal.observe.serverlog import COMMITTED, Statement, Transaction
from aegisgen.rehearsal.postgres.sessions import Login, connect

TOTAL_SECONDS = 20
# How much longer than the first one it may take.
_SLOWER = 3
_MOST_STATEMENTS = 3000
# How long a statement may take to ask for a table.
_PATIENCE_SECONDS = 1.0
_STEP_SECONDS = 0.001
_READING = "AccessShareLock"
_SLEEPS = re.compile(r"\s*select\b.*\bpg_sleep", re.IGNORECASE | re.DOTALL)
_SETS = re.compile(r"\s*(?:set|reset|discard)\b", re.IGNORECASE)
_COPIES_IN = re.compile(r"(?:^|;)\s*copy\b.*\bfrom\s+stdin\b", re.IGNORECASE | re.DOTALL)
_CONTROL = re.compile(r"\s*(?:(?P<begin>begin|start\s+transaction)|(?P<end>commit|end))\b", re.IGNORECASE)

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


# Rewritten tables get a new file (PostgreSQL's documentation, "Database File Layout"), and so do emptied ones.
_FILES = "SELECT oid::bigint, relfilenode::bigint FROM pg_class WHERE relkind IN ('r', 'm') AND oid >= 16384"
_EMPTIES = re.compile(r"\s*truncate\b", re.IGNORECASE)
_ROW_BY_ROW = re.compile(r"\s*(?:select|insert|update|delete|with)\b", re.IGNORECASE)

Listener = Callable[[psycopg.Connection, Statement], None]
"""Is called after each statement, with the session that executed it, in its transaction."""


class Taken(NamedTuple):
    """A lock that a statement took, by its place in the transaction. `new`: the transaction made the table itself."""

    statement: int
    table: str
    mode: str
    new: bool


class Effects(NamedTuple):
    """What a transaction did."""

    taken: tuple[Taken, ...]
    rows: tuple[int, ...] | None
    """A number for each statement; None where rows were copied from the client, which no log has."""
    refused: str
    """Of the statement that failed, if it was a script: the part that PostgreSQL refused."""
    rewritten: tuple[tuple[int, str], ...] = ()
    """Tables that a statement, by its place, wrote anew."""


class _DiffersError(Exception):
    """The second run went otherwise than the first. The message says how."""


class SecondRuns:
    """What was found out, for all scenarios: most of them execute the same statements from the same state."""

    def __init__(self) -> None:
        self._known: dict[bytes, Effects] = {}

    def of(
        self,
        transactions: Sequence[Transaction],
        before: Before,
        ignored: Iterable[str],
        listener: Listener | None = None,
    ) -> tuple[Mapping[int, Effects], str]:
        """Return what each transaction did, by its place, and why others are missing.

        `before` has a copy to execute in; `ignored` are tables to leave out, without schemas.
        """
        ignored = frozenset(ignored)
        keys = dict(_keys(transactions, before.state, mentions(ignored)))
        if listener is None and all(key in self._known for key in keys.values()):
            return {place: self._known[key] for place, key in keys.items()}, ""
        if sum(len(transaction.statements) for transaction in transactions) > _MOST_STATEMENTS:
            return {}, f"there are more than {_MOST_STATEMENTS} statements"
        found, problem = _execute(transactions, before, ignored, listener)
        self._known |= {keys[place]: effects for place, effects in found.items()}
        return found, problem


def _keys(transactions: Sequence[Transaction], state: str, books: re.Pattern[str]) -> Iterator[tuple[int, bytes]]:
    """Yield a key for each transaction that matters: what it executes, and what was executed before it."""
    history = sha256(state.encode())
    for place, transaction in enumerate(transactions):
        if _matters(transaction):
            # What tools write down holds times, and differs each time.
            told = [
                (statement.text, statement.values, bool(statement.error))
                for statement in transaction.statements
                if not books.search(statement.text)
            ]
            if told:
                history.update(repr((told, transaction.end)).encode("utf-8", "backslashreplace"))
            yield place, history.digest() if told else b""


def _matters(transaction: Transaction) -> bool:
    """Whether there is more to it than looking; settings of its session count, as what follows may need them."""
    sets = any(_SETS.match(statement.text) for statement in transaction.statements)
    return transaction.explicit or transaction.writes or sets or changes(transaction.statements)


def repeat(transactions: Sequence[Transaction], before: Before) -> str:
    """Only execute them again, without a look at what they lock; return why it ended early, empty where it did not."""
    _, problem = _execute(transactions, before, None, None)
    return problem


def _execute(
    transactions: Sequence[Transaction], before: Before, ignored: frozenset[str] | None, listener: Listener | None
) -> tuple[Mapping[int, Effects], str]:
    results: dict[int, Effects] = {}
    sessions: dict[str, psycopg.Connection] = {}
    took = sum(
        statement.ended - statement.began for transaction in transactions for statement in transaction.statements
    )
    limit = max(TOTAL_SECONDS, _SLOWER * took)
    deadline = time.monotonic() + limit
    copied = False
    try:
        login, superuser = before.logins()
        for place, transaction in enumerate(transactions):
            if not _matters(transaction):
                continue
            if time.monotonic() > deadline:
                return results, f"the second run took more than {limit:.0f} s"
            if transaction.session not in sessions:
                sessions[transaction.session] = _session(login, limit)
            copied = copied or any(_COPIES_IN.search(statement.text) for statement in transaction.statements)
            run = _Run(sessions[transaction.session], superuser, ignored, transaction, listener)
            effects = run.effects()
            results[place] = effects._replace(rows=None) if copied else effects
    except (NoCopyError, _DiffersError) as reason:
        return results, str(reason)
    except psycopg.Error as error:
        return results, f"the second run differs from the first: {_first_line(error)}"
    finally:
        for session in sessions.values():
            with suppress(Exception):
                session.close()
    return results, ""


def _session(login: Login, limit: float) -> psycopg.Connection:
    session = connect(login)
    session.execute(f"SET statement_timeout = '{limit / 2:.0f}s'")
    session.execute("SET lock_timeout = '2s'")
    return session


class _Run:
    """One transaction, executed again, with a look at what it locks and counts after each of its statements."""

    def __init__(
        self,
        session: psycopg.Connection,
        superuser: Login,
        ignored: frozenset[str] | None,
        transaction: Transaction,
        listener: Listener | None,
    ) -> None:
        """`ignored`: tables to leave out; None to look at nothing."""
        self._session = session
        self._superuser = superuser
        self._looks = ignored is not None
        self._ignored = ignored or frozenset()
        self._listener = listener
        self._transaction = transaction
        self._names = {oid: (schema, name) for oid, schema, name in session.execute(_TABLES).fetchall()}
        self._before = frozenset(self._names)
        self._known: set[tuple[int, str]] = set()
        self._taken: list[Taken] = []
        self._rows = [0] * len(transaction.statements)
        self._counted: dict[int, int] = {}
        self._last_text = ""
        self._refused = ""
        self._files: dict[int, int] = dict(session.execute(_FILES).fetchall())
        self._rewritten: list[tuple[int, str]] = []

    def effects(self) -> Effects:
        """Execute it and return what was seen. Raises _DiffersError, psycopg.Error where it fails only now."""
        self._begin()
        for place, statement in enumerate(self._transaction.statements):
            if not (NOISE.match(statement.text) or _SLEEPS.match(statement.text)):
                self._statement(place, statement)
                if self._listener and not statement.error:
                    self._listener(self._session, statement)
        self._session.execute("COMMIT" if self._transaction.end == COMMITTED else "ROLLBACK")
        return Effects(tuple(self._taken), tuple(self._rows), self._refused, tuple(self._rewritten))

    def _statement(self, place: int, statement: Statement) -> None:
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
                    raise _DiffersError(f"a savepoint took back: {_first_line(error)}") from error
                return

    def _piece(self, place: int, text: str, values: tuple[str | None, ...]) -> None:
        cursor = RawCursor(self._session)
        try:
            if _COPIES_IN.match(text):
                with cursor.copy(text.encode()):  # no rows: the lock is all that can be had
                    pass
            else:
                cursor.execute(text.encode(), values or None)
        except errors.ActiveSqlTransaction:
            self._session.execute("ROLLBACK")
            self._outside(place, text)
            self._begin()
            self._look_at_files(place, text)
            return
        if not self._looks:
            return
        # The same again, as in a loop that inserts, locks nothing new.
        if text != self._last_text:
            pid = self._session.info.backend_pid
            for oid, mode, schema, name in self._session.execute(_LOCKS, (pid,), prepare=True).fetchall():
                if schema is not None:
                    self._names[oid] = (schema, name)
                self._take(place, oid, mode)
            self._look_at_files(place, text)
        self._last_text = text
        for oid, total in self._session.execute(_ROWS, prepare=True).fetchall():
            if self._names.get(oid, ("", ""))[1] not in self._ignored:
                self._rows[place] += total - self._counted.get(oid, 0)
            self._counted[oid] = total

    def _look_at_files(self, place: int, text: str) -> None:
        if not self._looks or _ROW_BY_ROW.match(text):
            return
        files: dict[int, int] = dict(self._session.execute(_FILES, prepare=True).fetchall())
        if not _EMPTIES.match(text):
            changed = (oid for oid, file in files.items() if self._files.get(oid, file) != file)
            self._rewritten += [(place, _table(*self._names[oid])) for oid in changed if oid in self._before]
        self._files = files

    def _take(self, place: int, oid: int, mode: str) -> None:
        schema, name = self._names.get(oid, ("", ""))
        if (oid, mode) in self._known or not name or name in self._ignored:
            return
        self._known.add((oid, mode))
        self._taken.append(Taken(place, _table(schema, name), mode, oid not in self._before))

    def _begin(self) -> None:
        self._session.execute("BEGIN")
        # Counts of the session's earlier transactions stay until PostgreSQL collects them, once a second.
        self._counted = dict(self._session.execute(_ROWS, prepare=True).fetchall())

    def _outside(self, place: int, text: str) -> None:
        """Execute what must not be in a transaction, such as CREATE INDEX CONCURRENTLY, and look on meanwhile.

        It is made to wait for a lock on every table first, so that what it asks for is seen however short it needs it.
        """
        failures: list[BaseException] = []

        def execute() -> None:
            try:
                self._session.execute(text.encode())
            except BaseException as error:  # raised again below, in the thread that asked
                failures.append(error)

        pid, deadline = self._session.info.backend_pid, time.monotonic() + _PATIENCE_SECONDS
        with connect(self._superuser, quiet=True) as watcher, connect(self._superuser, quiet=True) as barrier:
            barrier.execute("BEGIN")
            for schema, name in self._names.values() if self._looks else ():
                table = sql.Identifier(schema, name)
                barrier.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(table))
            thread = threading.Thread(target=execute, daemon=True)
            thread.start()
            waited = False
            while thread.is_alive():
                rows = watcher.execute(_ASKED, (pid,), prepare=True).fetchall()
                for oid, mode, _ in rows:
                    # Whoever reads takes that, for moments that are seen by chance.
                    if mode != _READING:
                        self._take(place, oid, mode)
                thread.join(_STEP_SECONDS)
                # It asks for a table, or waits for something else than a table: nothing is to be seen then.
                if not waited and (not all(granted for *_, granted in rows) or time.monotonic() > deadline):
                    barrier.execute("ROLLBACK")
                    waited = True
            thread.join()
        if failures:
            raise failures[0]


def _table(schema: str, name: str) -> str:
    return name if schema == "public" else f"{schema}.{name}"


def _first_line(error: Exception) -> str:
    """What an error says, without where in which statement."""
    return str(error).split("\n", 1)[0]
