"""What a diagnosis consists of."""

from __future__ import annotations

from enum import StrEnum

from aegisgen.record import Record


class State(StrEnum):
    """What a service amounts to, the worst first."""

    PROBLEM = "problem"
    WAITING = "waiting"
    """For a person."""
    IN_PROGRESS = "in-progress"
    ABSENT = "absent"
    HEALTHY = "healthy"


class Cause(StrEnum):
    """What a diagnosis is about. The values are part of the JSON output and stay as they are."""

    MIGRATION_FAILED = "migration-failed"
    INIT_CRASH_LOOP = "init-crash-loop"
    STEP_FAILED = "step-failed"
    STALE_LOCK = "stale-lock"
    DEADLINE_EXCEEDED = "deadline-exceeded"
    BACKOFF_LIMIT_EXCEEDED = "backoff-limit-exceeded"
    MISSING_CONFIGURATION = "missing-configuration"
    IMAGE_PULL = "image-pull"
    PENDING_CLAIM = "pending-claim"
    UNSCHEDULABLE = "unschedulable"
    CANNOT_START = "cannot-start"
    PODS_REFUSED = "pods-refused"
    NEVER_RUNS = "migration-never-runs"
    OTHER_IMAGE = "image-is-not-the-trees"
    MOVED_TAG = "tag-moved"
    APPLICATION_CRASHES = "application-crashes"
    NOT_READY = "not-ready"
    SYNC_FAILED = "sync-failed"
    APPLICATION_ERROR = "application-error"
    WAITING_FOR_APPROVAL = "waiting-for-approval"
    IN_PROGRESS = "in-progress"
    ROLLED_BACK = "rolled-back"
    NOTHING_DEPLOYED = "nothing-deployed"
    HEALTHY = "healthy"

    @property
    def state(self) -> State:
        """What the cause makes of the service."""
        return _STATES.get(self, State.PROBLEM)


_STATES = {
    Cause.WAITING_FOR_APPROVAL: State.WAITING,
    Cause.IN_PROGRESS: State.IN_PROGRESS,
    Cause.ROLLED_BACK: State.HEALTHY,
    Cause.NOTHING_DEPLOYED: State.ABSENT,
    Cause.HEALTHY: State.HEALTHY,
}


class LogSource(Record):
    """A container whose log tells something."""

    pod: str
    container: str


class Diagnosis(Record):
    """One thing that is to be said, without any time that passes: the same state gives the same words.

    `about` is Kind/name of the object that shows it. `commands` are for people to run; aegisgen runs none of them.
    `log` is whose log tells most.
    """

    cause: Cause
    what: str
    next: str = ""
    commands: tuple[str, ...] = ()
    about: str = ""
    log: LogSource | None = None

    def __str__(self) -> str:
        return f"{self.what.removesuffix('.')}; {self.next}" if self.next else self.what
