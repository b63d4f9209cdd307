"""One resolved service in, the text of its files and their wiring out. Pure: no file, clock, process or network."""

from __future__ import annotations

import posixpath

from aegisgen.profile.agreement.rollback import CONFIRM_WAVE, ROLLOUT_WAVE, automatic, records
from aegisgen.profile.agreement.security import account_name, sealed_name
from aegisgen.profile.amounts import Amounts
from aegisgen.profile.stated import Stated, stated
from aegisgen.profile.steps.job import wanted
from aegisgen.profile.steps.security import Peer
from aegisgen.profile.target import Target
from aegisgen.profile.types import seconds
from aegisgen.record import Record
from aegisgen.render.environment import Templates
from aegisgen.render.kustomization import Patch, Wiring
from aegisgen.render.kustomization.stated import literal_of
from aegisgen.render.notices import channel_variables, runbook_link, telling
from aegisgen.render.parts import PARTS
from aegisgen.render.places import RUNNER
from aegisgen.render.runner import migration_run, rollback_runs
from aegisgen.render.steps import own_address, step_values


class Overlay(Record):
    """What one overlay folder must hold."""

    directory: str
    files: dict[str, str]
    wiring: Wiring | None
    """Their entries in the folder's kustomization.yaml; None: whether there is one is the user's affair."""
    starter: str
    """The kustomization.yaml to begin with, where there is none yet."""
    stated: Stated | None = None
    """What the profile states of values in the kustomization.yaml."""


def render(target: Target, templates: Templates) -> Overlay:
    """Render everything that aegisgen owns of one service in one environment.

    Raises InputError where a template fails.
    """
    values = _values(target) | step_values(target)
    strategy = target.settings.strategy
    parts = [part for part in PARTS[strategy] if part.wanted(target)]
    files = {part.file: templates.render(part.shared or f"{strategy}/{part.file}.j2", **values) for part in parts}
    wiring = Wiring(
        resources=tuple(part.entry for part in parts if part.applied and not part.patches),
        patches=tuple(Patch(part.file, *part.patches(target)) for part in parts if part.patches),
    )
    starter = templates.render("kustomization.yaml.j2", **values)
    return Overlay(target.directory, files, wiring, starter, stated(target))


def runner(templates: Templates) -> Overlay:
    """Return the component with the scripts: the same files in every project."""
    return Overlay(RUNNER, dict(templates.scripts), None, "")


def _values(target: Target) -> dict[str, object]:
    settings = target.settings
    return {
        "target": target,
        "amounts": _amounts,
        "seconds": seconds,
        "longest": _longest(target),
        "labels": _labels(target),
        "account": account_name(target),
        "urls": channel_variables(target),
        "own_address": own_address(target),
        "run": telling(target, migration_run(target), "migration"),
        "rollback": {
            name: telling(target, run, "rollback" if run.script == "rollback.sh" else "record")
            for name, run in rollback_runs(target).items()
        },
        "component": posixpath.relpath(RUNNER, f"{target.directory}/migration-runner"),
        "records": records(target),
        # What the Jobs of SyncFail need is created in that phase too: PreSync may have failed before it.
        "config_phases": "PreSync,SyncFail" if automatic(target) else "PreSync",
        "rollout_wave": ROLLOUT_WAVE,
        "confirm_wave": CONFIRM_WAVE,
        "sealed_name": sealed_name(target),
        "runbook_link": runbook_link(target),
        "peers": _peers(target),
        "base": posixpath.relpath(target.base, target.directory),
        "replicas": settings.replicas if isinstance(settings.replicas, int) else None,
        "literals": [literal_of(key, value) for key, value in settings.config.items()],
    }


def _labels(target: Target) -> dict[str, str]:
    """Labels of the hooks; deliberately none that the workload's Service or selector could match."""
    return {
        "app.kubernetes.io/name": target.job_name,
        "app.kubernetes.io/component": "migration",
        "app.kubernetes.io/managed-by": "aegisgen",
    }


def _longest(target: Target) -> int:
    """How many seconds the step may take that may take longest."""
    settings = target.settings
    deadlines = [settings.job.deadline, settings.rollback.deadline]
    deadlines += [step.deadline for step in (settings.backup, settings.dry_run, settings.checks) if wanted(step)]
    return max(map(seconds, deadlines))


def _peers(target: Target) -> list[tuple[Peer, list[str], int]]:
    """Whom the network policy lets the pods talk to: who, over what, on which port."""
    policy = target.settings.security.network_policy
    database = [policy.database] if policy.database else []
    return [
        *((peer, ["TCP"], peer.port or 5432) for peer in database),
        (policy.dns, ["UDP", "TCP"], policy.dns.port or 53),
        *((peer, ["TCP"], peer.port or 443) for peer in policy.also),
    ]


def _amounts(amounts: Amounts) -> dict[str, str]:
    return {name: value for name in ("cpu", "memory") if isinstance(value := getattr(amounts, name), str)}
