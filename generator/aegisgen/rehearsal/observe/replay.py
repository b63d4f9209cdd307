"""Exactly which locks each statement takes, and how many rows it changes: from PostgreSQL, on a second run of it.

In the run itself only the session that holds a lock could ask for it in time, and that session is the application's. So
the statements that the log shows are executed again, in their order, each session's on a session of its own, in a copy
of the database as it was before. After each one, before its transaction ends, `pg_locks` says what has come to be
locked, and `pg_stat_xact_user_tables` what has been changed, by triggers and functions too.
"""

from __future__ import annotations

import re
import time
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING

from aegisgen.rehearsal.observe.attribute import NOISE, changes
from aegisgen.rehearsal.observe.bookkeeping import mentions
from aegisgen.rehearsal.observe.rerun import Differs, Ground, Replayed, Rerun, first_line
from aegisgen.rehearsal.observe.session import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import psycopg

    from aegisgen.rehearsal.observe.serverlog import Statement, Transaction

TOTAL_SECONDS = 20
_STATEMENT_SECONDS = 10
_MOST_STATEMENTS = 3000
_SLEEPS = re.compile(r"\s*select\b.*\bpg_sleep", re.IGNORECASE | re.DOTALL)
_SETS = re.compile(r"\s*(?:set|reset|discard)\b", re.IGNORECASE)


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


def _keys(transactions: Sequence[Transaction], state: str, books: re.Pattern[str]) -> Iterator[tuple[int, bytes]]:
    """Yield a key for each transaction that matters: what it executes, and what was executed before it."""
    history = sha256(state.encode())
    for place, one in enumerate(transactions):
        if _matters(one):
            # What tools write down holds times, and differs each time.
            told = [(it.text, it.values, bool(it.error)) for it in one.statements if not books.search(it.text)]
            if told:
                history.update(repr((told, one.end)).encode("utf-8", "backslashreplace"))
            yield place, history.digest() if told else b""


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
            run = Rerun(self._session(transaction.session), self._ground, self._ignored, transaction)
            for place, statement in enumerate(transaction.statements):
                if not _skipped(statement):
                    run.execute(place, statement)
            run.end()
        except psycopg.Error as error:
            raise Differs(f"the second run differs from the first: {first_line(error)}") from error
        return run.result()

    def _session(self, name: str) -> psycopg.Connection:
        if name not in self._sessions:
            session = connect(self._ground.login, quiet=False)
            session.execute(f"SET statement_timeout = '{_STATEMENT_SECONDS}s'")
            session.execute("SET lock_timeout = '2s'")
            self._sessions[name] = session
        return self._sessions[name]


def _skipped(statement: Statement) -> bool:
    return bool(NOISE.match(statement.text) or _SLEEPS.match(statement.text))


def _matters(transaction: Transaction) -> bool:
    """Whether there is more to it than looking; settings of its session count, as what follows may need them."""
    sets = any(_SETS.match(one.text) for one in transaction.statements)
    return transaction.explicit or transaction.writes or sets or changes(transaction.statements)
