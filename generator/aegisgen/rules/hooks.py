"""Hooks that Argo CD does not run, runs for ever, runs too often or deletes at the wrong time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from aegisgen.argocd.application import application_settings
from aegisgen.argocd.hooks import (
    DELETE_POLICIES,
    DELETE_POLICY,
    HELM_DELETE_POLICIES,
    HELM_HOOK,
    HELM_TYPES,
    HELM_WEIGHT,
    HOOK,
    HOOK_TYPES,
    SYNC_WAVE,
    DeletePolicy,
    Dropped,
    Phase,
    wave_of,
)
from aegisgen.argocd.workload import limit_of
from aegisgen.errors import Severity
from aegisgen.kube.resource import Resource
from aegisgen.kube.shape import mapping
from aegisgen.rules.context import Context
from aegisgen.rules.images import image_of
from aegisgen.rules.rule import Hit, Rule, Scope

# A Job that is gone before Argo CD looked at it left syncs stuck (argo-cd issues 21055 and 6880); it looks every few
# seconds, and a minute leaves room for a busy controller.
TTL_FLOOR = 60
# How many pods a failing hook may start before everybody gives up.
MAX_ATTEMPTS = 10

_RUN_TO_END = frozenset({"Job", "Pod", "Workflow"})


def unknown_type(context: Context) -> Iterator[Hit]:
    """Find hook types that Argo CD drops."""
    for resource, hook in context.hooks:
        for dropped in hook.unknown:
            effect = "it is never applied" if hook.never_applied else "this type is dropped"
            known = HELM_TYPES if dropped.annotation == HELM_HOOK else [str(kind) for kind in HOOK_TYPES]
            message = f"{_quoted(dropped)} is no hook type of Argo CD: {effect}, without an error"
            yield Hit(message, resource, _annotation(dropped.annotation), fix=_suggestion(dropped.value, known))


def invalid_wave(context: Context) -> Iterator[Hit]:
    """Find waves and weights that are not integers."""
    for resource in context.resources:
        annotations = resource.annotations
        if SYNC_WAVE not in annotations and HELM_WEIGHT not in annotations:
            continue
        wave = wave_of(resource)
        for dropped in wave.invalid:
            message = f"the wave {_quoted(dropped)} is not an integer: Argo CD takes {wave.value}"
            yield Hit(message, resource, _annotation(dropped.annotation))


def unknown_delete_policy(context: Context) -> Iterator[Hit]:
    """Find delete policies that Argo CD drops."""
    for resource, hook in context.hooks:
        for dropped in hook.unknown_policies:
            own = dropped.annotation == DELETE_POLICY
            known = [str(policy) for policy in DELETE_POLICIES] if own else HELM_DELETE_POLICIES
            message = f"{_quoted(dropped)} is no delete policy: what applies is {', '.join(hook.delete_policies)}"
            yield Hit(message, resource, _annotation(dropped.annotation), fix=_suggestion(dropped.value, known))


def generated_name(context: Context) -> Iterator[Hit]:
    """Find hooks with a new name each time that are to be deleted before they are created again."""
    for resource, hook in context.hooks:
        named = mapping(resource.data.get("metadata"))
        new_each_time = named.get("generateName") and not named.get("name") and hook.phases
        if new_each_time and DeletePolicy.BEFORE_HOOK_CREATION in hook.delete_policies:
            message = "with generateName every sync creates a new hook, and BeforeHookCreation deletes none of them"
            yield Hit(message, resource, ("metadata", "generateName"))


def no_deadline(context: Context) -> Iterator[Hit]:
    """Find hooks that Argo CD waits for without an end."""
    for resource, hook in context.hooks:
        if resource.identity.kind not in _RUN_TO_END or not hook.phases or resource.at("spec", "suspend") is True:
            continue
        if resource.at("spec", "activeDeadlineSeconds") is None and (
            resource.at("spec", "template", "spec", "activeDeadlineSeconds") is None
        ):
            message = "no activeDeadlineSeconds: a pod that cannot start or never ends hangs the sync for ever"
            yield Hit(message, resource, ("spec",))


def short_ttl(context: Context) -> Iterator[Hit]:
    """Find hook Jobs that may be gone before Argo CD has seen them end."""
    for resource, hook in context.hooks:
        ttl = resource.at("spec", "ttlSecondsAfterFinished")
        if resource.identity.kind == "Job" and hook.phases and isinstance(ttl, int) and ttl < TTL_FLOOR:
            message = f"{ttl} s after its end the Job is deleted, perhaps before Argo CD has seen it succeed"
            yield Hit(message, resource, ("spec", "ttlSecondsAfterFinished"))


def deleted_volume(context: Context) -> Iterator[Hit]:
    """Find volume claims that are deleted with each sync."""
    for resource, hook in context.hooks:
        if resource.identity.kind != "PersistentVolumeClaim" or not hook.phases:
            continue
        if any(policy is not DeletePolicy.NEVER for policy in hook.delete_policies):
            policies = ", ".join(hook.delete_policies)
            message = f"as a hook with {policies} the claim is deleted in every sync, with all that is stored on it"
            key = HOOK if HOOK in resource.annotations else HELM_HOOK
            yield Hit(message, resource, _annotation(key))


def many_attempts(context: Context) -> Iterator[Hit]:
    """Find hooks that the Application's retries multiply."""
    for application in context.applications:
        settings = application_settings(application)
        if settings is None:
            continue
        for resource, hook in context.hooks:
            limit = limit_of(resource, settings.syncs) if resource.identity.kind == "Job" and hook.phases else None
            if limit is None or (limit.total_pods is not None and limit.total_pods <= MAX_ATTEMPTS):
                continue
            if settings.syncs is None:
                times = "without end"
            else:
                times = f"{limit.total_pods} times ({settings.syncs} syncs of {limit.pods} attempts)"
            message = f"a failing {resource.identity} runs {times}: every retry of the sync creates it anew"
            yield Hit(message, application, _retry_path(application))


