"""Users of tables while migrations run: a reader, a writer and a report each, and how long they had to wait.

The writer's UPDATE changes nothing, and is taken back. What a user waits is how much longer its slowest request took
than its quickest; so what the machine itself delays is in it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg
from psycopg import sql

from aegisgen.rehearsal.compat.records import Waits
from aegisgen.rehearsal.postgres.sessions import Login, connect

MOST_TABLES = 8
_PAUSE_SECONDS = 0.005
# What the writer sets: no generated column, and none of a key, which would take a stronger lock.
_COLUMN = """
SELECT a.attname FROM pg_attribute a WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped
AND a.attgenerated = '' AND a.attidentity <> 'a'
ORDER BY EXISTS (SELECT FROM pg_index i WHERE i.indrelid = a.attrelid AND a.attnum = ANY (i.indkey)), a.attnum LIMIT 1
"""


class _User:
    """One session that does the same again and again."""

    def __init__(self, session: psycopg.Connection, *statements: sql.Composed | str) -> None:
        self._session = session
        self._statements = statements
        self._times: list[float] = []
        self.problem = ""

    def run(self, stopped: threading.Event) -> None:
        """Do it until it is over, at least once."""
        try:
            while not (stopped.is_set() and self._times):
                began = time.monotonic()
                for statement in self._statements:
                    self._session.execute(statement)
                self._times.append(time.monotonic() - began)
                stopped.wait(_PAUSE_SECONDS)
        except psycopg.Error as error:
            self._times.append(time.monotonic() - began)
            self.problem = str(error).split("\n", 1)[0]

    @property
    def waited(self) -> float:
        """How much longer the slowest request took than the quickest."""
        return max(self._times) - min(self._times) if self._times else 0.0


@contextmanager
def traffic(login: Login, tables: Sequence[str]) -> Iterator[list[Waits]]:
    """Use the tables during the block, as a superuser; the list that it gives is filled at the block's end."""
    waits: list[Waits] = []
    stopped = threading.Event()
    users: dict[str, tuple[_User, _User, _User]] = {}
    sessions: list[psycopg.Connection] = []

    def session() -> psycopg.Connection:
        sessions.append(connect(login, quiet=True))
        return sessions[-1]

    try:
        for table in tables[:MOST_TABLES]:
            schema, _, name = table.rpartition(".")
            identifier = sql.Identifier(schema or "public", name)
            row = session().execute(_COLUMN, (identifier.as_string(),)).fetchone()
            column = sql.Identifier(row[0] if row else "ctid")
            update = sql.SQL(
                "UPDATE {table} SET {column} = {column} WHERE ctid = ANY (ARRAY(SELECT ctid FROM {table} LIMIT 1))"
            ).format(table=identifier, column=column)
            users[table] = (
                _User(sessions[-1], sql.SQL("SELECT FROM {} LIMIT 1").format(identifier)),
                _User(session(), "BEGIN", update, "ROLLBACK"),
                _User(session(), sql.SQL("SELECT count(*), max(t::text) FROM {} t").format(identifier)),
            )
        threads = [
            threading.Thread(target=user.run, args=(stopped,), daemon=True)
            for group in users.values()
            for user in group
        ]
        for thread in threads:
            thread.start()
        time.sleep(_PAUSE_SECONDS * 20)  # each has been quick once
        yield waits
        stopped.set()
        for thread in threads:
            thread.join()
        for table, group in users.items():
            problems = dict.fromkeys(user.problem for user in group if user.problem)
            reads, writes, reports = (user.waited for user in group)
            waits.append(Waits(table, reads, writes, reports, "; ".join(problems)))
    finally:
        stopped.set()
        for one in sessions:
            one.close()
