"""Rendered files that git does not know: they are no drift here, and missing in every clone."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from aegisgen.errors import Finding, Severity, ToolError, UsageError
from aegisgen.files import walk
from aegisgen.profile.sources import display
from aegisgen.project.tree.content import read_generated
from aegisgen.project.workspace import Workspace
from aegisgen.record import Record
from aegisgen.render.places import APPS, RUNNER, file_of, runbook_of
from aegisgen.rules.drift import NOT_IN_GIT

_KUSTOMIZATION = "kustomization.yaml"


class Untracked(Record):
    """What was found; `skipped` says why nobody looked, empty where somebody did."""

    findings: tuple[Finding, ...]
    skipped: str


def untracked(workspace: Workspace, severity: Severity) -> Untracked:
    """Find rendered files that are not in git's index, with one finding for a folder in which git knows nothing.

    Nothing is found outside of a work tree. Reads the file system and asks git, twice at most.
    """
    root = workspace.root
    top = next((folder for folder in (root.resolve(), *root.resolve().parents) if (folder / ".git").exists()), None)
    if top is None:
        return Untracked((), "")
    from aegisgen.project.git import ignore_rules, others  # noqa: PLC0415 - subprocess costs a sixth of a check's start

    try:
        entries = others(root)
    except (ToolError, UsageError) as error:
        return Untracked((), f"files that are not in git: {error}")
    unknown = {path: entry for entry in entries for path in _rendered(workspace, entry)}
    rules = ignore_rules(root, list(unknown)) if unknown else {}
    groups: dict[tuple[str, str], list[str]] = {}
    for path, entry in sorted(unknown.items()):
        source, _, pattern = rules.get(path, "").partition("\t")
        rule = f"{display(top / source)}: {pattern}" if source else ""
        groups.setdefault((entry, rule), []).append(path)
    return Untracked(tuple(_finding(root, *key, paths, severity) for key, paths in groups.items()), "")


def _finding(root: Path, entry: str, rule: str, paths: list[str], severity: Severity) -> Finding:
    """Say what git does not know, at the first of the files, and how to make it known."""
    added = shlex.quote(display(root / entry) if len(paths) > 1 else display(root / paths[0]))
    more = f", nor {len(paths) - 1} other rendered in {added}" if len(paths) > 1 else ""
    if rule:
        message = f"git ignores this file{more}: a clone has none of it ({rule})"
        fix = f"change that rule, or git add --force {added}"
    else:
        message = f"git does not know this file{more}: a clone has none of it"
        fix = f"git add {added}"
    return Finding(display(root / paths[0]), 0, 0, NOT_IN_GIT, severity, message, fix=fix)


def _rendered(workspace: Workspace, entry: str) -> Iterator[str]:
    """Yield the rendered files that an entry of git's list means: a file, or all that a folder (`x/`) holds."""
    folders = tuple(f"{target.directory}/" for target in workspace.targets)
    folders += tuple(f"{folder}/" for folder in (APPS, RUNNER) if folder in workspace.scope)
    files = {file_of(target) for target in workspace.deployed}
    files |= {path for target in workspace.targets if (path := runbook_of(target))}
    names = _below(workspace.root, entry) if entry.endswith("/") else iter((entry,))
    for path in names:
        if (path in files or path.startswith(folders)) and (
            path.endswith(f"/{_KUSTOMIZATION}") or read_generated(workspace.root, path) is not None
        ):
            yield path


def _below(root: Path, folder: str) -> Iterator[str]:
    for place, _, names in walk(root / folder):
        yield from (Path(place, name).relative_to(root).as_posix() for name in names)
