"""The approval gate: fields that need or exclude each other."""

from __future__ import annotations

from collections.abc import Iterator

from aegisgen.errors import Problem
from aegisgen.profile.layers import Layer, problem, saying
from aegisgen.profile.target import Target


def problems(target: Target, layers: list[Layer]) -> Iterator[Problem]:
    """Yield what is wrong with a service's approval as it was resolved."""
    settings = target.settings
    if not settings.approval.gate:
        return
    if settings.strategy != "presync-job":
        message = (
            "belongs to the strategy presync-job: pods start one by one, and a gate in each of them stops none of "
            "the others; remove it, or turn automated sync off in `application`"
        )
        yield problem(saying(layers, "approval", "gate"), ("approval", "gate"), message)
    elif settings.approval.wave >= min(settings.hook.config_wave, settings.hook.wave):
        first = min(settings.hook.config_wave, settings.hook.wave)
        message = f"not before the first step's wave, expected less than {first}: nothing may happen before the consent"
        yield problem(layers, ("approval", "wave"), message)
