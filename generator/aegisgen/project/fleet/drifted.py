"""What rendering would change in a tree of many services, found out a few of them at a time.

The same as `workspace.changes` of `workspace.render_all`, without the texts of all services in memory at once: a folder
that a service is rendered into is its alone, so that it can be compared apart from the others. What belongs to all of
them, Applications and what nothing renders any more, is compared last.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache, partial
from pathlib import Path

from aegisgen.errors import TreeError
from aegisgen.profile.sources import display
from aegisgen.profile.target import Target
from aegisgen.project.drift import Tree, compare
from aegisgen.project.rendered import load_templates, render_runbooks, render_shared
from aegisgen.project.tree.content import Change, files_below, locate, read, read_generated
from aegisgen.project.workspace import Workspace
from aegisgen.proof.crew import Crew
from aegisgen.record import Record
from aegisgen.render.applications import render_applications
from aegisgen.render.environment import Templates
from aegisgen.render.files import Overlay, render
from aegisgen.render.places import APPS, file_of, runbook_of, usual_runbook

# Large enough to be worth sending to another process.
_TARGETS = 16


class _Task(Record):
    root: Path
    templates: Path | None
    targets: tuple[Target, ...]
    there: tuple[str, ...]


def drifted(workspace: Workspace, crew: Crew) -> Iterator[Change]:
    """Yield the files that rendering would change, in no particular order.

    Raises as `workspace.render_all` and `workspace.changes` do.
    """
    targets, root = workspace.targets, workspace.root
    runbooks = {path for path in map(runbook_of, targets) if path}
    if runbooks:
        from aegisgen.runbook.files import refuse_twins  # noqa: PLC0415 - few fleets have them

        refuse_twins(targets)
    folders: dict[str, list[str]] = {target.directory: [] for target in targets}
    elsewhere: list[str] = []
    for path in sorted({*files_below(root, workspace.scope), *_beside(workspace)}):
        folder = posixpath.dirname(path)
        folders.get(folder if folder in folders else posixpath.dirname(folder), elsewhere).append(path)
    # A service's environments side by side: they have a base in common.
    ordered = sorted(targets, key=lambda target: target.service)
    parts = [tuple(ordered[start : start + _TARGETS]) for start in range(0, len(ordered), _TARGETS)]
    tasks = [
        _Task(root, workspace.templates, part, tuple(path for target in part for path in folders[target.directory]))
        for part in parts
    ]
    for changed in crew.map(_drifted, tasks):
        yield from changed
    templates = _templates(workspace.templates)
    apps = render_applications(workspace.deployed, templates, whole=APPS in workspace.scope)
    yield from _changed(
        root, [*render_shared(workspace, templates), *apps], (path for path in elsewhere if path not in runbooks)
    )


def _drifted(task: _Task) -> list[Change]:
    templates = _templates(task.templates)
    overlays = [render(target, templates) for target in task.targets]
    overlays += render_runbooks(task.targets, overlays, templates)
    return list(_changed(task.root, overlays, task.there))


def _changed(root: Path, overlays: list[Overlay], present: Iterable[str]) -> Iterator[Change]:
    wanted = {f"{overlay.directory}/{name}" for overlay in overlays for name in overlay.files}
    contents = ((path, read_generated(root, path)) for path in present if path not in wanted)
    names = cache(partial(_names, root))

    def read_named(path: str) -> bytes | None:
        folder, _, name = path.rpartition("/")
        present = names(folder) if folder else None
        return read(root, path) if present is None or name in present else None

    tree = Tree(
        read=read_named,
        generated={path: content for path, content in contents if content is not None},
        display=lambda path: display(root / path),
    )
    return (change for change in compare(overlays, tree, force=True) if change.before != change.after)


def _names(root: Path, folder: str) -> frozenset[str] | None:
    """Return what is in a folder: most of what could be there is not, and need not be looked for one by one.

    None where it cannot be told; then looking for a file says what is in its way.
    """
    try:
        if locate(root, folder) is None:
            return frozenset()
        with os.scandir(root / folder) as entries:
            return frozenset(entry.name for entry in entries)
    except (TreeError, OSError):
        return None


def _beside(workspace: Workspace) -> Iterator[str]:
    """Yield where Applications and runbooks of the selected services may lie, in folders of all services."""
    yield from map(file_of, workspace.deployed)
    for target in workspace.targets:
        yield from filter(None, (runbook_of(target), usual_runbook(target)))


@lru_cache(maxsize=1)
def _templates(named: Path | None) -> Templates:
    return load_templates(named)
