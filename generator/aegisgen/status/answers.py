"""What an API server answers, read into the records of `cluster.py`, where whatever is missing or misshapen is empty.

Sources: Kubernetes API reference (batch/v1 JobStatus, core/v1 PodStatus and ContainerStatus, apps/v1); Argo CD's
`ApplicationStatus` and `OperationState` in pkg/apis/application/v1alpha1/types.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from aegisgen.argocd.workload import DEFAULT_BACKOFF_LIMIT
from aegisgen.kube.resource import value_at
from aegisgen.kube.shape import mapping, sequence, text, texts
from aegisgen.status.cluster import (
    NEVER,
    Application,
    Claim,
    Condition,
    Container,
    Event,
    Job,
    Pod,
    SyncedHook,
    Workload,
)

_RESTARTED = "kubectl.kubernetes.io/restartedAt"  # what `kubectl rollout restart` writes


def pod(data: Mapping[str, object]) -> Pod:
    """Read a Pod."""
    status = mapping(data.get("status"))
    spec = mapping(data.get("spec"))
    true = {each.kind: each for each in _conditions(status)}
    scheduled = next(
        (item for item in map(mapping, sequence(status.get("conditions"))) if item.get("type") == "PodScheduled"), {}
    )
    waits = scheduled.get("status") == "False"
    owner = next((item for item in map(mapping, _meta(data, "ownerReferences"))), {})
    return Pod(
        name=_name(data),
        job=text(owner.get("name")) if owner.get("kind") == "Job" else "",
        owner=text(owner.get("uid")),
        labels=texts(value_at(data, ("metadata", "labels"))),
        phase=text(status.get("phase")),
        reason=text(status.get("reason")),
        message=text(status.get("message")),
        created=_created(data),
        node=text(spec.get("nodeName")),
        deleting=bool(text(value_at(data, ("metadata", "deletionTimestamp")))),
        ready="Ready" in true,
        initialized="Initialized" in true,
        unscheduled=text(scheduled.get("message")) if waits else "",
        gated=waits and scheduled.get("reason") == "SchedulingGated",
        claims=tuple(
            claim
            for volume in map(mapping, sequence(spec.get("volumes")))
            if (claim := text(value_at(volume, ("persistentVolumeClaim", "claimName"))))
        ),
        containers=tuple(_containers(spec, status)),
    )


def _containers(spec: Mapping[str, object], status: Mapping[str, object]) -> Iterable[Container]:
    for init, of_spec, of_status in (
        (True, "initContainers", "initContainerStatuses"),
        (False, "containers", "containerStatuses"),
    ):
        told = {text(item.get("name")): item for item in map(mapping, sequence(status.get(of_status)))}
        for item in map(mapping, sequence(spec.get(of_spec))):
            yield _container(item, told.get(text(item.get("name")), {}), init=init)


def _container(spec: Mapping[str, object], status: Mapping[str, object], *, init: bool) -> Container:
    states = mapping(status.get("state"))
    state = next((name for name in ("waiting", "running", "terminated") if name in states), "")
    now = mapping(states.get(state))
    ended = now if state == "terminated" else mapping(value_at(status, ("lastState", "terminated")))
    return Container(
        name=text(spec.get("name")),
        init=init,
        sidecar=init and spec.get("restartPolicy") == "Always",
        image=text(spec.get("image")),
        image_id=text(status.get("imageID")),
        state=state,
        reason=text(now.get("reason")),
        waiting_message=text(now.get("message")) if state == "waiting" else "",
        exit_code=_number(ended.get("exitCode")),
        end_reason=text(ended.get("reason")),
        message=text(ended.get("message")).strip(),
        finished=_time(ended.get("finishedAt")),
        started=_time(now.get("startedAt")),
        restarts=_number(status.get("restartCount")) or 0,
        ready=status.get("ready") is True,
    )


def job(data: Mapping[str, object]) -> Job:
    """Read a Job."""
    spec, status = mapping(data.get("spec")), mapping(data.get("status"))
    conditions = _conditions(status)
    ended = [each.since for each in conditions if each.kind in {"Complete", "Failed"}]
    backoff = _number(spec.get("backoffLimit"))
    return Job(
        name=_name(data),
        uid=text(value_at(data, ("metadata", "uid"))),
        created=_created(data),
        started=_time(status.get("startTime")),
        finished=_time(status.get("completionTime")) if status.get("completionTime") else max(ended, default=NEVER),
        suspended=spec.get("suspend") is True,
        active=_number(status.get("active")) or 0,
        succeeded=_number(status.get("succeeded")) or 0,
        failed=_number(status.get("failed")) or 0,
        attempts=(DEFAULT_BACKOFF_LIMIT if backoff is None else backoff) + 1,
        deadline=_number(spec.get("activeDeadlineSeconds")),
        conditions=conditions,
        pod_spec=mapping(value_at(spec, ("template", "spec"))),
    )


def workload(data: Mapping[str, object]) -> Workload:
    """Read a Deployment, StatefulSet or DaemonSet."""
    spec, status, kind = mapping(data.get("spec")), mapping(data.get("status")), text(data.get("kind"))
    generation = _number(value_at(data, ("metadata", "generation"))) or 0
    every_node = kind == "DaemonSet"
    replicas = _number(spec.get("replicas"))
    progressing = next(
        (item for item in map(mapping, sequence(status.get("conditions"))) if item.get("type") == "Progressing"), {}
    )
    stalled = progressing.get("status") == "False"
    return Workload(
        kind=kind,
        name=_name(data),
        created=_created(data),
        selector=mapping(spec.get("selector")),
        pod_spec=mapping(value_at(spec, ("template", "spec"))),
        wanted=_count(status, "desiredNumberScheduled") if every_node else 1 if replicas is None else replicas,
        updated=_count(status, "updatedNumberScheduled" if every_node else "updatedReplicas"),
        ready=_count(status, "numberReady" if every_node else "readyReplicas"),
        available=_count(status, "numberAvailable" if every_node else "availableReplicas"),
        observed=_count(status, "observedGeneration") >= generation,
        conditions=_conditions(status),
        rolled=_time(progressing.get("lastUpdateTime")),
        restarted=_RESTARTED in mapping(value_at(spec, ("template", "metadata", "annotations"))),
        stuck=text(progressing.get("message")) or text(progressing.get("reason")) if stalled else "",
    )


def event(data: Mapping[str, object]) -> Event:
    """Read an Event of the core API group."""
    about = mapping(data.get("involvedObject"))
    times = [data.get("lastTimestamp"), value_at(data, ("series", "lastObservedTime")), data.get("eventTime")]
    return Event(
        kind=text(about.get("kind")),
        name=text(about.get("name")),
        reason=text(data.get("reason")),
        message=text(data.get("message")).strip(),
        times=_number(data.get("count")) or _number(value_at(data, ("series", "count"))) or 1,
        last=max((_time(value) for value in times), default=NEVER),
    )


def claim(data: Mapping[str, object]) -> Claim:
    """Read a PersistentVolumeClaim."""
    return Claim(
        _name(data),
        text(value_at(data, ("status", "phase"))),
        text(value_at(data, ("spec", "storageClassName"))),
    )


def application(data: Mapping[str, object]) -> Application:
    """Read an Application."""
    spec, status = mapping(data.get("spec")), mapping(data.get("status"))
    operation = mapping(status.get("operationState"))
    sources = [spec.get("source"), *sequence(spec.get("sources"))]
    results = map(mapping, sequence(value_at(operation, ("syncResult", "resources"))))
    automated = value_at(spec, ("syncPolicy", "automated"))
    return Application(
        name=_name(data),
        namespace=text(value_at(data, ("metadata", "namespace"))),
        paths=tuple(path for source in sources if (path := text(mapping(source).get("path")))),
        destination=text(value_at(spec, ("destination", "namespace"))),
        automated=isinstance(automated, dict) and automated.get("enabled") is not False,
        sync_status=text(value_at(status, ("sync", "status"))),
        revision=text(value_at(status, ("sync", "revision"))),
        health=text(value_at(status, ("health", "status"))),
        operation=text(operation.get("phase")),
        message=text(operation.get("message")).strip(),
        started=_time(operation.get("startedAt")),
        finished=_time(operation.get("finishedAt")),
        selective=bool(sequence(value_at(operation, ("operation", "sync", "resources")))),
        hooks=tuple(
            SyncedHook(*(text(item.get(key)) for key in ("kind", "name", "hookPhase", "message")))
            for item in results
            if item.get("hookType")
        ),
        conditions=tuple(
            Condition(
                text(item.get("type")), "", text(item.get("message")).strip(), _time(item.get("lastTransitionTime"))
            )
            for item in map(mapping, sequence(status.get("conditions")))
        ),
    )


def _conditions(status: Mapping[str, object]) -> tuple[Condition, ...]:
    return tuple(
        Condition(
            text(item.get("type")),
            text(item.get("reason")),
            text(item.get("message")),
            _time(item.get("lastTransitionTime")),
        )
        for item in map(mapping, sequence(status.get("conditions")))
        if item.get("status") == "True"
    )


def _meta(data: Mapping[str, object], key: str) -> list[object]:
    return sequence(value_at(data, ("metadata", key)))


def _name(data: Mapping[str, object]) -> str:
    return text(value_at(data, ("metadata", "name")))


def _created(data: Mapping[str, object]) -> datetime:
    return _time(value_at(data, ("metadata", "creationTimestamp")))


def _time(value: object) -> datetime:
    """Return an RFC 3339 time, NEVER for everything else."""
    try:
        found = datetime.fromisoformat(text(value))
    except ValueError:
        return NEVER
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _count(status: Mapping[str, object], key: str) -> int:
    return _number(status.get(key)) or 0


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
