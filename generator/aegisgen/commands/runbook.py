"""`aegisgen runbook`: the operating guide of a service with its real names."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from aegisgen.argocd.application import application_settings
from aegisgen.argocd.plan import plan as planned
from aegisgen.errors import UsageError
from aegisgen.project.composed import compose_targets
from aegisgen.project.rendered import load_templates
from aegisgen.project.workspace import Selection, open_workspace, warn_of_templates
from aegisgen.runbook.facts import composed, facts
from aegisgen.runbook.guide import guide


def main(
    environment: str,
    *,
    service: Sequence[str] | None,
    output: str,
    file: Path | None,
    templates: Path | None,
    project: Path | None,
) -> int:
    """Print the runbook of one service in one environment, or write it to a file.

    Raises UsageError where the choice is not of one, ToolError without Kustomize, CompositionError where the overlay
    does not build.
    """
    workspace = open_workspace(Selection(project, [environment], service, templates=templates))
    if len(workspace.targets) != 1:
        names = ", ".join(target.service for target in workspace.targets) or "none of them enabled"
        found = f"there are {len(workspace.targets)}: {names}"
        raise UsageError(f"a runbook is about one service, and {found}; use --service NAME")
    (target,), (built,) = workspace.targets, compose_targets(workspace.root, workspace.targets)
    warn_of_templates(workspace)
    texts = load_templates(workspace.templates)
    settings = application_settings(built.application) if built.application else None
    plan = planned(built.resources, settings, title=f"{target.environment}/{target.service}")
    known = composed(facts(target), built.resources, settings.name if settings else "")
    text = guide(known, plan, texts)
    if output == "html":
        from aegisgen.runbook.page import page  # noqa: PLC0415 - slow to import, and few want HTML

        text = page(text, plan, texts)
    if file is None:
        sys.stdout.write(text)
    else:
        _write(file, text)
    return 0


def _write(output: Path, text: str) -> None:
    part = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)
