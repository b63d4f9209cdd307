"""`aegisgen check`: drift from the profiles, and errors in the tree."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aegisgen.commands.render import shown
from aegisgen.commands.report import Output, keep_as_baseline, report
from aegisgen.commands.report import output as form
from aegisgen.errors import UsageError
from aegisgen.findings import Finding, Severity
from aegisgen.profile.load import display
from aegisgen.proof.prove import Method, prove, relative
from aegisgen.render.applications import APPS, file_of
from aegisgen.rules.drift import DRIFT
from aegisgen.tree import diff
from aegisgen.workspace import changes, open_workspace, render_all, selection

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from aegisgen.tree import Change
    from aegisgen.workspace import Selection, Workspace

_SECRET = re.compile(rb"""^[ \t-]*["']?kind["']?:[ \t]*["']?Secret["']?[ \t\r]*(?:#.*)?$""", re.MULTILINE)


def main(
    *,
    environments: Sequence[str] | None,
    every: bool,  # noqa: ARG001 - all of them is what naming none means
    service: Sequence[str] | None,
    output: str,
    engine: str,
    compose: bool,
    require_tools: bool,
    jobs: int,
    write_baseline: bool,
    project: Path | None,
) -> int:
    """Run the command as the command line has it."""
    return run(
        selection(project, environments, service),
        engine=engine,
        compose=compose,
        require_tools=require_tools,
        jobs=jobs,
        keep=write_baseline,
        output=form(output),
    )


def run(
    selected: Selection,
    *,
    engine: str,
    compose: bool,
    require_tools: bool,
    jobs: int = 0,
    keep: bool = False,
    output: Output,
) -> int:
    """Check the selected environments and return the exit code; `keep` writes the project's baseline instead."""
    workspace = open_workspace(selected)
    baseline = workspace.project.value.rules.baseline
    if keep and not baseline:
        raise UsageError("the project names no baseline; add 'rules: {baseline: FILE}' to the project file")
    planned = [
        change
        for change in shown(workspace, changes(workspace, render_all(workspace), force=True))
        if change.before != change.after
    ]
    method = Method(
        workspace.project.value.kubernetes_version,
        engine,
        compose,
        require_tools=require_tools,
        baseline=not keep,
        jobs=jobs,
    )
    roots = [relative(workspace.root / target.directory) for target in workspace.targets]
    present = [root for root in roots if root.is_dir()]
    proof = prove(_files(workspace), present, method, workspace.project, list(drift(planned)))
    if keep and baseline:
        return keep_as_baseline(proof, workspace.root / baseline)
    return report(proof, output, diff=_shown_diff(planned))


def drift(planned: Sequence[Change]) -> Iterator[Finding]:
    """Yield a finding for each file that is not what the profiles render."""
    for change in planned:
        if change.after is None:
            what, fix = "no profile renders this file any more", "run aegisgen render"
        elif change.before is None:
            what, fix = "missing; the profiles render it", "run aegisgen render"
        else:
            line = _first_difference(change.before, change.after)
            what = f"not what the profiles render, from line {line} on"
            fix = "change the profile and run aegisgen render; do not edit what is generated"
        yield Finding(change.path, 0, 0, DRIFT, Severity.ERROR, what, fix=fix)


def _shown_diff(planned: Sequence[Change]) -> str:
    """Return the unified diff, in which nobody's Secret is shown."""
    secret = [
        change for change in planned if any(_SECRET.search(side or b"") for side in (change.before, change.after))
    ]
    hidden = "".join(f"{change.path} differs, and is not shown: it holds a Secret\n" for change in secret)
    return diff([change for change in planned if change not in secret]) + hidden


def _first_difference(before: bytes, after: bytes) -> int:
    old, new = before.split(b"\n"), after.split(b"\n")
    same = (index for index, (one, other) in enumerate(zip(old, new, strict=False), start=1) if one != other)
    return next(same, min(len(old), len(new)))


def _files(workspace: Workspace) -> list[str]:
    """Return what belongs to the selected services: their bases, their overlays and their Applications."""
    folders = {folder for target in workspace.targets for folder in (target.settings.base, target.directory)}
    folders |= {file_of(target) for target in workspace.targets}
    if APPS in workspace.scope:
        folders = {folder for folder in folders if not folder.startswith(f"{APPS}/")} | {APPS}
    existing = [workspace.root / folder for folder in sorted(folders) if (workspace.root / folder).exists()]
    return [display(folder) for folder in existing]
