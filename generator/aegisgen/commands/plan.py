"""`aegisgen plan`: the order in which Argo CD will run everything."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from aegisgen.argocd.application import application_settings
from aegisgen.argocd.plan import Plan
from aegisgen.argocd.plan import plan as planned
from aegisgen.argocd.plan_json import to_json
from aegisgen.argocd.plan_mermaid import to_mermaid
from aegisgen.argocd.plan_svg import to_svg
from aegisgen.argocd.plan_text import to_text
from aegisgen.errors import UsageError
from aegisgen.kube.resource import Resource
from aegisgen.project.composed import Chosen, applications, chosen, compose_overlay

FORMATS = {"text": to_text, "json": to_json, "mermaid": to_mermaid, "svg": to_svg}
"""The presentations of a plan, by the word that `--format` takes."""


def main(
    environment: str | None, *, service: Sequence[str] | None, path: Path | None, output: str, project: Path | None
) -> int:
    """Print the plan of an environment's services, or of the overlay at `path`.

    Raises UsageError for a wrong choice, ToolError without Kustomize, CompositionError where an overlay does not build.
    """
    overlays = chosen(project, environment, service, path)
    if len(overlays) > 1 and output != "text":
        names = ", ".join(overlay.title for overlay in overlays)
        raise UsageError(
            f"a {output} plan shows one overlay, and there are {len(overlays)}: {names}; use --service NAME"
        )
    root = overlays[0].root if overlays else None
    known = tuple(applications(root)) if root else ()
    plans = [_plan(overlay, known) for overlay in overlays]
    if output == "text":
        colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        sys.stdout.write("\n".join(to_text(each, colour=colour) for each in plans))
    else:
        sys.stdout.write("".join(map(FORMATS[output], plans)))
    return 0


def _plan(overlay: Chosen, known: Sequence[Resource]) -> Plan:
    composed = compose_overlay(overlay.directory, known)
    settings = application_settings(composed.application) if composed.application else None
    return planned(composed.resources, settings, title=overlay.title)
