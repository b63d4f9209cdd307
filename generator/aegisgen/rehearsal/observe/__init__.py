"""What migrations really did, as PostgreSQL itself tells it: statements, durations, rows, locks, errors.

    observer = Observer(app=Path("app"))                   # once for a rehearsal
    with observer.watch(server, login) as observation:     # once for a scenario, before its first sync
        ...                                                # whatever connects to that database is observed
        runs = observation.migrations(logs)                # while the database is still there
    rehearsal_notes = observer.notes                       # such as: squawk is missing

On a server of our own the statements come from its log (`serverlog`), are attributed to migrations by their tool's
bookkeeping (`attribute`), and are executed once more in a copy of the database to see each lock and row (`second_run`).
"""

from aegisgen.rehearsal.observe.observation import Observation, Observer

__all__ = ["Observation", "Observer"]
