"""The pods of a build and what they refer to by name, found once for all rules."""

from __future__ import annotations

from collections.abc import Iterator

from aegisgen.argocd.hooks import Hook
from aegisgen.kube.pods import reads
from aegisgen.kube.resource import Resource
from aegisgen.kube.shape import mapping, sequence, text
from aegisgen.record import Record

Path = tuple[str | int, ...]

_TEMPLATE: tuple[str, ...] = ("spec", "template", "spec")
_PATHS: dict[str, tuple[str, ...]] = {
    "Pod": ("spec",),
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
    "Deployment": _TEMPLATE,
    "StatefulSet": _TEMPLATE,
    "DaemonSet": _TEMPLATE,
    "ReplicaSet": _TEMPLATE,
    "ReplicationController": _TEMPLATE,
    "Job": _TEMPLATE,
    "Rollout": _TEMPLATE,
}

POD_KINDS = frozenset(_PATHS)
_MIGRATION = (
    "migrat",
    "schema-up",
    "schema:up",
    "schema-apply",
    "schema:apply",
    "alembic",
    "flyway",
    "liquibase",
    "db:deploy",
)


class Container(Record):
    """A container of a pod. `path` leads to it from the top of the resource."""

    name: str
    image: str
    path: Path
    fields: dict[str, object]
    init: bool
    command_line: str
    """Command and arguments, one a line."""

    @property
    def migrates(self) -> bool:
        """Whether its name or command speaks of a database migration."""
        words = f"{self.name}\n{self.command_line}".lower()
        return any(word in words for word in _MIGRATION)


class Reference(Record):
    """Something a pod cannot start without. `key` is empty where the whole object is meant."""

    kind: str
    name: str
    key: str
    path: Path


class Pod(Record):
    """The pods that a resource makes: the resource, the hook it may be, and the way to the pods' spec."""

    resource: Resource
    hook: Hook | None
    path: Path
    spec: dict[str, object]
    containers: tuple[Container, ...]
    references: tuple[Reference, ...]

    @property
    def application(self) -> tuple[Container, ...]:
        """The containers that stay, without those that run before them."""
        return tuple(container for container in self.containers if not container.init)

    def meta(self, name: str) -> dict[str, object]:
        """Return the labels or annotations of the pods."""
        return mapping(self.resource.at(*self.path[:-1], "metadata", name))


def pod_of(resource: Resource, hook: Hook | None) -> Pod | None:
    """Return the pods that a resource makes, None where it makes none or its shape does not say so."""
    path = _PATHS.get(resource.identity.kind)
    spec = mapping(resource.at(*path)) if path else {}
    if not path or not spec:
        return None
    containers = tuple(_containers(spec, path))
    return Pod(resource, hook, path, spec, containers, tuple(_references(spec, path, containers)))


def _containers(spec: dict[str, object], path: Path) -> Iterator[Container]:
    for field in ("initContainers", "containers"):
        for index, item in enumerate(sequence(spec.get(field))):
            fields = mapping(item)
            # A sidecar is an init container that stays (Kubernetes 1.29).
            init = field == "initContainers" and fields.get("restartPolicy") != "Always"
            line = "\n".join(map(text, (*sequence(fields.get("command")), *sequence(fields.get("args")))))
            yield Container(
                text(fields.get("name")), text(fields.get("image")), (*path, field, index), fields, init, line
            )


def _references(spec: dict[str, object], path: Path, containers: tuple[Container, ...]) -> Iterator[Reference]:
    for container in containers:
        yield from _environment(container)
    for index, volume in enumerate(sequence(spec.get("volumes"))):
        yield from _volume(mapping(volume), (*path, "volumes", index))
    for index, item in enumerate(sequence(spec.get("imagePullSecrets"))):
        name = text(mapping(item).get("name"))
        if name:
            yield Reference("Secret", name, "", (*path, "imagePullSecrets", index, "name"))
    account = text(spec.get("serviceAccountName"))
    if account:
        yield Reference("ServiceAccount", account, "", (*path, "serviceAccountName"))


def _environment(container: Container) -> Iterator[Reference]:
    for read in reads(container.fields):
        if not read.optional:
            key = read.key if read.path[0] == "env" else ""
            yield Reference(read.kind, read.name, key, (*container.path, *read.path, "name"))


def _volume(volume: dict[str, object], path: Path) -> Iterator[Reference]:
    for field, kind, name in (
        ("configMap", "ConfigMap", "name"),
        ("secret", "Secret", "secretName"),
        ("persistentVolumeClaim", "PersistentVolumeClaim", "claimName"),
    ):
        if field in volume:
            yield from _named(kind, mapping(volume[field]), (*path, field), name)
    for index, source in enumerate(sequence(mapping(volume.get("projected")).get("sources"))):
        for field, kind in (("configMap", "ConfigMap"), ("secret", "Secret")):
            if field in mapping(source):
                yield from _named(kind, mapping(mapping(source)[field]), (*path, "projected", "sources", index, field))


def _named(kind: str, source: dict[str, object], path: Path, field: str = "name") -> Iterator[Reference]:
    name = text(source.get(field))
    if name and source.get("optional") is not True:
        yield Reference(kind, name, text(source.get("key")), (*path, field))
