"""`aegisgen plan`: the order in which Argo CD will run everything."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from aegisgen import files
from aegisgen.argocd.application import application_settings
from aegisgen.argocd.plan import Plan
from aegisgen.argocd.plan import plan as planned
from aegisgen.argocd.plan_formats import FORMATS
from aegisgen.argocd.plan_text import to_text
from aegisgen.errors import UsageError
from aegisgen.kube.resource import Resource
from aegisgen.project.workspace import Selection, open_workspace
from aegisgen.proof.composed import applications, compose_overlay
from aegisgen.proof.prove import relative


class _Overlay(NamedTuple):
    title: str
    directory: Path
    applications: tuple[Resource, ...]


def run(selection: Selection, *, path: Path | None, form: str) -> int:
    """Print the plan of an environment's services, or of the overlay at `path`.

    Raises UsageError for a wrong choice, ToolError without Kustomize, CompositionError where an overlay does not build.
    """
    if (path is None) == (not selection.environments):
        raise UsageError("name an environment, or give --path DIR (and not both)")
    overlays = [_at(path)] if path else list(_of(selection))
    if len(overlays) > 1 and form != "text":
        names = ", ".join(overlay.title for overlay in overlays)
        raise UsageError(f"a {form} plan shows one overlay, and there are {len(overlays)}: {names}; use --service NAME")
    plans = [_plan(overlay) for overlay in overlays]
    if form == "text":
        colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        sys.stdout.write("\n".join(to_text(each, colour=colour) for each in plans))
    else:
        sys.stdout.write("".join(map(FORMATS[form], plans)))
    return 0


def _plan(overlay: _Overlay) -> Plan:
    composed = compose_overlay(overlay.directory, overlay.applications)
    settings = application_settings(composed.application) if composed.application else None
    return planned(composed.resources, settings, title=overlay.title)


def _of(selection: Selection) -> Iterator[_Overlay]:
    workspace = open_workspace(selection)
    known = tuple(applications(workspace.root))
    for target in workspace.targets:
        title = f"{target.environment}/{target.service}"
        yield _Overlay(title, relative(workspace.root / target.directory), known)


def _at(path: Path) -> _Overlay:
    if not path.is_dir():
        raise UsageError(f"{path}: no such folder; expected one with a kustomization.yaml")
    files.admit(path)
    return _Overlay(path.as_posix(), path, ())
