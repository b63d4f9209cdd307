"""What keeps a pod from doing its work, locks that nobody holds any more among it.

aegisgen's own lock ends with its connection and heals Knex's. What remains: tools that lock by themselves, a script of
somebody's own, and a session that PostgreSQL has not given up yet.

Sources: the kubelet's waiting reasons (pkg/kubelet/container/sync_result.go, pkg/kubelet/images/types.go,
pkg/kubelet/kuberuntime/kuberuntime_container.go) and messages; the scheduler's PodScheduled condition.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from aegisgen.record import replace
from aegisgen.status.cluster import Container, Pod
from aegisgen.status.expected import Expected
from aegisgen.status.model import Cause, Diagnosis
from aegisgen.status.snapshot import Snapshot
from aegisgen.tools import TOOLS

PULLING = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ErrImageInspect",
     "RegistryUnavailable", "SignatureValidationFailed"}
)  # fmt: skip
_CANNOT_START = frozenset(
    {"CreateContainerError", "RunContainerError", "PreCreateHookError", "PreStartHookError", "PostStartHookError"}
)
_MISSING = re.compile(r'^(configmap|secret) "([^"]+)" not found', re.IGNORECASE)
_NO_KEY = re.compile(r"couldn't find key (\S+) in (ConfigMap|Secret) (?:[^/\s]+/)?(\S+)", re.IGNORECASE)
_KINDS = {"configmap": "ConfigMap", "secret": "Secret"}
_NO_CLAIM = re.compile(r'persistentvolumeclaim "([^"]+)" not found')
_REFUSED = re.compile(r"\b40[13]\b|unauthori[sz]ed|denied|authorization failed|no basic auth", re.IGNORECASE)
_NOT_THERE = re.compile(r"not found|manifest unknown|does not exist", re.IGNORECASE)


def hindrance(pod: Pod, snapshot: Snapshot, expected: Expected) -> Diagnosis | None:
    """Return why a pod has not begun its work and does not by itself; None where nothing is in its way."""
    return next(_hindrances(pod, snapshot, expected), None)


def _hindrances(pod: Pod, snapshot: Snapshot, expected: Expected) -> Iterator[Diagnosis]:
    if pod.unscheduled and not pod.gated:
        yield _unscheduled(pod, snapshot, expected)
    for container in pod.containers:
        if container.state != "waiting":
            continue
        if container.reason in PULLING:
            yield _image(pod, container, expected)
        elif container.reason == "CreateContainerConfigError":
            yield _configuration(pod, container, expected)
        elif container.reason in _CANNOT_START:
            what = f"{container.name} cannot be started: {container.waiting_message or container.reason}"
            yield _of(pod, expected, Cause.CANNOT_START, what, "look at the pod's events and at its command")
    if pod.node and any(each.reason in {"ContainerCreating", "PodInitializing"} for each in pod.containers):
        for event in snapshot.warnings("Pod", pod.name):
            if event.reason in {"FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox"}:
                what = f"the pod cannot be set up ({event.reason}): {event.message}"
                next_ = "fix what the message names; the kubelet goes on trying"
                yield _of(pod, expected, Cause.CANNOT_START, what, next_)
                break


def _of(pod: Pod, expected: Expected, cause: Cause, what: str, next_: str) -> Diagnosis:
    return expected.diagnosis(cause, what, next_, f"Pod/{pod.name}", "describe", "pod", pod.name)


def _image(pod: Pod, container: Container, expected: Expected) -> Diagnosis:
    message = container.waiting_message
    secrets = ", ".join(expected.pull_secrets)
    if container.reason == "InvalidImageName":
        next_ = "correct the image in the profile, and render"
    elif _REFUSED.search(message):
        # A registry may answer 403, too, for an image that is not there.
        named = f"check the pull secret {secrets}" if secrets else "name a pull secret in imagePullSecrets"
        next_ = f"the registry refuses: {named} in namespace {expected.namespace}, and whether the image exists"
    elif _NOT_THERE.search(message):
        next_ = "push the image, or correct its tag in the profile and render"
    else:
        next_ = "look whether the nodes reach the registry"
    what = f"{container.reason}: the image {container.image} cannot be pulled"
    return _of(pod, expected, Cause.IMAGE_PULL, what, f"{next_}; a pod that cannot pull does not fail, it waits")


def _configuration(pod: Pod, container: Container, expected: Expected) -> Diagnosis:
    message = container.waiting_message
    missing, no_key = _MISSING.search(message), _NO_KEY.search(message)
    commands: tuple[str, ...] = ()
    if missing:
        kind, name = _KINDS[missing[1].lower()], missing[2]
        what = f"{kind} {name} does not exist"
        next_ = _missing(kind, pod, expected)
        commands = (expected.kubectl("get", kind.lower(), name),)
    elif no_key:
        kind, name = no_key[2], no_key[3]
        what = f"{kind} {name} has no key {no_key[1]}"
        next_ = "add the key; the pod starts by itself then"
    else:
        what, next_ = message or "its configuration is wrong", "fix what the message names"
    found = _of(pod, expected, Cause.MISSING_CONFIGURATION, f"CreateContainerConfigError: {what}", next_)
    return replace(found, commands=(*commands, *found.commands))


def _missing(kind: str, pod: Pod, expected: Expected) -> str:
    created = f"create it in namespace {expected.namespace}; the pod starts by itself then"
    if pod.job and kind == "ConfigMap":
        # Argo CD applies the ordinary resources of the same Application after PreSync only.
        return f"PreSync runs before the sync applies it: make it a hook of an earlier wave (rule O201), or {created}"
    return created


def _unscheduled(pod: Pod, snapshot: Snapshot, expected: Expected) -> Diagnosis:
    gone = _NO_CLAIM.search(pod.unscheduled)
    pending = [claim for claim in snapshot.claims if claim.phase == "Pending"]
    if gone or (pending and "PersistentVolumeClaim" in pod.unscheduled):
        name = gone[1] if gone else pending[0].name
        what = "does not exist" if gone else "is Pending: no volume was bound to it"
        storage = f" (storage class {pending[0].storage_class})" if not gone and pending[0].storage_class else ""
        what = f"the pod is Pending: PersistentVolumeClaim {name} {what}{storage}"
        next_ = (
            "create it outside of this Application, before the sync" if gone else "look at its events and storage class"
        )
        words = ("describe", "persistentvolumeclaim", name)
        return expected.diagnosis(Cause.PENDING_CLAIM, what, next_, f"PersistentVolumeClaim/{name}", *words)
    what, next_ = f"the pod is Pending: {pod.unscheduled}", "make room, or lower the resources in the profile"
    return _of(pod, expected, Cause.UNSCHEDULABLE, what, next_)


def shown_status(pod: Pod) -> str:
    """Return a pod's status in the one word that `kubectl get pods` has for it.

    Source: printPod in Kubernetes' pkg/printers/internalversion/printers.go.
    """
    if pod.deleting:
        return "Unknown" if pod.reason == "NodeLost" else "Terminating"
    init = [each for each in pod.containers if each.init]
    for index, container in enumerate(init):
        done = not container.state or (container.state == "terminated" and container.exit_code == 0)
        if done or (container.sidecar and container.state == "running"):
            continue
        if container.state == "terminated":
            return f"Init:{container.reason or f'ExitCode:{container.exit_code}'}"
        if container.state == "waiting" and container.reason not in {"", "PodInitializing"}:
            return f"Init:{container.reason}"
        if not pod.condition("Initialized"):
            return f"Init:{index}/{len(init)}"
    status = "SchedulingGated" if pod.gated else pod.reason or pod.phase
    running = False
    for container in reversed([each for each in pod.containers if not each.init]):
        if container.state == "waiting" and container.reason:
            status = container.reason
        elif container.state == "terminated":
            status = container.reason or f"ExitCode:{container.exit_code}"
        elif container.ready and container.state == "running":
            running = True
    if status == "Completed" and running:
        return "Running" if pod.ready else "NotReady"
    return status


HELD = 15
"""The runner's exit code for a lock that another migration held for too long."""


