"""Argo CD Applications and projects whose settings work against what they deploy."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aegisgen.argocd.application import application_settings
from aegisgen.errors import Severity
from aegisgen.kube.shape import mapping, sequence, text
from aegisgen.rules.context import Context
from aegisgen.rules.rule import Hit, Rule, Scope

MAX_RETRIES = 10

# Namespaces that are there before anything is deployed.
_GIVEN = frozenset({"", "default", "kube-system", "kube-public", "argocd"})
_CRON_FIELD = re.compile(r"[\w*/,\-#?]+\Z")
_CRON_FIELDS = 5
_CRON_WORDS = frozenset({"@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually"})
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:h|m|s|ms|us|ns))+\Z")


def healed_approval(context: Context) -> Iterator[Hit]:
    """Find automated syncs of builds that wait for a person."""
    gates = [
        resource
        for resource, hook in context.hooks
        if resource.identity.kind == "Job" and hook.phases and resource.at("spec", "suspend") is True
    ]
    for application in context.applications if gates else ():
        settings = application_settings(application)
        if settings and settings.automated and application.at("spec", "syncPolicy", "automated", "selfHeal") is True:
            message = (
                f"selfHeal starts syncs by itself, and each one stops at {gates[0].identity} until somebody approves"
            )
            yield Hit(message, application, ("spec", "syncPolicy", "automated", "selfHeal"))


def sync_window(context: Context) -> Iterator[Hit]:
    """Find sync windows that never open or that Argo CD cannot read."""
    for project in context.of_kind("AppProject"):
        for index, item in enumerate(sequence(project.at("spec", "syncWindows"))):
            wrong = _wrong_with(mapping(item))
            if wrong:
                field, message = wrong
                path = ("spec", "syncWindows", index)
                yield Hit(message, project, (*path, field) if field in mapping(item) else path)


def no_namespace(context: Context) -> Iterator[Hit]:
    """Find Applications that deploy into a namespace which nobody makes."""
    for application in context.applications:
        settings = application_settings(application)
        if settings is None or settings.create_namespace or settings.namespace in _GIVEN:
            continue
        made = {namespace.identity.name for namespace in context.of_kind("Namespace")}
        if settings.namespace not in made:
            message = f"the namespace {settings.namespace} is not in the build, and nothing asks Argo CD to create it"
            yield Hit(message, application, ("spec", "destination", "namespace"))


def endless_retries(context: Context) -> Iterator[Hit]:
    """Find syncs that are retried for ever, or nearly so."""
    for application in context.of_kind("Application"):
        settings = application_settings(application)
        limit = settings.retry_limit if settings else None
        if limit is not None and (limit < 0 or limit > MAX_RETRIES):
            times = "without end" if limit < 0 else f"{limit} times"
            message = f"a failing sync is retried {times}, and every retry runs all of its hooks again"
            yield Hit(message, application, ("spec", "syncPolicy", "retry", "limit"))


def _wrong_with(window: dict[str, object]) -> tuple[str, str] | None:
    if text(window.get("kind")) not in {"allow", "deny"}:
        return "kind", "a sync window is of kind allow or deny"
    schedule = text(window.get("schedule"))
    fields = schedule.split()
    if schedule not in _CRON_WORDS and (len(fields) != _CRON_FIELDS or not all(map(_CRON_FIELD.match, fields))):
        return "schedule", "the schedule is no cron line of five fields"
    if not _DURATION.match(text(window.get("duration"))):
        return "duration", "the duration is none such as 90m or 1h30m"
    if not any(sequence(window.get(field)) for field in ("applications", "namespaces", "clusters")):
        return "kind", "the window names no applications, namespaces or clusters: it applies to nothing"
    return None


RULES = (
    Rule(
        "P501", "selfHeal where somebody must approve", Severity.WARNING, healed_approval, ("applications", "approval")
    ),
    Rule("P502", "sync window without effect", Severity.ERROR, sync_window, ("applications",), Scope.LASTING),
    Rule("P503", "namespace that nobody creates", Severity.WARNING, no_namespace, ("applications",)),
    Rule("P504", "retries without end", Severity.WARNING, endless_retries, ("applications",), Scope.LASTING),
)
