"""The approval gate: its place among the steps, who asks for it, and fields that need or exclude each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from aegisgen.errors import Problem
from aegisgen.kube.resource import value_at
from aegisgen.profile.layers import Layer, problem, saying
from aegisgen.profile.model import Hook
from aegisgen.profile.steps.job import wanted
from aegisgen.profile.target import Target

# With a gate. The dry run has shown something before people are asked, and the backup is made when they have agreed:
# the wait has no limit, and a dump from before it could be days old. Counted from the migration's wave.
_BEFORE = {("hook", "configWave"): -4, ("dryRun", "wave"): -3, ("approval", "wave"): -2, ("backup", "wave"): -1}


def waves(said: Mapping[str, object]) -> dict[str, object]:
    """Return the waves of what precedes the migration, where a service has a gate and states none of them."""
    stated = any(value_at(said, place) is not None for place in _BEFORE)
    if value_at(said, ("approval", "gate")) is not True or stated:
        return {}
    job = value_at(said, ("hook", "wave"))
    job = job if isinstance(job, int) else Hook().wave
    return {step: {field: job + by} for (step, field), by in _BEFORE.items() if step == "hook" or step in said}


def asks(target: Target) -> str:
    """Return what tells that an approval is waited for: `dry-run`, `approval-request`, a Job of its own, or nothing."""
    settings = target.settings
    approval, hook = settings.approval, settings.hook
    if settings.strategy != "presync-job" or not approval.gate:
        return ""
    if wanted(settings.dry_run) and settings.dry_run.wave < approval.wave:
        return "dry-run"
    # Not before the address of the database and the scripts are there.
    return "approval-request" if approval.wave - 1 > hook.config_wave else ""


def problems(target: Target, layers: list[Layer]) -> Iterator[Problem]:
    """Yield what is wrong with a service's approval as it was resolved."""
    settings = target.settings
    approval, hook = settings.approval, settings.hook
    if not approval.gate:
        if approval.groups:
            yield problem(layers, ("approval", "groups"), "nobody is asked, expected gate: true, or no such field")
        return
    if settings.strategy != "presync-job":
        message = (
            "belongs to the strategy presync-job: pods start one by one, and a gate in each of them stops none of "
            "the others; remove it, or turn automated sync off in `application`"
        )
        yield problem(saying(layers, "approval", "gate"), ("approval", "gate"), message)
        return
    if approval.wave >= hook.wave:
        message = f"not before the Job's wave, expected less than {hook.wave}: consent comes first"
        yield problem(layers, ("approval", "wave"), message)
    others = {"hook.configWave": hook.config_wave}
    others |= {"dryRun.wave": settings.dry_run.wave} if wanted(settings.dry_run) else {}
    others |= {"backup.wave": settings.backup.wave} if wanted(settings.backup) else {}
    for name, wave in others.items():
        if approval.wave == wave:
            message = f"that of {name} as well, expected another: steps of one wave run side by side"
            yield problem(layers, ("approval", "wave"), message)