def stale_lock(container: Container, pod: Pod, snapshot: Snapshot, expected: Expected) -> Diagnosis | None:
    """Return what is to be said if a container failed because of a lock, and nobody is there who could hold it."""
    if container.exit_code is None or _somebody_migrates(pod, snapshot, expected):
        return None
    if container.exit_code == HELD and expected.locked:
        return Diagnosis(
            Cause.STALE_LOCK,
            "the lock is held (exit code 15), and no pod of this service migrates",
            "end the session that holds it: in pg_stat_activity its application_name begins with aegisgen-; "
            "then sync again",
        )
    log = snapshot.log
    lines = log.lines if log and (log.pod, log.container) == (pod.name, container.name) else ()
    said = "\n".join((container.message, *lines)).lower()
    for words, meaning in (held for tool in TOOLS.values() for held in tool.held):
        if words in said:
            what = f"stale lock: {meaning}, and no pod of this service migrates"
            unlock = expected.unlock
            command = expected.kubectl("exec", expected.of_workload, "-c", expected.container, "--", *unlock.split())
            return Diagnosis(
                Cause.STALE_LOCK,
                what,
                "make sure that nobody else migrates this database, then free it"
                + (" with the command" if unlock else " with the tool's own command"),
                (command,) if unlock else (),
            )
    return None


def _somebody_migrates(failed: Pod, snapshot: Snapshot, expected: Expected) -> bool:
    names = {expected.init_container} if expected.init_container else {"migration"}
    return any(
        container.state == "running" and container.name in names
        for pod in snapshot.pods
        if pod.name != failed.name
        for container in pod.containers
    )
