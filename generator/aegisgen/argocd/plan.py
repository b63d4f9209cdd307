"""What a sync does, step by step: phases, waves, what waits for what, for how long, and what a failure leads to.

The plan is that of a full sync (a selective one runs no hooks, docs: sync-options) of resources that are not in the
cluster yet. Pruning is not modelled: what the cluster has and the tree no longer has is not in the tree.
Source of the waiting and failing: `Sync`, `executeSyncFailPhase` and `runTasks` in Argo CD 3.x,
`gitops-engine/pkg/sync/sync_context.go`; of health: `gitops-engine/pkg/health/`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from itertools import groupby

from aegisgen.argocd.application import ApplicationSettings
from aegisgen.argocd.hooks import Hook, HookType, Phase, hook_of
from aegisgen.argocd.order import Task, order
from aegisgen.argocd.workload import InitContainer, Limit, init_containers, limit_of, replicas_of, stall_of
from aegisgen.kube.resource import Identity, Resource
from aegisgen.record import Record

# health.go, GetHealthCheckFunc: of the kinds that Kubernetes ships, only these have a health to wait for.
_HAVE_HEALTH = {
    *(("apps", kind) for kind in ("Deployment", "StatefulSet", "ReplicaSet", "DaemonSet")),
    *(("", kind) for kind in ("Service", "PersistentVolumeClaim", "Pod")),
    *(("networking.k8s.io", "Ingress"), ("extensions", "Ingress"), ("batch", "Job")),
    *(("autoscaling", "HorizontalPodAutoscaler"), ("apiregistration.k8s.io", "APIService")),
}
# The API groups of Kubernetes itself; everything else comes from a CRD and may have a health check of Argo CD's.
_OWN_GROUPS = {
    *("", "apps", "autoscaling", "batch", "extensions", "policy"),
    *("admissionregistration.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io", "certificates.k8s.io"),
    *("coordination.k8s.io", "discovery.k8s.io", "events.k8s.io", "flowcontrol.apiserver.k8s.io", "networking.k8s.io"),
    *("node.k8s.io", "rbac.authorization.k8s.io", "resource.k8s.io", "scheduling.k8s.io", "storage.k8s.io"),
}
_RUN_TO_END = {("batch", "Job"), ("argoproj.io", "Workflow")}


class Until(StrEnum):
    """When a step is done."""

    APPLIED = "applied"
    """As soon as the API server has it: its kind has no health."""
    HEALTHY = "healthy"
    """When Argo CD calls it healthy; a custom resource for which it has no health check counts at once."""
    COMPLETE = "complete"
    """When it has run to its end."""
    APPROVED = "approved"
    """When somebody has resumed the suspended Job: an approval gate. From then on Argo CD takes it for healthy."""


class Step(Record):
    """One resource applied in one wave.

    `waited` is False where the sync succeeds without asking for the step's health. `moved` says that Argo CD applies
    the resource in an earlier wave than its own, for what needs it there. `stalls_after` is the time in seconds without
    progress after which a rollout counts as failed.
    """

    identity: Identity
    generated_name: bool
    hook: Hook | None
    moved: bool
    until: Until
    waited: bool
    limit: Limit | None
    stalls_after: int | None
    replicas: int | None
    init_containers: tuple[InitContainer, ...]


class WaveId(Record):
    """Names one wave of a plan."""

    phase: Phase
    wave: int


class PlannedWave(Record):
    """What Argo CD applies together, in the order of `steps`.

    It begins when every step of `waits_for` is done. If a step fails, the others of the wave end first, then the waves
    of `skips` are left out and the SyncFail hooks run.
    """

    id: WaveId
    steps: tuple[Step, ...]
    waits_for: tuple[Step, ...]
    skips: tuple[WaveId, ...]


class PlannedPhase(Record):
    """One phase and its waves, in running order."""

    phase: Phase
    waves: tuple[PlannedWave, ...]


class Absence(StrEnum):
    """Why no sync applies a resource."""

    UNKNOWN = "unknown hook type"
    SKIPPED = "skipped"
    DELETION = "runs at deletion"


class Unapplied(Record):
    """A resource that no sync applies. `values` are the hook types that say so, as they are written."""

    identity: Identity
    absence: Absence
    values: tuple[str, ...]


class Plan(Record):
    """A whole sync. `title` names it for people; `application` is None where no Application is known."""

    title: str
    application: ApplicationSettings | None
    phases: tuple[PlannedPhase, ...]
    unapplied: tuple[Unapplied, ...]

    @property
    def sync_fail(self) -> tuple[Step, ...]:
        """The steps that run when any other one fails."""
        return tuple(
            step
            for phase in self.phases
            if phase.phase is Phase.SYNC_FAIL
            for wave in phase.waves
            for step in wave.steps
        )


def plan(resources: Iterable[Resource], application: ApplicationSettings | None = None, *, title: str = "") -> Plan:
    """Return what a sync of the composed `resources` does.

    `application` gives the destination namespace and the retries; without it a sync is planned that nobody retries.
    """
    resources = tuple(resources)
    tasks = order(resources, application.namespace if application else "")
    return Plan(
        title or (application.name if application else ""),
        application,
        _phases(tasks, application.syncs if application else 1),
        _unapplied(resources),
    )


def _phases(tasks: Sequence[Task], syncs: int | None) -> tuple[PlannedPhase, ...]:
    grouped = [(key, tuple(group)) for key, group in groupby(tasks, key=lambda task: WaveId(task.phase, task.wave))]
    ahead = [key for key, _ in grouped if key.phase is not Phase.SYNC_FAIL]
    waves: list[PlannedWave] = []
    for key, members in grouped:
        waits = key not in ahead or _is_waited_for(members, last=key == ahead[-1], alone=len(grouped) == 1)
        steps = tuple(_step(task, syncs, waited=waits or task.hook is not None) for task in members)
        # All SyncFail hooks are started together; only the order of applying follows their waves.
        previous = waves[-1].steps if waves and key in ahead else ()
        waves.append(PlannedWave(key, steps, previous, tuple(ahead[ahead.index(key) + 1 :]) if key in ahead else ()))
    return tuple(PlannedPhase(phase, tuple(group)) for phase, group in groupby(waves, key=lambda wave: wave.id.phase))


def _is_waited_for(tasks: Sequence[Task], *, last: bool, alone: bool) -> bool:
    """Whether the sync waits for the health of a wave's ordinary resources (it always waits for hooks).

    It does not in the last wave before success, unless a hook keeps that wave open, and never where the whole sync is
    one wave: there it ends with the resources applied and the hooks complete.
    """
    if alone:
        return False
    return not last or any(task.hook for task in tasks)


def _step(task: Task, syncs: int | None, *, waited: bool) -> Step:
    resource = task.resource
    return Step(
        resource.identity,
        not resource.at("metadata", "name"),
        task.hook,
        task.moved,
        _until(task),
        waited,
        limit_of(resource, syncs),
        stall_of(resource),
        replicas_of(resource),
        init_containers(resource),
    )


def _until(task: Task) -> Until:
    identity = task.resource.identity
    kind = (identity.group, identity.kind)
    if kind == ("batch", "Job") and task.resource.at("spec", "suspend") is True:
        return Until.APPROVED
    if kind in _RUN_TO_END or (kind == ("", "Pod") and task.hook):
        return Until.COMPLETE
    if kind in _HAVE_HEALTH or identity.group not in _OWN_GROUPS:
        return Until.HEALTHY
    return Until.APPLIED


def _unapplied(resources: Iterable[Resource]) -> tuple[Unapplied, ...]:
    found = []
    for resource in resources:
        hook = hook_of(resource)
        if hook is None or hook.phases:
            continue
        dropped = tuple(item.value for item in (*hook.unknown, *hook.unsupported))
        if hook.at_deletion:
            found.append(Unapplied(resource.identity, Absence.DELETION, hook.at_deletion))
        elif hook.skipped:
            found.append(Unapplied(resource.identity, Absence.SKIPPED, (HookType.SKIP,)))
        else:
            found.append(Unapplied(resource.identity, Absence.UNKNOWN, dropped))
    return tuple(sorted(found, key=lambda item: (item.identity.kind, item.identity.name, item)))
