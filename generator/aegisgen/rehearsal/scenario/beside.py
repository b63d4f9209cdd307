"""Who uses the database while a release migrates: the pods of the release before, and readers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import psycopg

from aegisgen.rehearsal.compat.files import Query
from aegisgen.rehearsal.compat.plans import failures
from aegisgen.rehearsal.image.knex import ALTERED
from aegisgen.rehearsal.outcome import NotRehearsedError
from aegisgen.rehearsal.postgres.sessions import Login, connect

_POLL_SECONDS = 0.05
_REPORT_SECONDS = 6.0
"""How long the report reads on while a migration waits for it, where nothing ends it."""
# Each table as it is now, without what migrations record.
_QUERIES = """
SELECT format('SELECT %s FROM %I.%I LIMIT 1', string_agg(format('%I', column_name), ', ' ORDER BY ordinal_position),
  table_schema, table_name)
FROM information_schema.columns
WHERE table_schema !~ '^pg_' AND table_schema <> 'information_schema' AND table_name !~ 'migrations|^aegisgen'
GROUP BY table_schema, table_name ORDER BY 1
"""
_WAITS_FOR = "SELECT count(*) > 0 FROM pg_stat_activity WHERE %s = ANY (pg_blocking_pids(pid))"


class Questions:
    """What the release before asks of the database, again and again until `close`, and once more then."""

    def __init__(self, login: Login, queries: Sequence[Query]) -> None:
        """Begin, with every column of every table as it is now; at the end those of `queries` that have a plan now too.

        Raises NotRehearsedError where there is neither.
        """
        self.refused: dict[str, str] = {}
        """The first error of each query that was not answered."""
        self.rounds = 0
        self._session = connect(login)
        self.queries = [str(query) for (query,) in self._session.execute(_QUERIES).fetchall()]
        unknown = failures(self._session, queries)
        self._planned = [query for query in queries if query not in unknown]
        if not (self.queries or self._planned):
            self._session.close()
            raise NotRehearsedError("the release before has no table that anybody could read")
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask_on, name="release before", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ask for a last time."""
        self._over.set()
        self._thread.join()
        self._ask()
        # Their values are not known: they are planned, not executed.
        self.refused |= {query.text: reason for query, reason in failures(self._session, self._planned).items()}
        self._session.close()

    @property
    def count(self) -> int:
        """How many statements there are."""
        return len(self.queries) + len(self._planned)

    def _ask_on(self) -> None:
        while not self._over.wait(_POLL_SECONDS):
            self._ask()

    def _ask(self) -> None:
        for query in self.queries:
            try:
                self._session.execute(query.encode())
            except psycopg.Error as error:
                self.refused.setdefault(query, str(error).splitlines()[0])
        self.rounds += 1


class Readers:
    """A long report on the table that the release alters, and others that read it shortly, until `close`."""

    def __init__(self, login: Login, has_given_way: Callable[[], bool]) -> None:
        """Begin. `has_given_way`: whether the migration says that it lets others go first, upon which the report ends.

        Raises NotRehearsedError where there is no table.
        """
        self.longest = 0.0
        """The longest that others had to wait, in seconds."""
        self._has_given_way = has_given_way
        self._report, self._others = connect(login), connect(login)
        row = self._report.execute(ALTERED).fetchone()
        if row is None:
            self._report.close()
            self._others.close()
            raise NotRehearsedError("the application has no table that could be altered")
        self.table = str(row[0])
        self._query = f"SELECT 1 FROM {self.table} LIMIT 1".encode()  # noqa: S608 - quoted by format()
        self._report.execute("BEGIN")
        self._report.execute(self._query)
        self._over = threading.Event()
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._read_long, self._read_shortly)]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """End them all."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        self._others.close()

    def _read_long(self) -> None:
        waited_since = None
        while not (self._over.wait(_POLL_SECONDS) or self._has_given_way()):
            self._report.execute("SELECT pg_stat_clear_snapshot()")  # else a transaction sees what it saw at first
            row = self._report.execute(_WAITS_FOR, (self._report.info.backend_pid,)).fetchone()
            if row and row[0]:
                waited_since = waited_since or time.monotonic()
                if time.monotonic() - waited_since > _REPORT_SECONDS:
                    break
        self._report.close()

    def _read_shortly(self) -> None:
        while not self._over.wait(_POLL_SECONDS):
            began = time.monotonic()
            self._others.execute(self._query)
            self.longest = max(self.longest, time.monotonic() - began)
