"""What of a workload's spec decides how long a step takes and how often it runs."""

from __future__ import annotations

from aegisgen.kube.resource import Resource
from aegisgen.kube.shape import mapping, natural, sequence, text
from aegisgen.record import Record

# Kubernetes API reference, batch/v1 JobSpec, apps/v1 DeploymentSpec.
DEFAULT_BACKOFF_LIMIT = 6
DEFAULT_PROGRESS_DEADLINE = 600

_REPLICATED = ("Deployment", "StatefulSet", "ReplicaSet", "ReplicationController", "Rollout")


class InitContainer(Record):
    """A container that runs before those of its pod, or beside them where it is a sidecar (`restartPolicy: Always`)."""

    name: str
    image: str
    sidecar: bool


class Limit(Record):
    """The bounds of a Job or Pod.

    `seconds` is the deadline of all attempts of one sync together, None where there is none. `pods` is how many pods a
    failing one starts in one sync, `syncs` how often a failing sync runs, None without end.
    """

    seconds: int | None
    pods: int
    syncs: int | None

    @property
    def total_seconds(self) -> int | None:
        """The longest that all syncs together wait for it, without the pauses between them; None without end."""
        return None if self.seconds is None or self.syncs is None else self.seconds * self.syncs

    @property
    def total_pods(self) -> int | None:
        """How many pods a failing one starts before everybody gives up; None without end."""
        return None if self.syncs is None else self.pods * self.syncs


def limit_of(resource: Resource, syncs: int | None) -> Limit | None:
    """Return the bounds of a Job or a Pod, None for other kinds.

    A Job is tried backoffLimit + 1 times, all within `activeDeadlineSeconds`; each retry of the sync creates it anew.
    """
    kind = resource.identity.kind
    if kind not in {"Job", "Pod"}:
        return None
    deadline = natural(resource.at("spec", "activeDeadlineSeconds"))
    if kind == "Pod":
        return Limit(deadline, 1, syncs)
    backoff = natural(resource.at("spec", "backoffLimit"))
    return Limit(deadline, (DEFAULT_BACKOFF_LIMIT if backoff is None else backoff) + 1, syncs)


def stall_of(resource: Resource) -> int | None:
    """Return after how many seconds without progress a Deployment's rollout counts as failed; None for other kinds."""
    if (resource.identity.group, resource.identity.kind) != ("apps", "Deployment"):
        return None
    seconds = natural(resource.at("spec", "progressDeadlineSeconds"))
    return DEFAULT_PROGRESS_DEADLINE if seconds is None else seconds


def replicas_of(resource: Resource) -> int | None:
    """Return how many pods a workload keeps up; None where the manifest does not say (a DaemonSet, other kinds)."""
    if resource.identity.kind not in _REPLICATED:
        return None
    replicas = natural(resource.at("spec", "replicas"))
    return 1 if replicas is None else replicas


def init_containers(resource: Resource) -> tuple[InitContainer, ...]:
    """Return the init containers of a workload's pods, in the order in which they run."""
    pod = pod_spec(resource)
    containers = map(mapping, sequence(mapping(pod).get("initContainers")))
    return tuple(
        InitContainer(text(each.get("name")), text(each.get("image")), each.get("restartPolicy") == "Always")
        for each in containers
        if each
    )


def pod_spec(resource: Resource) -> object:
    """Return the spec of the pods that a resource makes, None where it makes none."""
    if resource.identity.kind == "Pod":
        return resource.at("spec")
    if resource.identity.kind == "CronJob":  # its pods are no part of a sync
        return None
    return resource.at("spec", "template", "spec")
