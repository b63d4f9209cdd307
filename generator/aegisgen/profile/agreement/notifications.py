"""Notifications: the channels that a service has, and fields that need or exclude each other."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aegisgen.errors import Problem
from aegisgen.profile.layers import Layer, problem
from aegisgen.profile.steps.notifications import SecretKey
from aegisgen.profile.target import Target
from aegisgen.profile.types import seconds

# Steps after which an approval may be waited for.
_ASKING = frozenset({"approval", "dry-run"})
# A message waits for nobody longer; the migration waits for the message.
MAX_TIMEOUT = 30

_CREDENTIALS = re.compile(r"://[^/\s@]+@")


def channels(target: Target) -> dict[str, SecretKey]:
    """Return where the URL of each kind of channel is."""
    notifications = target.settings.notifications
    kinds = {"slack": notifications.slack, "teams": notifications.teams, "webhook": notifications.webhook}
    return {kind: channel.secret for kind, channel in kinds.items() if channel}


def asked(target: Target, step: str) -> list[str]:
    """Return the events of a step that people are told of: `on` names events, steps, or an event of a step."""
    on = {*target.settings.notifications.on}
    events = [event for event in ("start", "success", "failure") if {event, step, f"{step}.{event}"} & on]
    return ["approval", *events] if "approval" in on and step in _ASKING else events


def subscriptions(target: Target) -> dict[str, str]:
    """Return the annotations of the Application. Source: Argo CD's documentation, Notifications, Subscriptions."""
    subscribed: dict[str, list[str]] = {}
    for trigger, recipients in target.settings.notifications.argocd.items():
        for recipient in recipients:
            for service, name in recipient.items():
                subscribed.setdefault(f"notifications.argoproj.io/subscribe.{trigger}.{service}", []).append(name)
    return {key: ";".join(names) for key, names in subscribed.items()}


def problems(target: Target, layers: list[Layer]) -> Iterator[Problem]:
    """Yield what is wrong with a service's notifications and metrics as they were resolved."""
    settings, notifications, gateway = (
        target.settings,
        target.settings.notifications,
        target.settings.metrics.pushgateway,
    )
    stated = any("notifications" in layer.data for layer in layers)
    if stated and not channels(target) and not notifications.argocd:
        message = "nobody to tell, expected slack, teams or webhook with a secret, or argocd"
        yield problem(layers, ("notifications",), message)
    if notifications.argocd and not settings.application:
        message = "subscriptions are annotations of the Application, expected `application` as well"
        yield problem(layers, ("notifications", "argocd"), message)
    if seconds(notifications.timeout) > MAX_TIMEOUT:
        yield problem(layers, ("notifications", "timeout"), f"too long, expected at most {MAX_TIMEOUT}s")
    if gateway and _CREDENTIALS.search(gateway):
        message = "holds credentials, and this file is in git; expected a URL without them"
        yield problem(layers, ("metrics", "pushgateway"), message)
    if settings.metrics.prometheus_rule and not gateway:
        message = "alerts on figures that nobody pushes, expected metrics.pushgateway as well"
        yield problem(layers, ("metrics", "prometheusRule"), message)
    policy = settings.security.network_policy
    if policy.enabled and not policy.also and (channels(target) or gateway):
        message = "keeps messages and metrics from getting out, expected their addresses"
        yield problem(layers, ("security", "networkPolicy", "also"), message)
