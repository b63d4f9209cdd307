"""Where rendered files lie, relative to the project's folder."""

from __future__ import annotations

from aegisgen.profile.agreement.runbook import wanted
from aegisgen.profile.steps.runbook import PATH, Runbook
from aegisgen.profile.target import Target, overlay_folder

APPS = "apps"
"""The folder of what Argo CD is told."""


RUNNER = "components/migration-runner"
"""The folder of the component with the scripts that run in the containers."""

RUNBOOKS = "runbooks"
"""The folder in which runbooks are unless somebody says otherwise."""


def runbook_of(target: Target) -> str | None:
    """Return the path of a service's runbook; None where it has none."""
    if not wanted(target) or not isinstance(target.settings.runbook, Runbook):
        return None
    return overlay_folder(target.settings.runbook.path, target.environment, target.service)


def usual_runbook(target: Target) -> str:
    """Return where a service's runbook is unless somebody says otherwise."""
    return overlay_folder(PATH, target.environment, target.service)


def file_of(target: Target) -> str:
    """Return the path of a service's Application."""
    return f"{APPS}/{target.environment}-{target.service}.yaml"
