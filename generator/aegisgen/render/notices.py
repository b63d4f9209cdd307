"""What the runner needs to tell people and Prometheus of a migration."""

from __future__ import annotations

import json

from aegisgen.profile.agreement.notifications import channels
from aegisgen.profile.steps.notifications import SecretKey
from aegisgen.profile.target import Target
from aegisgen.profile.types import seconds
from aegisgen.render.environment import Templates
from aegisgen.tools import TOOLS


def variables(target: Target) -> dict[str, SecretKey]:
    """Return the environment variables with the channels' URLs, and where each comes from."""
    return {_variable(kind): secret for kind, secret in channels(target).items()}


def notices(target: Target, templates: Templates) -> dict[str, object]:
    """Return the values of `runner/notify.sh.j2`. Raises InputError where a template fails."""
    told, gateway = target.settings.notifications, target.settings.metrics.pushgateway
    client = _client(target)
    facts = {
        "environment": target.environment,
        "service": target.service,
        "namespace": target.namespace,
        "image": target.image,
    }
    place = f"/metrics/job/aegisgen_migration/environment/{target.environment}/service/{target.service}"
    return {
        "messages": {kind: _variable(kind) for kind in channels(target)} if told.on else {},
        "gateway": gateway.rstrip("/") + place if gateway else None,
        "client": client,
        "program": ""
        if client == "none"
        else templates.render({"node": "runner/notify.js.j2", "python": "runner/notify.py.j2"}[client]),
        "patience": seconds(told.timeout),
        "facts": json.dumps(facts),
        "title": f"{told.text}{target.environment}/{target.service} ({target.image}): migration ",
        "events": " | ".join(dict.fromkeys(told.on)),
    }


def _client(target: Target) -> str:
    """Return what of the image speaks HTTP: node or python where the tool needs it anyway, else curl or wget."""
    migrations = target.settings.migrations
    lock = TOOLS[migrations.tool].lock
    return migrations.lock.runtime or lock or "none"


def _variable(kind: str) -> str:
    return f"AEGISGEN_{kind.upper()}_URL"
