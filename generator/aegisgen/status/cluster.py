"""The objects of a cluster that a diagnosis looks at: which of their fields, and where an API server puts those.

Sources: Kubernetes API reference (batch/v1 JobStatus, core/v1 PodStatus and ContainerStatus, apps/v1); Argo CD's
`ApplicationStatus` and `OperationState` in pkg/apis/application/v1alpha1/types.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from functools import cached_property
from typing import Annotated, Self, TypeVar, get_type_hints

import msgspec

from aegisgen.argocd.workload import DEFAULT_BACKOFF_LIMIT
from aegisgen.kube.resource import value_at
from aegisgen.kube.shape import mapping, sequence, text

_T = TypeVar("_T")
Time = Annotated[datetime, msgspec.Meta(tz=True)]
NEVER = datetime.min.replace(tzinfo=UTC)
"""Stands for a time that an object does not have."""


def _at(*paths: str, default: _T) -> _T:
    """Declare a field that stands at the first of these paths that an object has; `default` where it has none."""
    return field(default_factory=lambda: default, metadata={"paths": [path.split(".") for path in paths]})


def _text(path: str) -> str:
    return _at(path, default="")


def _time(*paths: str) -> Time:
    return _at(*paths, default=NEVER)


@dataclass(frozen=True)
class Answer:
    """Something that an API server answers."""

    @classmethod
    def read(cls, data: Mapping[str, object]) -> Self:
        """Return it with the default of each field that is missing or misshapen."""
        types, values = get_type_hints(cls, include_extras=True), dict[str, object]()
        for each in fields(cls):
            for value in (value_at(data, path) for path in each.metadata["paths"]):
                with suppress(msgspec.ValidationError):
                    plain = value.strip() if isinstance(value, str) else value
                    values.setdefault(each.name, msgspec.convert(plain, types[each.name]))
        return cls(**values)


@dataclass(frozen=True)
class Condition(Answer):
    """A condition of an object; an Application's have neither status nor reason."""

    kind: str = _text("type")
    status: str = _text("status")
    reason: str = _text("reason")
    message: str = _text("message")
    since: Time = _time("lastTransitionTime")
    updated: Time = _time("lastUpdateTime")


@dataclass(frozen=True)
class _Object(Answer):
    name: str = _text("metadata.name")
    created: Time = _time("metadata.creationTimestamp")
    status: dict[str, object] = _at("status", default={})

    @cached_property
    def conditions(self) -> list[Condition]:
        """Its conditions, whatever their status."""
        return [Condition.read(mapping(each)) for each in sequence(self.status.get("conditions"))]

    def condition(self, *kinds: str, status: str = "True") -> Condition | None:
        """Return the condition of the first of these kinds that has this status, None where none has."""
        having = {each.kind: each for each in self.conditions if each.status == status}
        return next((having[kind] for kind in kinds if kind in having), None)


@dataclass(frozen=True)
class Container(Answer):
    """One container of a pod, its spec and its status together."""

    name: str = _text("name")
    image: str = _text("image")
    image_id: str = _text("imageID")
    init: bool = _at("init", default=False)
    sidecar: bool = _at("sidecar", default=False)
    state: str = _text("current.name")
    """waiting, running, terminated or, before the kubelet has looked, empty."""
    reason: str = _text("current.reason")
    """Why it waits, or how it ended: CrashLoopBackOff, OOMKilled."""
    waiting_message: str = _text("state.waiting.message")
    exit_code: int | None = _at("end.exitCode", default=None)
    """Of its last end, whether it waits to be started again or not, as are `end_reason` and `message`."""
    end_reason: str = _text("end.reason")
    message: str = _text("end.message")
    restarts: int = _at("restartCount", default=0)
    ready: bool = _at("ready", default=False)


@dataclass(frozen=True)
class Pod(_Object):
    """One pod."""

    owners: tuple[dict[str, object], ...] = _at("metadata.ownerReferences", default=())
    labels: dict[str, str] = _at("metadata.labels", default={})
    deleted: Time = _time("metadata.deletionTimestamp")
    node: str = _text("spec.nodeName")
    phase: str = _text("status.phase")
    reason: str = _text("status.reason")
    spec: dict[str, object] = _at("spec", default={})

    @property
    def owner(self) -> str:
        """The UID of what made it."""
        return text(value_at(list(self.owners), (0, "uid")))

    @property
    def job(self) -> str:
        """The Job that made it, empty for all other pods."""
        owner = self.owners[0] if self.owners else {}
        return text(owner.get("name")) if owner.get("kind") == "Job" else ""

    @property
    def deleting(self) -> bool:
        """Whether it is being deleted."""
        return self.deleted != NEVER

    @property
    def ready(self) -> bool:
        """Whether it is ready."""
        return self.condition("Ready") is not None

    @property
    def unscheduled(self) -> str:
        """Why no node takes it; empty where one did."""
        scheduled = self.condition("PodScheduled", status="False")
        return scheduled.message if scheduled else ""

    @property
    def gated(self) -> bool:
        """Whether something keeps it from being scheduled."""
        scheduled = self.condition("PodScheduled", status="False")
        return scheduled is not None and scheduled.reason == "SchedulingGated"

    @property
    def claims(self) -> list[str]:
        """The PersistentVolumeClaims that it uses."""
        names = (value_at(item, ("persistentVolumeClaim", "claimName")) for item in sequence(self.spec.get("volumes")))
        return [name for name in map(text, names) if name]

    @cached_property
    def containers(self) -> list[Container]:
        """Its containers, init containers first, in running order."""
        return [*self._containers("initContainers", init=True), *self._containers("containers", init=False)]

    def _containers(self, key: str, *, init: bool) -> Iterator[Container]:
        statuses = map(mapping, sequence(self.status.get(f"{key.removesuffix('s')}Statuses")))
        by_name = {status.get("name"): status for status in statuses}
        for spec in map(mapping, sequence(self.spec.get(key))):
            status = by_name.get(spec.get("name"), {})
            states = mapping(status.get("state"))
            name = next((name for name in ("waiting", "running", "terminated") if name in states), "")
            current = {**mapping(states.get(name)), "name": name}
            end = current if name == "terminated" else value_at(status, ("lastState", "terminated"))
            sidecar = init and spec.get("restartPolicy") == "Always"
            yield Container.read({**status, **spec, "init": init, "sidecar": sidecar, "current": current, "end": end})


