"""The order in which Argo CD applies resources: phase, wave, kind, name, then two corrections.

Source: Argo CD 3.x, `gitops-engine/pkg/sync/sync_tasks.go` and `getSyncTasks` in `sync_context.go`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from aegisgen.argocd.hooks import PHASES, Hook, Phase, hook_of, wave_of
from aegisgen.kube.resource import Resource
from aegisgen.record import Record, replace

# Helm's install order, which Argo CD took over. It knows kinds only, no groups: a Knative Service counts as a Service.
KINDS = (
    "Namespace", "NetworkPolicy", "ResourceQuota", "LimitRange", "PodSecurityPolicy", "PodDisruptionBudget",
    "ServiceAccount", "Secret", "SecretList", "ConfigMap", "StorageClass", "PersistentVolume",
    "PersistentVolumeClaim", "CustomResourceDefinition", "ClusterRole", "ClusterRoleList", "ClusterRoleBinding",
    "ClusterRoleBindingList", "Role", "RoleList", "RoleBinding", "RoleBindingList", "Service", "DaemonSet", "Pod",
    "ReplicationController", "ReplicaSet", "Deployment", "HorizontalPodAutoscaler", "StatefulSet", "Job", "CronJob",
    "IngressClass", "Ingress", "APIService",
)  # fmt: skip
_KIND_RANK = {kind: rank for rank, kind in enumerate(KINDS)}
_PHASE_RANK = {phase: rank for rank, phase in enumerate(PHASES)}


PlaceInOrder = tuple[int, int, int, str, str, str, str, int]
"""Phase, wave and kind by their ranks, name; the rest decides where Argo CD leaves it open."""


class Task(Record):
    """One resource applied once. `moved` where it took the phase and wave of a resource that needs it."""

    resource: Resource
    phase: Phase
    wave: int
    hook: Hook | None
    moved: bool = False


def order(resources: Iterable[Resource], namespace: str = "") -> tuple[Task, ...]:
    """Return one task for every phase that every resource takes part in, in the order in which Argo CD applies them.

    A hook of two phases is two tasks; a hook without a phase and a skipped resource are none. `namespace` is the
    Application's destination, where objects without a namespace go.

    Argo CD leaves the order of two tasks open that agree in phase, wave, kind and name. Here namespace, apiVersion and
    the place in the file decide, so that the answer never depends on the order of the input. A hook with
    `generateName` is placed by that prefix; the commit and time that Argo CD adds to it are not known beforehand.
    """
    tasks = sorted((task for resource in resources for task in tasks_of(resource)), key=place_of)
    tasks = _move_before_dependents(tasks, _namespace_name, lambda each: each.identity.namespace or namespace)
    return tuple(_move_before_dependents(tasks, _defined_kind, _group_kind))


def tasks_of(resource: Resource) -> tuple[Task, ...]:
    """Return the tasks of one resource, in their order."""
    hook = hook_of(resource)
    wave = wave_of(resource).value
    phases = (Phase.SYNC,) if hook is None else () if hook.skipped else hook.phases
    return tuple(Task(resource, phase, wave, hook) for phase in phases)


def place_of(task: Task) -> PlaceInOrder:
    """Return what the order of tasks goes by, apart from the two corrections."""
    identity, document = task.resource.identity, task.resource.document
    return (
        _PHASE_RANK[task.phase],
        task.wave,
        _KIND_RANK.get(identity.kind, len(KINDS)),
        identity.name,
        identity.namespace,
        identity.api_version,
        document.source,
        document.line,
    )


def _move_before_dependents(
    tasks: list[Task], provides: Callable[[Resource], str], needs: Callable[[Resource], str]
) -> list[Task]:
    """Put what provides something right before the first task that needs it, if that one comes earlier.

    What is moved takes over the phase and wave of that task, or it would be moved for nothing. A provider counts as
    needing nothing itself. Source: `adjustDeps`.
    """
    result: list[Task] = []
    first: dict[str, int] = {}
    for task in tasks:
        provided = provides(task.resource)
        place = first.get(provided) if provided else None
        if place is not None:
            result.insert(place, replace(task, phase=result[place].phase, wave=result[place].wave, moved=True))
            first = {key: index + (index >= place) for key, index in first.items()}
            continue
        needed = "" if provided else needs(task.resource)
        if needed:
            first.setdefault(needed, len(result))
        result.append(task)
    return result


def _namespace_name(resource: Resource) -> str:
    identity = resource.identity
    return identity.name if identity.kind == "Namespace" and not identity.group else ""


def _defined_kind(resource: Resource) -> str:
    identity = resource.identity
    if identity.kind != "CustomResourceDefinition" or identity.group != "apiextensions.k8s.io":
        return ""
    group, kind = resource.at("spec", "group"), resource.at("spec", "names", "kind")
    return f"{group}/{kind}" if isinstance(group, str) and isinstance(kind, str) else ""


def _group_kind(resource: Resource) -> str:
    return f"{resource.identity.group}/{resource.identity.kind}"
