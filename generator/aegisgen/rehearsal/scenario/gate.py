"""The gate at which a scenario's slow migrations wait: who waits there, and when they may go on.

It is an advisory lock, so that waiting there is waiting in a statement on the server, as a long migration would.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable

import psycopg

from aegisgen.rehearsal.image.knex import GATE, GATE_MARK
from aegisgen.rehearsal.postgres.sessions import Login, connect

_POLL_SECONDS = 0.05
_PID = re.compile(re.escape(GATE_MARK) + r" pid=(\d+)")
_WAITING = (
    "SELECT query FROM pg_stat_activity WHERE datname = %s AND state = 'active' AND pid <> pg_backend_pid() "
    "AND query LIKE %s"
)


class Gate:
    """The gate of one database, closed until `open`."""

    def __init__(self, login: Login, arrived: Callable[[Gate, int], None]) -> None:
        """Close it. `login` is a superuser's, for the scenario's database.

        `arrived` is called for each migration that waits, with the process that asked; its session may outlive it.
        """
        self.most = 0
        """The most migrations that were seen at once."""
        self._login = login
        self._arrived = arrived
        self._known: set[int] = set()
        self._opened = threading.Event()
        self._session = connect(login)
        self._session.execute("SELECT pg_advisory_lock(%s, %s)", GATE)
        self._thread = threading.Thread(target=self._watch, name="gate", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop watching; whoever still waits may go on."""
        self.open()
        self._thread.join()
        self._session.close()

    def open(self) -> None:
        """Let everybody go on, from now on without waiting."""
        self._opened.set()

    def _watch(self) -> None:
        try:
            while not self._opened.wait(_POLL_SECONDS):
                self._look()
            self._session.execute("SELECT pg_advisory_unlock_all()")
        except psycopg.Error:
            return  # the server was stopped: the scenario's doing, and the gate is gone with it

    def _look(self) -> None:
        rows = self._session.execute(_WAITING, (self._login.database, f"%{GATE_MARK} pid=%")).fetchall()
        waiting = {int(match[1]) for (query,) in rows if (match := _PID.search(str(query)))}
        self.most = max(self.most, sum(map(_is_alive, waiting)))
        for pid in waiting - self._known:
            self._known.add(pid)
            self._arrived(self, pid)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError as error:
        return isinstance(error, PermissionError)
    return True