@dataclass(frozen=True)
class Job(_Object):
    """One Job."""

    uid: str = _text("metadata.uid")
    started: Time = _time("status.startTime")
    completed: Time = _time("status.completionTime")
    suspended: bool = _at("spec.suspend", default=False)
    failed: int = _at("status.failed", default=0)
    backoff_limit: int = _at("spec.backoffLimit", default=DEFAULT_BACKOFF_LIMIT)
    deadline: int | None = _at("spec.activeDeadlineSeconds", default=None)
    pod_spec: dict[str, object] = _at("spec.template.spec", default={})

    @property
    def attempts(self) -> int:
        """How many pods it may start."""
        return self.backoff_limit + 1

    @property
    def finished(self) -> datetime:
        """When it ended; NEVER where it has not."""
        end = self.condition("Complete", "Failed")
        return self.completed if self.completed != NEVER or end is None else end.since


@dataclass(frozen=True)
class Workload(_Object):
    """The Deployment, StatefulSet or DaemonSet that runs the application."""

    kind: str = _text("kind")
    selector: dict[str, object] = _at("spec.selector", default={})
    pod_spec: dict[str, object] = _at("spec.template.spec", default={})
    annotations: dict[str, object] = _at("spec.template.metadata.annotations", default={})
    generation: int = _at("metadata.generation", default=0)
    observed_generation: int = _at("status.observedGeneration", default=0)
    # a DaemonSet has names of its own for these
    wanted: int = _at("status.desiredNumberScheduled", "spec.replicas", default=1)
    updated: int = _at("status.updatedReplicas", "status.updatedNumberScheduled", default=0)
    ready: int = _at("status.readyReplicas", "status.numberReady", default=0)
    available: int = _at("status.availableReplicas", "status.numberAvailable", default=0)

    @property
    def observed(self) -> bool:
        """Whether its controller has seen the newest change."""
        return self.observed_generation >= self.generation

    @property
    def rolled(self) -> datetime:
        """When its rollout last moved on; NEVER where the kind does not say."""
        return next((each.updated for each in self.conditions if each.kind == "Progressing"), NEVER)

    @property
    def restarted(self) -> bool:
        """Whether somebody restarted its pods by hand (`kubectl rollout restart`): a rollout without a sync."""
        return "kubectl.kubernetes.io/restartedAt" in self.annotations

    @property
    def stuck(self) -> str:
        """Why its rollout makes no progress any more; empty where it does."""
        stalled = self.condition("Progressing", status="False")
        return stalled.message or stalled.reason if stalled else ""


@dataclass(frozen=True)
class Event(Answer):
    """A warning about an object of a kind and name."""

    kind: str = _text("involvedObject.kind")
    name: str = _text("involvedObject.name")
    reason: str = _text("reason")
    message: str = _text("message")
    times: int = _at("count", "series.count", default=1)
    last: Time = _time("series.lastObservedTime", "lastTimestamp", "eventTime")


@dataclass(frozen=True)
class Claim(_Object):
    """A PersistentVolumeClaim."""

    phase: str = _text("status.phase")
    storage_class: str = _text("spec.storageClassName")


class SyncedResource(msgspec.Struct, frozen=True, rename="camel"):
    """A resource that the last sync applied; `hook_type` is empty where it is no hook."""

    kind: str = ""
    name: str = ""
    hook_type: str = ""


@dataclass(frozen=True)
class Application(_Object):
    """An Argo CD Application. The operation is its last or present sync; all empty before the first."""

    source: dict[str, object] = _at("spec.source", default={})
    sources: tuple[dict[str, object], ...] = _at("spec.sources", default=())
    automation: dict[str, object] | None = _at("spec.syncPolicy.automated", default=None)
    sync_status: str = _text("status.sync.status")
    revision: str = _text("status.sync.revision")
    health: str = _text("status.health.status")
    operation: str = _text("status.operationState.phase")
    """Running, Succeeded, Failed, Error, Terminating."""
    message: str = _text("status.operationState.message")
    started: Time = _time("status.operationState.startedAt")
    finished: Time = _time("status.operationState.finishedAt")
    chosen: list[object] = _at("status.operationState.operation.sync.resources", default=[])
    """The resources that the sync was of, which runs no hooks then; empty: of all."""
    synced: tuple[SyncedResource, ...] = _at("status.operationState.syncResult.resources", default=())

    @property
    def paths(self) -> list[str]:
        """The folders of the repository that it deploys."""
        return [path for source in (self.source, *self.sources) if (path := text(source.get("path")))]

    @property
    def automated(self) -> bool:
        """Whether Argo CD starts its syncs."""
        return self.automation is not None and self.automation.get("enabled") is not False
