"""What a profile says about who is told of a migration, and about figures for Prometheus."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType, field

from aegisgen.profile.base import Model, about, matching
from aegisgen.profile.steps.security import Labels
from aegisgen.profile.types import DnsName, Duration, Line

SecretKeyName = Annotated[str, matching("a key of a Secret", r"[A-Za-z0-9._-]+", "url", max_length=253)]
Trigger = Annotated[str, matching("a trigger such as on-sync-failed", r"[a-z0-9]+(?:-[a-z0-9]+)*")]
Service = Annotated[str, matching("a service such as slack or teams", r"[a-z0-9-]+")]
# In a container's `command` the kubelet expands $(NAME): a message must not be able to name a password.
Message = Annotated[
    str,
    matching(
        "text without $( and $$",
        r"(?:(?!\$[($])[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufffe\uffff])*",
        max_length=2000,
    ),
]
Url = Annotated[
    str,
    matching(
        "a URL such as http://pushgateway.monitoring:9091",
        r"https?://(?:(?!\$[($])[!-~])+",
        "http://pushgateway.monitoring:9091",
    ),
]
Told = Annotated[
    str,
    matching(
        "an event (approval, start, success, failure), a step (backup, dry-run, migration, checks, rollback) or both, "
        "such as backup.failure",
        r"(?:approval|(?:(?:backup|dry-run|migration|checks|rollback)\.)?(?:start|success|failure)"
        r"|backup|dry-run|migration|checks|rollback)",
        "failure",
        "backup.success",
    ),
]


class SecretKey(Model, frozen=True, kw_only=True):
    """A key of a Secret that exists in the namespace."""

    name: Annotated[DnsName, about("The Secret.", "slack")]
    key: Annotated[SecretKeyName, about("Its key.")]


class Channel(Model, frozen=True, kw_only=True):
    """Somebody who is told, at a URL that is itself a secret."""

    secret: Annotated[SecretKey, Meta(title="a Secret's name and key", description="Where the URL is.")]


class Notifications(Model, frozen=True, kw_only=True):
    """Who is told how the steps go. A message that cannot be sent is logged and fails nothing."""

    slack: Annotated[Channel | UnsetType, about("An incoming webhook of Slack.")] = UNSET
    teams: Annotated[Channel | UnsetType, about("A webhook of a Teams workflow.")] = UNSET
    webhook: Annotated[Channel | UnsetType, about("Anything that takes a JSON object.")] = UNSET
    on: Annotated[
        list[Told],
        about("What is reported: an event of every step, every event of a step, or an event of a step."),
    ] = field(default_factory=lambda: ["approval", "failure", "migration", "rollback"])
    text: Annotated[Message, about("Put before every message; never a secret.", "shop:")] = ""
    runbook: Annotated[
        Url | UnsetType,
        about(
            "Where people read the runbook; {environment} and {service} stand for those names. Messages end with it.",
            "https://wiki.example.com/runbooks/{environment}-{service}",
        ),
    ] = UNSET
    timeout: Annotated[Duration, about("The longest that one message may take; at most 30s.")] = "5s"
    argocd: Annotated[
        dict[Trigger, list[dict[Service, Line]]],
        about(
            "Subscriptions of Argo CD Notifications, for failures that no pod can report.",
            {"on-sync-failed": [{"slack": "deployments"}]},
        ),
    ] = {}


class Metrics(Model, frozen=True, kw_only=True):
    """Figures for Prometheus, of every step."""

    pushgateway: Annotated[Url | UnsetType, about("The Pushgateway's URL; without credentials.")] = UNSET
    prometheus_rule: Annotated[
        bool, about("Renders alerts on the figures as a PrometheusRule of the Prometheus Operator.")
    ] = False
    rule_labels: Annotated[
        Labels, about("Labels by which Prometheus selects its rules.", {"release": "kube-prometheus-stack"})
    ] = {}
