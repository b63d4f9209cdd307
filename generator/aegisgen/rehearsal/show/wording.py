"""The words that text, JUnit and the page share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aegisgen.output.numbers import counted, duration
from aegisgen.rehearsal.outcome import (
    Advice,
    ContainerRun,
    MigrationRun,
    Rehearsal,
    ScenarioRun,
    SyncRun,
    TableLock,
    Verdict,
)

MARKS = {Verdict.PASSED: "✓", Verdict.FAILED: "✗", Verdict.NOT_REHEARSED: "○", Verdict.DOES_NOT_APPLY: "·"}
COLOURS = {
    Verdict.PASSED: "green",
    Verdict.FAILED: "red",
    Verdict.NOT_REHEARSED: "yellow",
    Verdict.DOES_NOT_APPLY: "dim",
}
# What waits for such a lock (PostgreSQL's documentation, "Conflicting Lock Modes"); weaker ones stop no application.
STRONGEST = "AccessExclusiveLock"
BLOCKS = {
    STRONGEST: "blocks reads and writes",
    "ExclusiveLock": "blocks writes",
    "ShareRowExclusiveLock": "blocks writes",
    "ShareLock": "blocks writes",
}
# What kubectl prints in full seconds, and up to where it adds the seconds to the minutes.
_AGE_SECONDS, _AGE_MINUTES = 120, 600


def age(seconds: float) -> str:
    """Return `seconds` as kubectl prints an age (apimachinery, duration.HumanDuration): `90s`, `2m5s`, `12m`."""
    whole = max(int(seconds), 0)
    minutes, rest = divmod(whole, 60)
    if whole < _AGE_SECONDS:
        return f"{whole}s"
    if whole < _AGE_MINUTES:
        return f"{minutes}m{rest}s" if rest else f"{minutes}m"
    return f"{minutes}m"


def rows(migration: MigrationRun) -> str:
    """Return `1 row`, `12,345 rows` or that they are not known."""
    return "rows unknown" if migration.rows is None else counted(migration.rows, "row")


def worst_first(scenarios: Iterable[ScenarioRun]) -> list[ScenarioRun]:
    """Return failed scenarios first, then what was not rehearsed, what passed, the rest; each in its given order."""
    order = [Verdict.FAILED, Verdict.NOT_REHEARSED, Verdict.PASSED, Verdict.DOES_NOT_APPLY]
    return sorted(scenarios, key=lambda scenario: order.index(scenario.verdict))


def summary(rehearsal: Rehearsal) -> str:
    """Return the last line of a report: `14 of 16 scenarios passed, 1 failed, 1 not rehearsed, in 1 min 40 s`.

    Scenarios that do not apply are none of the 16.
    """
    counts = dict.fromkeys(Verdict, 0)
    for scenario in rehearsal.scenarios:
        counts[scenario.verdict] += 1
    if not rehearsal.scenarios:
        return "no scenario was rehearsed"
    strange = counts[Verdict.DOES_NOT_APPLY]
    parts = [f"{counts[Verdict.PASSED]} of {counted(len(rehearsal.scenarios) - strange, 'scenario')} passed"]
    parts += [f"{counts[verdict]} {verdict}" for verdict in (Verdict.FAILED, Verdict.NOT_REHEARSED) if counts[verdict]]
    if strange:
        parts.append(f"{strange} {'does' if strange == 1 else 'do'} not apply")
    if rehearsal.compatibility and (breaking := len(rehearsal.compatibility.breaking)):
        parts.append(f"{counted(breaking, 'finding')} that the running release does not survive")
    if rehearsal.gates:
        parts.append(f"{counted(len(rehearsal.gates), 'finding')} of --fail-on")
    return f"{', '.join(parts)}, in {duration(rehearsal.seconds)}"


def model_scenario(rehearsal: Rehearsal) -> ScenarioRun | None:
    """Return the scenario whose migrations stand for all: the first with most of them, one that passed if there is."""
    ran = [scenario for scenario in rehearsal.scenarios if scenario.migrations]
    passed = [scenario for scenario in ran if scenario.verdict is Verdict.PASSED]
    return max(passed or ran, key=lambda scenario: sum(not run.added for run in scenario.migrations), default=None)


def counsels(rehearsal: Rehearsal) -> list[tuple[str, Advice]]:
    """Return squawk's findings of all scenarios with their files, each once, in the order of the migrations."""
    migrations = (migration for scenario in rehearsal.scenarios for migration in scenario.migrations)
    return list(dict.fromkeys((migration.file, advice) for migration in migrations for advice in migration.advice))


def title(migration: MigrationRun) -> str:
    """Return the file, and whether it was taken back."""
    return f"{migration.file} (taken back)" if migration.reverts else migration.file


def rewritten(migration: MigrationRun) -> list[str]:
    """Return a line for each table whose every row it wrote anew: `users: every row written anew`."""
    return [f"{table}: every row written anew" for table in migration.rewritten]


def lock(held: TableLock) -> str:
    """Return `users: AccessExclusiveLock for 12 ms, blocks reads and writes`."""
    blocks = "a new table" if held.new else BLOCKS.get(held.mode, "")
    return f"{held.table}: {held.mode} for {duration(held.seconds)}" + (f", {blocks}" if blocks else "")


def strongest(migration: MigrationRun) -> list[TableLock]:
    """Return one lock a table, the strongest: records have them in that order, and the weaker add nothing to it."""
    tables = dict.fromkeys(lock.table for lock in migration.locks)
    return [next(lock for lock in migration.locks if lock.table == table) for table in tables]


def failing(run: ContainerRun) -> bool:
    """Whether an attempt ended otherwise than a success."""
    return bool(run.signal) or run.code not in {0, None}


def ending(run: ContainerRun) -> str:
    """Return how an attempt ended: `exit code 1`, `SIGKILL`, `never started`."""
    if run.signal:
        return run.signal
    if run.code is None:
        return "never started" if run.began == run.ended else "still running at the end"
    return f"exit code {run.code}"


def sync_line(sync: SyncRun) -> str:
    """Return a sync's title, how it went, and what was left out."""
    line = f"{sync.title}: {'succeeded' if sync.succeeded else 'failed'} after {duration(sync.ended - sync.began)}"
    return f"{line}; left out: {', '.join(sync.skipped)}" if sync.skipped else line


def broken(migrations: Sequence[MigrationRun]) -> list[MigrationRun]:
    """Return the migrations that failed, each once: further attempts mostly fail in the same way."""
    failed = {(run.file, run.failed_statement, run.error): run for run in reversed(migrations) if run.error}
    return sorted(failed.values(), key=lambda run: run.began)


def speaker(migration: MigrationRun) -> str:
    """Return whose words its error is: PostgreSQL's of a statement, or ours of a session that was cut."""
    return "PostgreSQL" if migration.failed_statement else "cut off"


def reasons(migration: MigrationRun) -> list[tuple[str, str]]:
    """Return why it was refused and what to do, as far as that is known."""
    return [(title, text) for title, text in (("cause", migration.cause), ("fix", migration.way_out)) if text]


def applied_before(migration: MigrationRun, migrations: Sequence[MigrationRun]) -> list[str]:
    """Return the files of what was applied when `migration` was refused."""
    applied: list[str] = []
    for other in migrations:
        if not other.error and other.began <= migration.began:
            applied = [file for file in applied if file != other.file]
            applied += [] if other.reverts else [other.file]
    return applied
