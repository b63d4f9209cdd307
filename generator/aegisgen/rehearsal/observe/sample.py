"""What holds locks on tables, looked up in pg_locks again and again while a scenario runs.

Short locks slip through; where the second run tells them exactly, this is not used. The session that looks is in the
database `postgres`, so that it never stands in the way of what happens to the scenario's own. It also reads the
scenario's clock, as that of the log is another.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

import psycopg

from aegisgen.rehearsal.postgres.sessions import Login, connect

INTERVAL_SECONDS = 0.02
# A lock that is not seen for that long has been given back in between.
_GAP_SECONDS = 5 * INTERVAL_SECONDS
_RECONNECT_SECONDS = 0.2
_HELD = """
SELECT l.relation::bigint, l.mode FROM pg_locks l JOIN pg_database d ON d.oid = l.database
WHERE d.datname = %s AND l.locktype = 'relation' AND l.granted AND l.pid <> pg_backend_pid() AND l.relation >= 16384
GROUP BY 1, 2
"""


class Seen(NamedTuple):
    """A lock on a relation, from the first to the last moment that it was seen, in seconds since 1970."""

    relation: int
    mode: str
    first: float
    last: float


class Sampler:
    """Looks from `start` to `stop`, in a thread; a server that goes away meanwhile is waited for."""

    def __init__(self, superuser: Login, database: str, *, quiet: bool, clock: Callable[[], float]) -> None:
        self._login = superuser
        self._database = database
        self._quiet = quiet
        self._clock = clock
        self._times = [(time.time(), clock())]
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="aegisgen-observe", daemon=True)
        self._open: dict[tuple[int, str], tuple[float, float]] = {}
        self._seen: list[Seen] = []

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def scenario_time(self, moment: float) -> float:
        """Return what the scenario's clock said at a moment in seconds since 1970; that clock may jump."""
        place = max(bisect_right(self._times, (moment, float("inf"))) - 1, 0)
        real, shown = self._times[place]
        passed = shown + max(moment - real, 0.0)
        return min(passed, self._times[place + 1][1]) if place + 1 < len(self._times) else passed

    def stop(self) -> tuple[Seen, ...]:
        """Stop, and return what was seen; may be called again."""
        self._ending.set()
        if self._thread.ident:
            self._thread.join()
        self._close(float("inf"))
        return tuple(self._seen)

    def _run(self) -> None:
        while not self._ending.is_set():
            with suppress(psycopg.Error), connect(self._login, quiet=self._quiet) as session:
                self._look(session)
            self._ending.wait(_RECONNECT_SECONDS)
            self._times.append((time.time(), self._clock()))

    def _look(self, session: psycopg.Connection) -> None:
        while not self._ending.wait(INTERVAL_SECONDS):
            rows = session.execute(_HELD, (self._database,), prepare=True).fetchall()
            now = time.time()
            self._times.append((now, self._clock()))
            for relation, mode in rows:
                first, _ = self._open.get((relation, mode), (now, now))
                self._open[relation, mode] = (first, now)
            self._close(now)

    def _close(self, now: float) -> None:
        for key, (first, last) in list(self._open.items()):
            if now - last > _GAP_SECONDS:
                del self._open[key]
                self._seen.append(Seen(*key, first, last))
