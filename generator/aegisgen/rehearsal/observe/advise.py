"""squawk's advice on migrations, asked for once for each."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from aegisgen.bundle import program
from aegisgen.rehearsal.observe import squawk

if TYPE_CHECKING:
    from pathlib import Path

    from aegisgen.rehearsal.observe.attribute import Executed
    from aegisgen.rehearsal.outcome import Advice, MigrationRun


class Adviser:
    """Asks squawk, and remembers: every scenario runs the same migrations."""

    def __init__(self, app: Path | None) -> None:
        self._app = app
        self._program = program("squawk")
        self._reviews: dict[tuple[str, tuple[str, ...]], squawk.Review] = {}
        self._lock = threading.Lock()

    @property
    def problems(self) -> tuple[str, ...]:
        """Why there is no advice, where there is none."""
        if self._program is None:
            return (f"squawk not found: the SQL was not reviewed; {squawk.INSTALL}",)
        return tuple(dict.fromkeys(review.problem for review in self._reviews.values() if review.problem))

    def advice(self, record: MigrationRun, executed: Executed, postgres: str) -> tuple[Advice, ...]:
        """Return what squawk says of a migration of the application's.

        What is taken back is not reviewed, nor are migrations that a scenario brings with it.
        """
        foreign = self._app is not None and not (self._app / record.file).exists()
        if self._program is None or record.reverts or foreign:
            return ()
        key = (record.file, record.statements)
        with self._lock:
            if key not in self._reviews:
                self._reviews[key] = squawk.review(
                    self._program,
                    record.file,
                    [statement for statement in record.statements if statement != record.failed_statement],
                    in_transaction=all(part.transaction.explicit for part in executed.parts),
                    postgres=postgres,
                    folder=self._app,
                )
            return self._reviews[key].advice
