"""`aegisgen render`: write what the profiles say into the tree."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from aegisgen.errors import UsageError
from aegisgen.kube.shape import KUSTOMIZATION_NAMES
from aegisgen.output.visible import visible
from aegisgen.profile.sources import display
from aegisgen.profile.stated import Stated
from aegisgen.project.rendered import render_all
from aegisgen.project.tree.content import Change, diff, listed
from aegisgen.project.tree.write import locked, write
from aegisgen.project.workspace import Selection, Workspace, changes, open_workspace, warn_of_templates
from aegisgen.record import replace
from aegisgen.render.kustomization.stated import differences, kept
from aegisgen.render.places import RUNNER


def main(
    *,
    environments: Sequence[str] | None,
    every: bool,
    service: Sequence[str] | None,
    show_diff: bool,
    to_stdout: bool,
    force: bool,
    exit_code: bool,
    templates: Path | None,
    project: Path | None,
) -> int:
    """Render the selected environments and return the exit code; with `exit_code` that is 1 where a file changed."""
    selected = Selection(project, environments, service, templates=templates)
    if every == bool(selected.environments):
        raise UsageError("name one or more environments, or give --all (and not both)")
    workspace = open_workspace(selected)
    warn_of_templates(workspace)
    overlays = render_all(workspace)
    if to_stdout:
        # What a cluster or a person reads; kustomizations and the runner's scripts are neither.
        for overlay in (overlay for overlay in overlays if overlay.directory != RUNNER):
            for name, text in sorted(overlay.files.items()):
                if name.endswith(KUSTOMIZATION_NAMES):
                    continue
                sys.stdout.write(
                    f"---\n# Source: {visible(display(workspace.root / overlay.directory / name))}\n{text}"
                )
        return 0
    if show_diff:
        text = diff(shown(workspace, changes(workspace, overlays, force=force)))
        sys.stdout.write(text)
        return 1 if text else 0
    with locked(workspace.root):
        planned = changes(workspace, overlays, force=force)
        different = [change for change in planned if change.before != change.after]
        write(workspace.root, different)
    changes_by_path = {change.path: change for change in planned}
    stated = {overlay.directory: overlay.stated for overlay in overlays}
    for verb, path in listed(planned, RUNNER):
        sys.stdout.write(f"{verb:9} {visible(display(workspace.root / path))}\n")
        for line in _values(changes_by_path.get(path), stated.get(path.rpartition("/")[0])):
            sys.stdout.write(f"            {visible(line)}\n")
    return 1 if exit_code and different else 0


def _values(change: Change | None, stated: Stated | None) -> list[str]:
    """Return what became of the values in a shared kustomization.yaml, and which of them the profile leaves to it."""
    if change is None or stated is None or change.after is None or not change.path.endswith(KUSTOMIZATION_NAMES):
        return []
    changed = differences(change.before, change.after) if change.before is not None else []
    return changed + [f"{value} (the file's: the profile says nothing of it)" for value in kept(change.after, stated)]


def shown(workspace: Workspace, planned: list[Change]) -> list[Change]:
    """Return the changes with their paths as the user knows them."""
    return [replace(change, path=display(workspace.root / change.path)) for change in planned]
