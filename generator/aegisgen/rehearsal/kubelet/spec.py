"""What of a pod's spec decides how it runs. Fields that change nothing here are left out.

Source of names and defaults: Kubernetes API reference, core/v1 PodSpec and Container.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from aegisgen.argocd.workload import DEFAULT_BACKOFF_LIMIT
from aegisgen.errors import InputError, Problem
from aegisgen.kube.resource import Identity

_Spec = TypeVar("_Spec", bound=msgspec.Struct)


class _Part(msgspec.Struct, frozen=True, rename="camel"):
    """Unknown fields are fine: schemas judge them elsewhere."""


class Reference(_Part, frozen=True):
    """What a value, a variable or a volume is taken from."""

    name: str = ""
    key: str = ""
    optional: bool = False
    field_path: str = ""
    resource: str = ""
    secret_name: str = ""
    claim_name: str = ""
    items: tuple[Item, ...] = ()
    """The keys that become files, where not all do."""


class Item(_Part, frozen=True):
    """A key and the file that it becomes."""

    key: str
    path: str


class Origin(_Part, frozen=True):
    """Where a variable's value comes from."""

    config_map_key_ref: Reference | None = None
    secret_key_ref: Reference | None = None
    field_ref: Reference | None = None
    resource_field_ref: Reference | None = None


class Variable(_Part, frozen=True):
    """One entry of `env`."""

    name: str
    value: str = ""
    value_from: Origin | None = None


class VariableSource(_Part, frozen=True):
    """One entry of `envFrom`."""

    prefix: str = ""
    config_map_ref: Reference | None = None
    secret_ref: Reference | None = None


class Mount(_Part, frozen=True):
    """Where a container has a volume."""

    name: str
    mount_path: str
    sub_path: str = ""


class Resources(_Part, frozen=True):
    """Requests and limits, for `resourceFieldRef`."""

    limits: dict[str, str | int | float] = {}
    requests: dict[str, str | int | float] = {}


class Container(_Part, frozen=True):
    """A container, an init container or, with `restartPolicy: Always`, a sidecar."""

    name: str
    image: str = ""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: tuple[Variable, ...] = ()
    env_from: tuple[VariableSource, ...] = ()
    volume_mounts: tuple[Mount, ...] = ()
    working_dir: str = ""
    restart_policy: str = ""
    resources: Resources = Resources()
    termination_message_path: str = "/dev/termination-log"
    termination_message_policy: str = "File"

    @property
    def sidecar(self) -> bool:
        """Whether it runs beside what follows."""
        return self.restart_policy == "Always"


class Volume(_Part, frozen=True):
    """A volume of a pod; every kind that is not listed is an empty folder here."""

    name: str
    config_map: Reference | None = None
    secret: Reference | None = None
    persistent_volume_claim: Reference | None = None


class PodSpec(_Part, frozen=True):
    """A pod."""

    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] = ()
    volumes: tuple[Volume, ...] = ()
    restart_policy: str = "Always"
    service_account_name: str = "default"
    termination_grace_period_seconds: int = 30


class Metadata(_Part, frozen=True):
    """A pod template's metadata."""

    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class Template(_Part, frozen=True):
    """What pods are made from."""

    metadata: Metadata = Metadata()
    spec: PodSpec = PodSpec()


class JobSpec(_Part, frozen=True):
    """A Job (batch/v1 JobSpec)."""

    template: Template
    backoff_limit: int = DEFAULT_BACKOFF_LIMIT
    active_deadline_seconds: int | None = None
    suspend: bool = False
    parallelism: int = 1
    completions: int | None = None


class WorkloadSpec(_Part, frozen=True):
    """A Deployment, StatefulSet, ReplicaSet or DaemonSet."""

    template: Template
    replicas: int = 1
    progress_deadline_seconds: int = 600


# msgspec finds out about a type when it first needs to, and two threads that do so at once crash the interpreter
# (seen with msgspec 0.22 and Python 3.11). What is known by now is only read.
for _kind in (Template, PodSpec, JobSpec, WorkloadSpec):
    msgspec.json.Decoder(_kind)


def spec_of(data: object, kind: type[_Spec], identity: Identity, source: str) -> _Spec:
    """Read a part of a manifest. Raises InputError where it is not what Kubernetes would take."""
    try:
        return msgspec.convert(_without_nulls(data), kind)
    except msgspec.ValidationError as error:
        problem = Problem(source, 0, 0, str(identity), f"cannot be run: {error}; see: aegisgen validate")
        raise InputError(problem) from None


def with_images(template: Template, images: Mapping[str, str]) -> Template:
    """Return the template with other images, given by those that it has."""
    if not images:
        return template

    def changed(containers: tuple[Container, ...]) -> tuple[Container, ...]:
        return tuple(replace(container, image=images.get(container.image, container.image)) for container in containers)

    spec = template.spec
    spec = replace(spec, containers=changed(spec.containers), init_containers=changed(spec.init_containers))
    return replace(template, spec=spec)


def _without_nulls(data: object) -> object:
    """The API server takes `command: null` as if it were not there."""
    if isinstance(data, dict):
        return {key: _without_nulls(value) for key, value in data.items() if value is not None}
    if isinstance(data, list):
        return [_without_nulls(value) for value in data]
    return data
