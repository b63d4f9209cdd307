"""Records of what a diagnosis looks at in a cluster. `answers.py` reads them from what the API server answers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

NEVER = datetime.min.replace(tzinfo=UTC)
"""Stands for a time that an object does not tell."""


class Container(NamedTuple):
    """One container of a pod. `state` is waiting, running, terminated or, before the kubelet has looked, empty.

    `exit_code` and `message` are those of its newest end, whether it waits to be started again or not.
    """

    name: str
    init: bool
    sidecar: bool
    image: str
    image_id: str
    state: str
    reason: str
    """Why it waits, or how it ended: CrashLoopBackOff, OOMKilled."""
    waiting_message: str
    exit_code: int | None
    end_reason: str
    message: str
    finished: datetime
    started: datetime
    restarts: int
    ready: bool


class Pod(NamedTuple):
    """One pod. `job` is the Job that made it, empty for all others."""

    name: str
    job: str
    owner: str
    labels: Mapping[str, str]
    phase: str
    reason: str
    message: str
    created: datetime
    node: str
    deleting: bool
    ready: bool
    initialized: bool
    unscheduled: str
    """Why no node takes it; empty where one did."""
    gated: bool
    claims: tuple[str, ...]
    containers: tuple[Container, ...]
    """Init containers first, in running order."""


class Condition(NamedTuple):
    """A condition that is true."""

    kind: str
    reason: str
    message: str
    since: datetime


class Job(NamedTuple):
    """One Job."""

    name: str
    uid: str
    created: datetime
    started: datetime
    finished: datetime
    suspended: bool
    active: int
    succeeded: int
    failed: int
    attempts: int
    """How many pods it may start: backoffLimit + 1."""
    deadline: int | None
    conditions: tuple[Condition, ...]
    pod_spec: Mapping[str, object]

    def condition(self, kind: str) -> Condition | None:
        """Return a condition that is true, None where it is not."""
        return next((each for each in self.conditions if each.kind == kind), None)


class Workload(NamedTuple):
    """The Deployment, StatefulSet or DaemonSet that runs the application."""

    kind: str
    name: str
    created: datetime
    selector: Mapping[str, object]
    pod_spec: Mapping[str, object]
    wanted: int
    updated: int
    ready: int
    available: int
    observed: bool
    """Whether its controller has seen the newest change."""
    conditions: tuple[Condition, ...]
    rolled: datetime
    """When its rollout last moved on; NEVER where the kind does not tell."""
    restarted: bool
    """Whether somebody restarted its pods by hand, which is a rollout without a sync."""
    stuck: str
    """Why its rollout makes no progress any more; empty where it does."""


class Event(NamedTuple):
    """A warning about an object."""

    kind: str
    name: str
    reason: str
    message: str
    times: int
    last: datetime


class Claim(NamedTuple):
    """A PersistentVolumeClaim."""

    name: str
    phase: str
    storage_class: str


class SyncedHook(NamedTuple):
    """What the last sync says of one resource that it applied as a hook."""

    kind: str
    name: str
    phase: str
    message: str


class Application(NamedTuple):
    """An Argo CD Application. The operation is its last or present sync; all empty before the first."""

    name: str
    namespace: str
    paths: tuple[str, ...]
    destination: str
    automated: bool
    sync_status: str
    revision: str
    health: str
    operation: str
    """Running, Succeeded, Failed, Error, Terminating."""
    message: str
    started: datetime
    finished: datetime
    selective: bool
    """Whether the sync was of chosen resources only, which runs no hooks."""
    hooks: tuple[SyncedHook, ...]
    conditions: tuple[Condition, ...]
