"""What migrations really did, as PostgreSQL itself tells it: statements, durations, rows, locks, errors.

    observer = Observer(app=Path("app"))                   # once for a rehearsal
    with observer.watch(server, login) as observation:     # once for a scenario, before its first sync
        ...                                                # whatever connects to that database is observed
        runs = observation.migrations(logs)                # while the database is still there
    rehearsal_notes = observer.notes                       # such as: squawk is missing

On a server of our own the statements come from its log (`serverlog`), are attributed to migrations by their tool's
bookkeeping (`attribute`), and are executed once more in a copy of the database to see each lock and row (`replay`).
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from aegisgen.rehearsal.observe.advise import Adviser
from aegisgen.rehearsal.observe.copies import Copies
from aegisgen.rehearsal.observe.observation import Observation
from aegisgen.rehearsal.observe.replay import Replays
from aegisgen.rehearsal.observe.sample import Sampler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from aegisgen.rehearsal.server import Login, Server

__all__ = ["Observation", "Observer"]


class Observer:
    """Watches scenarios, several at once if need be; remembers what it has once found out."""

    def __init__(self, *, app: Path | None) -> None:
        """`app` is the application's folder: migrations of its own are reviewed, with its own settings of squawk."""
        self._app = app
        self._adviser = Adviser(app)
        self._replays = Replays()

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the rehearsal must know of the observation as a whole."""
        return self._adviser.problems

    @contextmanager
    def watch(
        self, server: Server, login: Login, *, clock: Callable[[], float] | None = None, app: Path | None = None
    ) -> Iterator[Observation]:
        """Observe a database from now on; nobody else may be connected to it at this moment.

        `clock` gives the scenario's time, by default the seconds since now: the records' `began` is of that time, their
        durations are real. `app` is the scenario's copy of the application, where it has one.
        """
        start = time.monotonic()
        copies = Copies(server, login)
        sampler = Sampler(
            server.superuser, login.database, quiet=server.own, clock=clock or (lambda: time.monotonic() - start)
        )
        log = server.log
        offset = log.stat().st_size if log and log.exists() else 0
        sampler.start()
        try:
            yield Observation(
                server=server,
                login=login,
                sampler=sampler,
                copies=copies,
                replays=self._replays,
                offset=offset,
                app=app or self._app,
                adviser=self._adviser,
            )
        finally:
            sampler.stop()
            copies.drop()
