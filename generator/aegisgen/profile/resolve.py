"""Project and profile in, one complete record for each service of the environment out."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from aegisgen.errors import InputError, Problem
from aegisgen.kube.resource import value_at
from aegisgen.kube.shape import mapping
from aegisgen.profile.layers import Layer, missing, problem
from aegisgen.profile.model import OVERLAY, Settings
from aegisgen.profile.steps.runbook import PATH

if TYPE_CHECKING:
    from collections.abc import Collection

    from aegisgen.profile.load import ProfileSource, ProjectSource
    from aegisgen.profile.steps.application import ArgoCD, Repository

__all__ = ["Layer", "Target", "layers_of", "missing", "problem", "resolve"]

# What a profile says of the environment itself, and not of its services.
_ENVIRONMENT_FIELDS = frozenset({"namespace", "namePrefix", "nameSuffix", "services"})


class Target(NamedTuple):
    """One service in one environment: everything that rendering needs to know."""

    environment: str
    service: str
    profile: str
    """The profile's path relative to the project's folder."""
    namespace: str
    name_prefix: str
    name_suffix: str
    kubernetes_version: str
    settings: Settings
    repository: Repository | None
    argocd: ArgoCD
    """What the project says of Argo CD."""

    @property
    def directory(self) -> str:
        """The overlay's folder relative to the project's."""
        return overlay_folder(self.settings.overlay, self.environment, self.service)

    @property
    def image(self) -> str:
        """The image with its digest or tag."""
        image = self.settings.image
        return f"{image.name}@{image.digest}" if image.digest else f"{image.name}:{image.tag}"

    @property
    def pull_policy(self) -> str:
        """A tag can move, and IfNotPresent would then run an old image's migrations."""
        return self.settings.image.pull_policy or ("IfNotPresent" if self.settings.image.digest else "Always")

    @property
    def job_name(self) -> str:
        """The migration Job's name, without the environment's prefix and suffix."""
        return self.settings.job.name or f"{self.settings.workload.name}-migration"

    @property
    def gate_name(self) -> str:
        """The approval Job's name, without the environment's prefix and suffix."""
        return f"{self.settings.workload.name}-approval"

    def composed(self, name: str) -> str:
        """Return a name as Kustomize makes it for this environment."""
        return f"{self.name_prefix}{name}{self.name_suffix}"

    @property
    def config_name(self) -> str:
        """The application's ConfigMap."""
        return self.settings.database.config.name or f"{self.settings.workload.name}-config"

    @property
    def migration_config_name(self) -> str:
        """The ConfigMap that the migration reads: the application's, or the PreSync Job's own."""
        if self.settings.strategy == "presync-job" and self.settings.database.config.from_ == "hook":
            return f"{self.settings.workload.name}-migration-config"
        return self.config_name

    @property
    def secret_name(self) -> str:
        """The Secret with the database's password."""
        return self.settings.database.secret.name or f"{self.settings.workload.name}-secrets"

    def config_key(self, variable: str) -> str:
        """Return the key of the ConfigMap that the migration reads for a variable."""
        own = self.migration_config_name != self.config_name
        return variable if own else self.settings.database.config.rename.get(variable, variable)

    def secret_key(self, variable: str) -> str:
        """Return the key of the Secret that the migration reads for a variable."""
        return self.settings.database.secret.rename.get(variable, variable)


def overlay_folder(pattern: str, environment: str, service: str) -> str:
    """Return the folder that `overlay` means for a service in an environment."""
    return pattern.replace("{environment}", environment).replace("{service}", service)


