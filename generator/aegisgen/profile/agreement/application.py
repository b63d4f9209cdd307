"""What Argo CD is told of a service: names, and fields that need or exclude each other."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import UNSET

from aegisgen.errors import Problem
from aegisgen.kube.resource import value_at
from aegisgen.profile.layers import Layer, missing, problem
from aegisgen.profile.steps.application import Automated
from aegisgen.profile.target import Target


def application_name(target: Target) -> str:
    """Return the Application's name."""
    application = target.settings.application
    return (application.name if application else UNSET) or f"{target.environment}-{target.settings.workload.name}"


def problems(target: Target, layers: list[Layer]) -> Iterator[Problem]:
    """Yield what is wrong with a service's Application as it was resolved."""
    settings, application = target.settings, target.settings.application
    if settings.approval.sync_windows and not target.argocd.project:
        message = "windows belong to an AppProject, expected argocd.project in the project file"
        yield problem(layers, ("approval", "syncWindows"), message)
    if not application:
        if settings.approval.sync_windows:
            message = "missing, expected an Application for the sync windows to hold for"
            yield missing(layers, ("application",), message)
        return
    if not application.repo_url and not target.repository:
        message = "missing, expected the repository's URL, here or as repository.url in the project file"
        yield problem(layers, ("application", "repoURL"), message)
    if application.destination.server and application.destination.name:
        yield problem(layers, ("application", "destination"), "both server and name, expected one of them")
    if settings.approval.gate and isinstance(application.automated, Automated) and application.automated.self_heal:
        healing = [layer for layer in layers if value_at(layer.data, ("application", "automated", "selfHeal"))]
        message = "starts syncs by itself, and each would stop at the approval gate; expected false"
        yield problem(healing or layers, ("application", "automated", "selfHeal"), message)
