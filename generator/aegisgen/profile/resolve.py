"""Project and profile in, one complete record for each service of the environment out."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from aegisgen.errors import InputError, Problem
from aegisgen.kube.resource import value_at
from aegisgen.profile.agreement.approval import waves
from aegisgen.profile.agreement.services import disagreements, unknown_services
from aegisgen.profile.layers import Layer, missing
from aegisgen.profile.model import OVERLAY, Settings
from aegisgen.profile.sources import ProfileSource, ProjectSource
from aegisgen.profile.steps.runbook import PATH
from aegisgen.profile.target import Target, overlay_folder

# What a profile says of the environment itself, and not of its services.
_ENVIRONMENT_FIELDS = frozenset({"namespace", "namePrefix", "nameSuffix", "services"})


def resolve(project: ProjectSource, profile: ProfileSource, only: Collection[str] | None = None) -> list[Target]:
    """Return the environment's enabled services, or those of them named in `only`, sorted by name.

    Raises InputError with everything that the two files, each valid by itself, do not say or say against each other.
    """
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
    named = [path for path in paths if isinstance(path, str)]
    return overlay_folder(named[-1] if named else PATH, profile.name, service)


def is_enabled(project: ProjectSource, profile: ProfileSource, service: str) -> bool:
    """Tell whether the environment runs a service."""
    return _said(project, profile, service, "enabled") is not False


def _said(project: ProjectSource, profile: ProfileSource, service: str, field: str) -> object:
    """Return what the strongest of the layers that say anything says in one field; see `layers_of`."""
    saying = (layer.data[field] for layer in reversed(layers_of(project, profile, service)) if field in layer.data)
    return next(saying, None)


def _target(
    project: ProjectSource, profile: ProfileSource, service: str, layers: list[Layer]
) -> Target | Problem | None:
    merged: dict[str, object] = {}
    for layer in layers:
        fields = {key: value for key, value in layer.data.items() if key not in _ENVIRONMENT_FIELDS}
        if isinstance(fields.get("image"), str):
            fields["image"] = {"name": fields["image"]}
        merged = _merge(merged, fields)
    if merged.get("enabled") is False:
        return None
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
        settings=msgspec.convert(_merge(waves(merged), merged), Settings),
        repository=project.value.repository or None,
        argocd=project.value.argocd,
    )


def _merge(below: dict[str, object], above: dict[str, object]) -> dict[str, object]:
    result = dict(below)
    for key, value in above.items():
        lower = result.get(key)
        result[key] = _merge(lower, value) if isinstance(lower, dict) and isinstance(value, dict) else value
    return result
