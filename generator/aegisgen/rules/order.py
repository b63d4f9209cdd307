"""Pods that need what the same sync applies only later, and hooks that come too late for a rollback, or too early."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aegisgen.argocd.hooks import SYNC_WAVE
from aegisgen.argocd.order import tasks_of
from aegisgen.errors import Severity
from aegisgen.kube.origin import member_of, unhashed
from aegisgen.kube.resource import Resource
from aegisgen.rules.context import Context
from aegisgen.rules.needs import Need
from aegisgen.rules.rule import Hit, Rule

_RECORDS = re.compile(r"/migration-runner/record\.sh\s+(rollout|confirm)\b")
_ADVICE = "make {} a {} hook of a wave before {}, or let the pod read a copy that is one"


def applied_later(context: Context) -> Iterator[Hit]:
    """Find pods that need an object of a later phase or wave."""
    for need in context.needs:
        if need.later and need.direct and not _is_hashed(context, need.provider):
            when = f"in {need.starts}, which is applied in {need.provided}"
            yield _hit(need, f"needs {need.reference.kind}/{need.reference.name} {when}: {_consequence(need)}")


def produced_later(context: Context) -> Iterator[Hit]:
    """Find pods that need a Secret which a controller makes from an object of a later phase or wave."""
    for need in context.needs:
        if need.later and not need.direct:
            origin = f"{need.provider.identity}, which produces it, is applied in {need.provided}"
            message = f"needs Secret/{need.reference.name} in {need.starts}; {origin}: {_consequence(need)}"
            yield _hit(need, message)


def hashed_later(context: Context) -> Iterator[Hit]:
    """Find pods that need a generated object whose name changes with its content."""
    for need in context.needs:
        if need.later and need.direct and _is_hashed(context, need.provider):
            what = f"the generated {need.reference.kind}/{need.reference.name}"
            when = f"in {need.starts}, which is applied in {need.provided}"
            effect = "each change of its content gives it a name that does not exist yet"
            yield _hit(need, f"needs {what} {when}: {effect}")


def same_wave(context: Context) -> Iterator[Hit]:
    """Find hooks that need a hook of their own wave."""
    for need in context.needs:
        if need.same_wave:
            yield _hit(
                need, f"needs {need.provider.identity}, a hook of the same wave ({need.starts}) that comes after it"
            )


def outside_of_rollback(context: Context) -> Iterator[Hit]:
    """Find hooks that can fail after the confirmation, and pods that are applied before a rollout is recorded."""
    marks = [
        (command[1], mark)
        for pod, container in context.containers()
        if (command := _RECORDS.search(container.command_line))
        for mark in tasks_of(pod.resource)
    ]
    with_pods = {id(pod.resource) for pod in context.pods}
    tasks = [task for resource in context.resources if marks for task in tasks_of(resource)]
    for word, mark in marks:
        recorder = f"{mark.resource.identity} (wave {mark.wave})"
        for task in tasks:
            if task.resource is mark.resource or task.phase is not mark.phase:
                continue
            if word == "confirm" and task.wave >= mark.wave:
                message = (
                    f"not before {recorder}, with which the sync has succeeded: if it fails, nothing is taken back"
                )
            elif word == "rollout" and task.wave <= mark.wave and id(task.resource) in with_pods:
                message = f"not after {recorder}, which records that they run: their schema may be taken back"
            else:
                continue
            yield Hit(f"wave {task.wave} is {message}", task.resource, ("metadata", "annotations", SYNC_WAVE))


def _hit(need: Need, message: str) -> Hit:
    advice = _ADVICE.format(need.provider.identity, need.starts.task.phase, need.starts.task.wave)
    return Hit(message, need.pod.resource, need.reference.path, fix=advice if need.pod.hook else "")


def _is_hashed(context: Context, resource: Resource) -> bool:
    if context.overlay is None:
        return unhashed(resource.identity.name) != resource.identity.name
    member = member_of(context.overlay, resource.identity)
    return member is not None and member.hashed


def _consequence(need: Need) -> str:
    if need.pod.hook is None:
        return "the sync waits until this wave is healthy, and never gets there"
    return "it waits for ever on a first sync and finds former values on later ones"


RULES = (
    Rule("O201", "needs what is applied later", Severity.ERROR, applied_later, ("order", "hang", "stale")),
    Rule("O202", "needs a Secret that is produced later", Severity.ERROR, produced_later, ("order", "hang")),
    Rule("O203", "needs a hashed name that is applied later", Severity.ERROR, hashed_later, ("order", "hang")),
    Rule("O204", "two hooks of one wave, one needing the other", Severity.WARNING, same_wave, ("order",)),
    Rule("O205", "outside of what a rollback guards", Severity.ERROR, outside_of_rollback, ("order", "data-loss")),
)
