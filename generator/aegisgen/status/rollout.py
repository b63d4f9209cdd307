"""What the workload and its pods say.

Source: Kubernetes API reference, apps/v1; for when a rollout is done, `kubectl rollout status`
(pkg/polymorphichelpers/rollout_status.go).
"""

from __future__ import annotations

from collections.abc import Iterator

from aegisgen.output.numbers import counted
from aegisgen.record import replace
from aegisgen.status.cluster import Container, Pod, Workload
from aegisgen.status.exits import Role, meaning
from aegisgen.status.expected import Expected
from aegisgen.status.model import Cause, Diagnosis, LogSource
from aegisgen.status.pods import hindrance, shown_status, stale_lock
from aegisgen.status.snapshot import Snapshot

_CRASHED = frozenset({"CrashLoopBackOff", "Error", "OOMKilled", "StartError", "ContainerCannotRun"})


def rollout(snapshot: Snapshot, expected: Expected) -> tuple[Diagnosis, ...]:
    """Return what is wrong with the workload, or that its rollout goes on; nothing where it is complete."""
    workload = snapshot.workload
    if workload is None:
        return ()
    found: dict[Cause, Diagnosis] = {}
    for pod in reversed(snapshot.pods_of_workload()):
        for diagnosis in _of_pod(pod, snapshot, expected):
            found.setdefault(diagnosis.cause, diagnosis)
    if found:
        return tuple(found.values())
    warnings = (*snapshot.warnings("ReplicaSet"), *snapshot.warnings(workload.kind))
    refused = next((event for event in warnings if event.reason == "FailedCreate"), None)
    if refused and len(snapshot.pods_of_workload()) < workload.wanted:
        what, about = f"pods cannot be created: {refused.message}", f"{workload.kind}/{workload.name}"
        words = ("describe", expected.of_workload)
        return (expected.diagnosis(Cause.PODS_REFUSED, what, "fix what the message names", about, *words),)
    return tuple(_progress(workload, snapshot, expected))


def _of_pod(pod: Pod, snapshot: Snapshot, expected: Expected) -> Iterator[Diagnosis]:
    hindered = hindrance(pod, snapshot, expected)
    if hindered:
        yield hindered
        return
    for container in pod.containers:
        down = container.state in {"waiting", "terminated"} and container.reason in _CRASHED
        if not down or not container.exit_code:
            continue
        source = LogSource(pod.name, container.name)
        commands = (
            expected.kubectl("logs", pod.name, "-c", container.name),
            expected.kubectl("describe", "pod", pod.name),
        )
        if container.init:
            found = stale_lock(container, pod, snapshot, expected) or _init(pod, container, expected)
            yield replace(found, commands=(*found.commands, *commands), about=f"Pod/{pod.name}", log=source)
        else:
            yield replace(_application(pod, container), commands=commands, about=f"Pod/{pod.name}", log=source)
        return


def _init(pod: Pod, container: Container, expected: Expected) -> Diagnosis:
    own = container.name == expected.init_container
    code = container.exit_code or 0
    exit_ = meaning(Role.MIGRATION if own else Role.OTHER, container.name, code, end_reason=container.end_reason)
    what = f"{shown_status(pod)}: {'the migration' if own else f'init container {container.name}'} fails"
    what += f" with exit code {code}" + (f": {exit_.meaning}" if exit_ else "")
    next_ = exit_.advice(expected.config, expected.secret) if exit_ else "its log has the error"
    # The kubelet tries again by itself; there is no sync to start.
    next_ = next_.replace(", then sync again", "")
    return Diagnosis(Cause.INIT_CRASH_LOOP, what, f"{next_}; the pod tries again by itself")


def _application(pod: Pod, container: Container) -> Diagnosis:
    code = container.exit_code or 0
    exit_ = meaning(Role.OTHER, container.name, code, end_reason=container.end_reason)
    what = f"{shown_status(pod)}: the application's container {container.name} ends with exit code {code}"
    what += f": {exit_.meaning}" if exit_ else ""
    return Diagnosis(Cause.APPLICATION_CRASHES, what, "the migration is not to blame: read the application's log")


def _progress(workload: Workload, snapshot: Snapshot, expected: Expected) -> Iterator[Diagnosis]:
    about, pods = f"{workload.kind}/{workload.name}", counted(workload.wanted, "pod")
    if workload.stuck:
        what, log = f"the rollout is stuck: {workload.stuck}", _unready(snapshot, expected)
        next_ = "look at the pods that are not ready: their probes and their log"
        yield expected.diagnosis(Cause.NOT_READY, what, next_, about, "describe", expected.of_workload, log=log)
        return
    migrating = [
        pod
        for pod in snapshot.pods_of_workload()
        if any(each.name == expected.init_container and each.state == "running" for each in pod.containers)
    ]
    if migrating:
        what = f"the migration runs in {counted(len(migrating), 'pod')}; {workload.ready} of {workload.wanted} ready"
        log = LogSource(migrating[-1].name, expected.init_container)
        words = ("logs", log.pod, "-c", log.container, "--follow")
        yield expected.diagnosis(Cause.IN_PROGRESS, what, "", about, *words, log=log)
    elif not workload.observed or workload.updated < workload.wanted:
        what = f"rolling out: {workload.updated} of {pods} updated, {workload.ready} ready"
        yield Diagnosis(Cause.IN_PROGRESS, what, about=about)
    elif workload.available < workload.wanted:
        what = f"{workload.available} of {pods} ready"
        yield Diagnosis(Cause.IN_PROGRESS, what, about=about, log=_unready(snapshot, expected))


def _unready(snapshot: Snapshot, expected: Expected) -> LogSource | None:
    pods = [pod for pod in snapshot.pods_of_workload() if not pod.ready]
    return LogSource(pods[-1].name, expected.container) if pods else None
