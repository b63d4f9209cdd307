"""Which pod needs which object of its own build, and when a sync applies the two."""

from __future__ import annotations

from collections.abc import Sequence

from aegisgen.argocd.hooks import PHASES, Phase
from aegisgen.argocd.order import PlaceInOrder, Task, place_of, tasks_of
from aegisgen.kube.resource import Resource
from aegisgen.kube.shape import text
from aegisgen.record import Record
from aegisgen.rules.references import Pod, Reference

_RANK = {phase: rank for rank, phase in enumerate(PHASES)}


class Applied(Record):
    """When something is applied: its first task, and where in the order of all that is.

    The order's two corrections move namespaces and definitions only, which no pod refers to.
    """

    task: Task
    place: PlaceInOrder

    @property
    def wave(self) -> tuple[int, int]:
        """Phase and wave, in the order of time."""
        return _RANK[self.task.phase], self.task.wave

    def __str__(self) -> str:
        return f"{self.task.phase} wave {self.task.wave}"


class Need(Record):
    """A pod that needs an object, and the resource of the same build which is that object or produces it."""

    pod: Pod
    reference: Reference
    provider: Resource
    starts: Applied
    provided: Applied

    @property
    def direct(self) -> bool:
        """The provider is the object itself; otherwise a controller makes the object from it."""
        return self.provider.identity.kind == self.reference.kind

    @property
    def later(self) -> bool:
        """The provider is applied in a wave after the pod's, which the sync does not reach before the pod runs."""
        return self.provided.wave > self.starts.wave

    @property
    def same_wave(self) -> bool:
        """Both are hooks of one wave, and the pod is applied first."""
        return (
            self.pod.hook is not None
            and self.provided.task.hook is not None
            and self.provided.wave == self.starts.wave
            and self.provided.place > self.starts.place
        )


def needs_of(resources: Sequence[Resource], pods: Sequence[Pod], namespace: str) -> tuple[Need, ...]:
    """Return what pods need of their own build, each object once a pod. CronJobs start after the sync.

    `namespace` is where objects without one go.
    """
    providers = _providers(resources, namespace)
    applied: dict[int, Applied | None] = {}
    needs: dict[tuple[int, str, str], Need] = {}
    for pod in pods:
        starts = _applied(pod.resource) if pod.references and pod.resource.identity.kind != "CronJob" else None
        if starts is None or starts.task.phase is Phase.SYNC_FAIL:
            continue
        for reference in pod.references:
            provider = providers.get((reference.kind, pod.resource.identity.namespace or namespace, reference.name))
            if provider is None:
                continue
            if id(provider) not in applied:
                applied[id(provider)] = _applied(provider)
            provided = applied[id(provider)]
            if provided:
                need = Need(pod, reference, provider, starts, provided)
                needs.setdefault((id(pod.resource), reference.kind, reference.name), need)
    return tuple(needs.values())


def _applied(resource: Resource) -> Applied | None:
    tasks = tasks_of(resource)
    return Applied(tasks[0], place_of(tasks[0])) if tasks else None


def _providers(resources: Sequence[Resource], namespace: str) -> dict[tuple[str, str, str], Resource]:
    """Map kind, namespace and name to what provides it; an object that is there itself comes before a producer."""
    present: dict[tuple[str, str, str], Resource] = {}
    produced: dict[tuple[str, str, str], Resource] = {}
    for resource in resources:
        identity = resource.identity
        place = identity.namespace or namespace
        if identity.kind in {"ConfigMap", "Secret", "ServiceAccount", "PersistentVolumeClaim"}:
            present.setdefault((identity.kind, place, identity.name), resource)
        elif identity.kind == "ExternalSecret":
            name = text(resource.at("spec", "target", "name")) or identity.name
            produced.setdefault(("Secret", place, name), resource)
        elif identity.kind == "SealedSecret":
            name = text(resource.at("spec", "template", "metadata", "name")) or identity.name
            produced.setdefault(("Secret", place, name), resource)
    return produced | present
