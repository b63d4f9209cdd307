"""Who in an overlay plays which part: what migrates, backs up, dry-runs, rolls back, tells and waits for approval."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from aegisgen.argocd.hooks import Phase, hook_of
from aegisgen.kube.resource import Identity, Resource
from aegisgen.rehearsal.cluster.sync import WORKLOADS
from aegisgen.rehearsal.image.images import bare_name, is_postgres, is_tool
from aegisgen.rules.references import Container, Pod, pod_of

_DUMPS = re.compile(r"\bpg_dump\b|/migration-runner/backup\.sh")
_TAKES_BACK = re.compile(r"roll.?back|migrate:down|\bundo\b|downgrade", re.IGNORECASE)
_HOLDS_LOCK = re.compile(r"\block=(?:node|python)\b")
_TELLS = re.compile(r"slack|teams|webhook|pushgateway", re.IGNORECASE)


class Cast(NamedTuple):
    """The parts. A migration is named by its resource and its container."""

    pods: tuple[Pod, ...]
    applications: frozenset[str]
    """Images, without tag and digest, that hold the application."""
    migrations: frozenset[tuple[Identity, str]]
    workloads: frozenset[Identity]
    backups: frozenset[Identity]
    features: frozenset[str]
    """What the overlay has of a scenario's needs."""

    @property
    def jobs(self) -> frozenset[str]:
        """The names of the Jobs that migrate."""
        return frozenset(identity.name for identity, _ in self.migrations if identity.kind == "Job")

    @property
    def containers(self) -> frozenset[str]:
        """The names of the containers that migrate."""
        return frozenset(name for _, name in self.migrations)


def cast(resources: Sequence[Resource], *, restorable: bool = False) -> Cast:
    """Tell the parts by kinds, images, names and commands. `restorable`: whether there is a Job that restores."""
    pods = tuple(
        pod
        for resource in resources
        if resource.identity.kind != "CronJob" and (pod := pod_of(resource, hook_of(resource)))
    )
    migrations = _migrations(pods)
    workloads = [pod for pod in pods if pod.resource.identity.kind in WORKLOADS]
    images = {container.image for pod in workloads for container in pod.application}
    images |= {
        container.image
        for pod in pods
        for container in pod.containers
        if (pod.resource.identity, container.name) in migrations
    }
    backups = frozenset(pod.resource.identity for pod in pods if _backs_up(pod))
    applications = frozenset(bare_name(image) for image in images if not is_postgres(image) and not is_tool(image))
    features = {
        "backup": bool(backups),
        "restore": restorable,
        "dry-run": any(
            _has_own_database(pod) and any(container.migrates for container in pod.containers) for pod in pods
        ),
        "rollback": any(_rolls_back(pod) for pod in pods),
        "rollback-after-sync": any(_rolls_back(pod) and not _stops_at_rollout(pod) for pod in pods),
        "notifications": any(_tells(pod) for pod in pods),
        "approval": any(_is_gate(resource) for resource in resources),
        "application": bool(workloads),
        "session-lock": any(
            _HOLDS_LOCK.search(container.command_line)
            for pod in pods
            for container in pod.containers
            if (pod.resource.identity, container.name) in migrations
        ),
    }
    return Cast(
        pods,
        applications,
        migrations,
        frozenset(pod.resource.identity for pod in workloads),
        backups,
        frozenset(name for name, present in features.items() if present),
    )


def _migrations(pods: Iterable[Pod]) -> frozenset[tuple[Identity, str]]:
    """Those whose command speaks of migrating; where names do so as well, only those."""
    migrations: list[tuple[Identity, Container]] = []
    for pod in pods:
        identity = pod.resource.identity
        in_sync = pod.hook is None or Phase.SYNC_FAIL not in pod.hook.phases
        if not in_sync or _has_own_database(pod):
            continue
        for container in pod.containers:
            if "only=status" in container.command_line:
                continue  # aegisgen's, which only asks what is pending
            other = is_postgres(container.image) or is_tool(container.image)
            if container.migrates and not other and (container.init or identity.kind not in WORKLOADS):
                migrations.append((identity, container))
    named = [(owner, container) for owner, container in migrations if "migrat" in f"{owner.name} {container.name}"]
    return frozenset((owner, container.name) for owner, container in named or migrations)


def _has_own_database(pod: Pod) -> bool:
    return any(
        container.fields.get("restartPolicy") == "Always" and is_postgres(container.image)
        for container in pod.containers
    )


def _backs_up(pod: Pod) -> bool:
    lines = (line for container in pod.containers for line in container.command_line.splitlines())
    dumps = any(_DUMPS.search(line) for line in lines if not line.lstrip().startswith("#"))
    return dumps and not _has_own_database(pod)


def _rolls_back(pod: Pod) -> bool:
    return (
        pod.hook is not None
        and Phase.SYNC_FAIL in pod.hook.phases
        and any(_TAKES_BACK.search(container.command_line) for container in pod.containers)
    )


def _stops_at_rollout(pod: Pod) -> bool:
    """Whether it is aegisgen's and takes back nothing once the release is rolled out."""
    return any(
        "/migration-runner/rollback.sh" in container.command_line and "after=sync" not in container.command_line
        for container in pod.containers
    )


def _tells(pod: Pod) -> bool:
    names = "\n".join(str(container.fields.get("env", "")) + container.command_line for container in pod.containers)
    return bool(_TELLS.search(names))


def _is_gate(resource: Resource) -> bool:
    return resource.identity.kind == "Job" and resource.at("spec", "suspend") is True