def resolve(project: ProjectSource, profile: ProfileSource, only: Collection[str] | None = None) -> list[Target]:
    """Return the environment's enabled services, or those of them named in `only`, sorted by name.

    Raises InputError with everything that the two files, each valid by itself, do not say or say against each other.
    """
    from aegisgen.profile.agree import disagreements, unknown_services  # noqa: PLC0415 - it imports Target from here

    problems = list(unknown_services(project, profile))
    targets: list[Target] = []
    for name in sorted(project.value.services if only is None else project.value.services.keys() & only):
        layers = layers_of(project, profile, name)
        target = _target(project, profile, name, layers)
        if isinstance(target, Target):
            problems += disagreements(target, layers)
            targets.append(target)
        elif target is not None:
            problems.append(target)
    if problems:
        raise InputError(*problems)
    return targets


def layers_of(project: ProjectSource, profile: ProfileSource, service: str) -> list[Layer]:
    """Return what is said of a service, the weakest voice first."""
    home = project.home(service)
    candidates = (
        (project.document, ("defaults",)),
        *(((home, ("defaults",)),) if home is not project.document else ()),
        (home, ("services", service)),
        (profile.document, ("spec",)),
        (profile.document, ("spec", "services", service)),
    )
    layers = []
    for document, path in candidates:
        data = value_at(document.data, path)
        if isinstance(data, dict):
            layers.append(Layer(document, path, data))
    return layers


def directory_of(project: ProjectSource, profile: ProfileSource, service: str) -> str:
    """Return a service's overlay folder, whether the environment runs the service or not."""
    return overlay_folder(str(_said(project, profile, service, "overlay") or OVERLAY), profile.name, service)


def runbook_place(project: ProjectSource, profile: ProfileSource, service: str) -> str:
    """Return where a service's runbook is, whether it has one or not."""
    paths = [value_at(layer.data, ("runbook", "path")) for layer in layers_of(project, profile, service)]
    said = [path for path in paths if isinstance(path, str)]
    return overlay_folder(said[-1] if said else PATH, profile.name, service)


def is_enabled(project: ProjectSource, profile: ProfileSource, service: str) -> bool:
    """Tell whether the environment runs a service."""
    return _said(project, profile, service, "enabled") is not False


def _said(project: ProjectSource, profile: ProfileSource, service: str, field: str) -> object:
    """Return what the strongest of the layers that say anything says in one field; see `layers_of`."""
    spec, home = mapping(mapping(profile.document.data).get("spec")), mapping(project.home(service).data)
    for layer in (
        mapping(mapping(spec.get("services")).get(service)),
        spec,
        mapping(mapping(home.get("services")).get(service)),
        mapping(home.get("defaults")),
        mapping(mapping(project.document.data).get("defaults")),
    ):
        if field in layer:
            return layer[field]
    return None


def _target(
    project: ProjectSource, profile: ProfileSource, service: str, layers: list[Layer]
) -> Target | Problem | None:
    merged: dict[str, object] = {}
    for layer in layers:
        said = {key: value for key, value in layer.data.items() if key not in _ENVIRONMENT_FIELDS}
        if isinstance(said.get("image"), str):
            said["image"] = {"name": said["image"]}
        merged = _merge(merged, said)
    if merged.get("enabled") is False:
        return None
    merged.setdefault("base", f"base/{service}")
    for field, expected in (("strategy", "init-container or presync-job"), ("image", "an image and its tag")):
        if field not in merged:
            return missing(layers, (field,), f"missing, expected {expected}")
    spec = profile.value.spec
    return Target(
        environment=profile.name,
        service=service,
        profile=profile.path,
        namespace=spec.namespace,
        name_prefix=spec.name_prefix,
        name_suffix=spec.name_suffix,
        kubernetes_version=project.value.kubernetes_version,
        settings=msgspec.convert(merged, Settings),
        repository=project.value.repository or None,
        argocd=project.value.argocd,
    )


def _merge(below: dict[str, object], above: dict[str, object]) -> dict[str, object]:
    result = dict(below)
    for key, value in above.items():
        lower = result.get(key)
        result[key] = _merge(lower, value) if isinstance(lower, dict) and isinstance(value, dict) else value
    return result
