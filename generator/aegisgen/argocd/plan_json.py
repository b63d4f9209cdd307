"""A plan as JSON for programs.

The keys are stable: `version` goes up when one changes its meaning or goes away, new ones may come at any time.

    {version, title, application: {name, namespace, automated, syncs} | null, notes: [text],
     phases: [{phase, waves: [{wave, waitsFor: [resource], ifFails: {skips: [{phase, wave}], runs: [resource]},
       steps: [{resource, hook: {types, deletePolicies} | null, moved, until, waited,
                limit: {deadlineSeconds, attempts, syncs, totalSeconds, totalAttempts} | null, stallsAfterSeconds,
                replicas, initContainers: [{name, image, sidecar}]}]}]}],
     notApplied: [{resource, reason, hookTypes}]}

A resource is {apiVersion, kind, namespace, name, generateName}; the last is true where `name` is only a prefix.
`until` is applied, healthy, complete or approved; null stands for "no limit" in every limit.
"""

from __future__ import annotations

import json

from aegisgen.argocd import plan_words as words
from aegisgen.argocd.hooks import Phase
from aegisgen.argocd.plan import Plan, PlannedWave, Step
from aegisgen.kube.resource import Identity
from aegisgen.output.records import fields_of
from aegisgen.record import asdict

VERSION = 1


def to_json(plan: Plan) -> str:
    """Return the document, indented, ended by a newline."""
    application = plan.application
    document = {
        "version": VERSION,
        "title": plan.title,
        "application": application and fields_of(application, "name", "namespace", "automated", "syncs"),
        "notes": words.notes(plan),
        "phases": [
            {"phase": phase.phase, "waves": [_wave(plan, wave) for wave in phase.waves]} for phase in plan.phases
        ],
        "notApplied": [
            {"resource": _resource(item.identity), "reason": item.absence, "hookTypes": item.values}
            for item in plan.unapplied
        ],
    }
    return json.dumps(document, indent=2) + "\n"


def _wave(plan: Plan, wave: PlannedWave) -> dict[str, object]:
    runs = () if wave.id.phase is Phase.SYNC_FAIL else plan.sync_fail
    return {
        "wave": wave.id.wave,
        "waitsFor": [_named(step) for step in wave.waits_for],
        "ifFails": {
            "skips": [asdict(skipped) for skipped in wave.skips],
            "runs": [_named(step) for step in runs],
        },
        "steps": [_step(step) for step in wave.steps],
    }


def _step(step: Step) -> dict[str, object]:
    limit = step.limit
    return {
        "resource": _named(step),
        "hook": step.hook and fields_of(step.hook, "types", deletePolicies="delete_policies"),
        **fields_of(step, "moved", "until", "waited", "replicas", stallsAfterSeconds="stalls_after"),
        "limit": limit
        and fields_of(
            limit,
            "syncs",
            deadlineSeconds="seconds",
            attempts="pods",
            totalSeconds="total_seconds",
            totalAttempts="total_pods",
        ),
        "initContainers": [asdict(container) for container in step.init_containers],
    }


def _named(step: Step) -> dict[str, object]:
    return _resource(step.identity, generated=step.generated_name)


def _resource(identity: Identity, *, generated: bool = False) -> dict[str, object]:
    return fields_of(identity, "kind", "namespace", "name", apiVersion="api_version") | {"generateName": generated}
