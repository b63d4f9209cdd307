"""What a profile says about a person's consent before anything is touched."""

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from aegisgen.kube.resource import value_at
from aegisgen.profile.base import Model
from aegisgen.profile.layers import Layer, problem
from aegisgen.profile.steps.application import SyncWindow
from aegisgen.profile.types import Duration, Wave

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aegisgen.errors import Problem
    from aegisgen.profile.resolve import Target


class Approval(Model, frozen=True, kw_only=True):
    """Who waits for whose consent.

    A suspended Job's deadline does not run (Kubernetes: Job, suspending), so the wait itself has no limit.
    """

    gate: Annotated[
        bool, Meta(description="A suspended Job stops each sync until somebody resumes it (presync-job).")
    ] = False
    wave: Annotated[Wave, Meta(description="The gate's sync wave; before everything else.")] = -5
    deadline: Annotated[
        Duration, Meta(description="How long the resumed Job may take; the wait for the approval has no limit.")
    ] = "10m"
    sync_windows: Annotated[
        list[SyncWindow],
        Meta(
            description="Times for the environment's syncs, rendered into argocd.project.",
            examples=[[{"kind": "deny", "schedule": "0 17 * * 5", "duration": "60h"}]],
        ),
    ] = []


def problems(target: "Target", layers: list[Layer]) -> "Iterator[Problem]":
    """Yield what is wrong with a service's approval as it was resolved."""
    settings = target.settings
    if not settings.approval.gate:
        return
    if settings.strategy != "presync-job":
        said = [layer for layer in layers if value_at(layer.data, ("approval", "gate")) is not None]
        message = (
            "belongs to the strategy presync-job: pods start one by one, and a gate in each of them stops none of "
            "the others; remove it, or turn automated sync off in `application`"
        )
        yield problem(said, ("approval", "gate"), message)
    elif settings.approval.wave >= min(settings.hook.config_wave, settings.hook.wave):
        first = min(settings.hook.config_wave, settings.hook.wave)
        message = f"not before the first step's wave, expected less than {first}: nothing may happen before the consent"
        yield problem(layers, ("approval", "wave"), message)
