"""The approval gate: fields that need or exclude each other."""

from __future__ import annotations

from collections.abc import Iterator

from aegisgen.errors import Problem
from aegisgen.kube.resource import value_at
from aegisgen.profile.layers import Layer, problem
from aegisgen.profile.target import Target


def problems(target: Target, layers: list[Layer]) -> Iterator[Problem]:
    """Yield what is wrong with a service's approval as it was resolved."""
    settings = target.settings
    if not settings.approval.gate:
        return
    if settings.strategy != "presync-job":
        gating = [layer for layer in layers if value_at(layer.data, ("approval", "gate")) is not None]
        message = (
            "belongs to the strategy presync-job: pods start one by one, and a gate in each of them stops none of "
            "the others; remove it, or turn automated sync off in `application`"
        )
        yield problem(gating, ("approval", "gate"), message)
    elif settings.approval.wave >= min(settings.hook.config_wave, settings.hook.wave):
        first = min(settings.hook.config_wave, settings.hook.wave)
        message = f"not before the first step's wave, expected less than {first}: nothing may happen before the consent"
        yield problem(layers, ("approval", "wave"), message)
