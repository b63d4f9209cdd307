"""Where rendered files lie, relative to the project's folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aegisgen.profile.resolve import Target

APPS = "apps"
"""The folder of what Argo CD is told."""


def file_of(target: Target) -> str:
    """Return the path of a service's Application."""
    return f"{APPS}/{target.environment}-{target.service}.yaml"