def hooks_alone(context: Context) -> Iterator[Hit]:
    """Find builds of which Argo CD compares nothing."""
    if not context.hooks or (context.overlay is None and not context.applications):
        return
    if len(context.hooks) == len(context.resources):
        message = "every resource here is a hook: hooks are not compared, so nothing is ever OutOfSync and no automated"
        yield Hit(f"{message} sync begins", context.hooks[0][0])


def two_dialects(context: Context) -> Iterator[Hit]:
    """Find resources with hook annotations of both kinds."""
    for resource, _ in context.hooks:
        annotations = resource.annotations
        if HOOK in annotations and HELM_HOOK in annotations:
            message = f"{HOOK} and {HELM_HOOK} on one resource: Argo CD goes by the first, Helm by the second"
            yield Hit(message, resource, _annotation(HELM_HOOK))


def mutable_image(context: Context) -> Iterator[Hit]:
    """Find hooks whose image can change without a change in git."""
    for pod in context.pods:
        if pod.hook is None or not pod.hook.phases or Phase.SYNC_FAIL in pod.hook.phases:
            continue
        for container in pod.containers:
            image = image_of(container.image)
            if image.mutable:
                message = (
                    f"the tag {image.version!r} stays the same in git: a new image under it starts no sync, and this "
                    "hook does not run"
                )
                yield Hit(message, pod.resource, (*container.path, "image"))
                break


def _annotation(key: str) -> tuple[str, ...]:
    return ("metadata", "annotations", key)


def _quoted(dropped: Dropped) -> str:
    return f"'{dropped.value}'"


def _suggestion(value: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 -- start-up time

    names = list(known)
    lower = {name.lower(): name for name in names}
    close = get_close_matches(value.lower(), lower, n=1)
    return f"write {lower[close[0]]}" if close else f"write one of {', '.join(names)}"


def _retry_path(application: Resource) -> tuple[str, ...]:
    path: tuple[str, ...] = ("spec", "syncPolicy", "retry", "limit")
    while len(path) > 1 and application.at(*path) is None:
        path = path[:-1]
    return path


RULES = (
    Rule("H101", "unknown hook type", Severity.ERROR, unknown_type, ("hooks", "typo"), Scope.LASTING),
    Rule("H102", "sync wave that is not an integer", Severity.ERROR, invalid_wave, ("hooks", "typo"), Scope.LASTING),
    Rule("H103", "unknown hook delete policy", Severity.ERROR, unknown_delete_policy, ("hooks", "typo"), Scope.LASTING),
    Rule("H104", "generateName with BeforeHookCreation", Severity.WARNING, generated_name, ("hooks",), Scope.LASTING),
    Rule("H105", "hook without a deadline", Severity.WARNING, no_deadline, ("hooks", "hang"), Scope.ALONE),
    Rule("H106", "hook Job with a very short TTL", Severity.WARNING, short_ttl, ("hooks", "hang"), Scope.LASTING),
    Rule(
        "H107",
        "volume claim that every sync deletes",
        Severity.ERROR,
        deleted_volume,
        ("hooks", "data-loss"),
        Scope.LASTING,
    ),
    Rule("H108", "retries that multiply", Severity.WARNING, many_attempts, ("hooks", "applications")),
    Rule("H109", "application of hooks alone", Severity.WARNING, hooks_alone, ("hooks", "stale")),
    Rule("H110", "hook annotations of Argo CD and of Helm", Severity.WARNING, two_dialects, ("hooks",), Scope.LASTING),
    Rule("H111", "hook with a mutable image tag", Severity.WARNING, mutable_image, ("hooks", "stale"), Scope.ALONE),
)
