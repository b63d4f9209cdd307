"""What a profile says about who is told of a migration, and about figures for Prometheus."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from aegisgen.profile.base import Model
from aegisgen.profile.types import DnsName, Duration, Line

_END = r"(?![\s\S])"

SecretKeyName = Annotated[
    str, Meta(title="a key of a Secret", pattern=r"^[A-Za-z0-9._-]+" + _END, max_length=253, examples=["url"])
]
Trigger = Annotated[str, Meta(title="a trigger such as on-sync-failed", pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*" + _END)]
Service = Annotated[str, Meta(title="a service such as slack or teams", pattern=r"^[a-z0-9-]+" + _END)]
# In a container's `command` the kubelet expands $(NAME): a message must not be able to name a password.
Message = Annotated[
    str,
    Meta(
        title="text without $( and $$",
        pattern=r"^(?:(?!\$[($])[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufffe\uffff])*" + _END,
        max_length=2000,
    ),
]
Url = Annotated[
    str,
    Meta(
        title="a URL such as http://pushgateway.monitoring:9091",
        pattern=r"^https?://[!-~]+" + _END,
        examples=["http://pushgateway.monitoring:9091"],
    ),
]


class SecretKey(Model, frozen=True, kw_only=True):
    """A key of a Secret that exists in the namespace."""

    name: Annotated[DnsName, Meta(description="The Secret.", examples=["slack"])]
    key: Annotated[SecretKeyName, Meta(description="Its key.")]


class Channel(Model, frozen=True, kw_only=True):
    """Somebody who is told, at a URL that is itself a secret."""

    secret: Annotated[SecretKey, Meta(title="a Secret's name and key", description="Where the URL is.")]


class Notifications(Model, frozen=True, kw_only=True):
    """Who is told of a migration. A message that cannot be sent is logged and fails nothing."""

    slack: Annotated[Channel | UnsetType, Meta(description="An incoming webhook of Slack.")] = UNSET
    teams: Annotated[Channel | UnsetType, Meta(description="A webhook of a Teams workflow.")] = UNSET
    webhook: Annotated[Channel | UnsetType, Meta(description="Anything that takes a JSON object.")] = UNSET
    on: Annotated[list[Literal["start", "success", "failure"]], Meta(description="What is told.")] = field(
        default_factory=lambda: ["start", "success", "failure"]
    )
    text: Annotated[Message, Meta(description="Put before every message; never a secret.", examples=["shop:"])] = ""
    timeout: Annotated[Duration, Meta(description="The longest that one message may take; at most 30s.")] = "5s"
    argocd: Annotated[
        dict[Trigger, list[dict[Service, Line]]],
        Meta(
            description="Subscriptions of Argo CD Notifications, for failures that no pod can report.",
            examples=[{"on-sync-failed": [{"slack": "deployments"}]}],
        ),
    ] = {}


class Metrics(Model, frozen=True, kw_only=True):
    """Figures for Prometheus."""

    pushgateway: Annotated[Url | UnsetType, Meta(description="The Pushgateway's URL; without credentials.")] = UNSET
