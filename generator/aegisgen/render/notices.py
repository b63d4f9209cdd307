"""What a step is told about telling people and Prometheus: the arguments that `notify.sh` reads."""

from __future__ import annotations

from collections.abc import Collection

from aegisgen.profile.agreement.application import application_name
from aegisgen.profile.agreement.notifications import asked, channels
from aegisgen.profile.steps.notifications import SecretKey
from aegisgen.profile.target import Target, overlay_folder
from aegisgen.profile.types import seconds
from aegisgen.render.runner import Run, identity
from aegisgen.tools import TOOLS


def telling(
    target: Target, run: Run, step: str, *, stage: str = "", silent: Collection[str] = (), own_image: bool = True
) -> Run:
    """Return a run that tells how it goes, where the profile says so.

    `step` is a step as `notifications.on` names it, and `stage` what messages and figures call this part of it. Events
    in `silent` are told by another of its containers. `own_image`: it runs in the application's image.
    """
    notifications, gateway = target.settings.notifications, target.settings.metrics.pushgateway
    events = [event for event in asked(target, step) if event not in silent]
    kinds = channels(target) if events else {}
    if not kinds and not gateway:
        return run
    migrations, told = target.settings.migrations, [f"stage={stage or step}"]
    told += [*(f"notify={kind}" for kind in kinds), *(f"notify-on={event}" for event in events if kinds)]
    links = {"runbook": runbook_link(target), "application": application_link(target)}
    texts = {"notify-text": notifications.text, **links} if kinds else {}
    told += [f"{name}={text}" for name, text in texts.items() if text]
    if gateway:
        labels = f"environment/{target.environment}/service/{target.service}"
        told.append(f"metrics={gateway.rstrip('/')}/metrics/job/aegisgen/{labels}")
    if own_image:
        # What of the image speaks HTTP: node or python where the tool needs it anyway, else curl or wget.
        told.append(f"client={migrations.lock.runtime or TOOLS[migrations.tool].lock or 'none'}")
    told.append(f"notify-timeout={seconds(notifications.timeout)}")
    missing = [argument for argument in identity(target) if argument not in run.arguments]
    return Run(run.script, [*run.arguments, *missing, *told])


def channel_variables(target: Target) -> dict[str, SecretKey]:
    """Return the environment variables with the channels' URLs, and where each comes from."""
    return {f"AEGISGEN_{kind.upper()}_URL": secret for kind, secret in channels(target).items()}


def runbook_link(target: Target) -> str:
    """Return the runbook's address; empty where the profile gives none."""
    return overlay_folder(target.settings.notifications.runbook or "", target.environment, target.service)


def application_link(target: Target) -> str:
    """Return the Application's page in Argo CD; empty where its address or the Application is not known.

    Source: Argo CD's documentation, Notifications, the templates of its catalog.
    """
    url = target.argocd.url
    if not url or not target.settings.application:
        return ""
    return f"{url.rstrip('/')}/applications/{target.argocd.namespace}/{application_name(target)}"
