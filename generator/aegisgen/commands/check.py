"""`aegisgen check`: drift from the profiles, and errors in the tree."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from aegisgen.commands.report import keep_as_baseline, report
from aegisgen.errors import Finding, Severity, ToolError, UsageError
from aegisgen.kube.shape import KUSTOMIZATION_NAMES
from aegisgen.profile.sources import display
from aegisgen.profile.stated import Stated, stated
from aegisgen.project.fleet.drifted import drifted
from aegisgen.project.fleet.untracked import untracked
from aegisgen.project.tree.content import Change
from aegisgen.project.workspace import Selection, Workspace, open_workspace, warn_of_templates
from aegisgen.proof.crew import Crew
from aegisgen.proof.inputs import sources
from aegisgen.proof.prove import Method, Proof, prove, relative
from aegisgen.record import replace
from aegisgen.render.kustomization.stated import differences
from aegisgen.render.places import APPS, file_of
from aegisgen.rules.configuration import UNUSED
from aegisgen.rules.drift import DRIFT


def main(
    *,
    environments: Sequence[str] | None,
    every: bool,  # noqa: ARG001 - all of them is what naming none means
    service: Sequence[str] | None,
    changed_since: str | None,
    shard: str | None,
    output: str,
    engine: str,
    compose: bool,
    require_tools: bool,
    require_committed: bool,
    jobs: int,
    cache: bool,
    write_baseline: bool,
    templates: Path | None,
    project: Path | None,
) -> int:
    """Check the selected environments and return the exit code."""
    selected = Selection(project, environments, service, changed_since=changed_since, shard=shard, templates=templates)
    workspace = open_workspace(selected)
    warn_of_templates(workspace)
    baseline = workspace.project.value.rules.baseline
    if write_baseline and selected.partial:
        raise UsageError("a baseline is of the whole project, expected neither --changed-since nor --shard")
    if write_baseline and not baseline:
        raise UsageError("the project names no baseline; add 'rules: {baseline: FILE}' to the project file")
    method = Method(
        workspace.project.value.kubernetes_version,
        engine,
        compose,
        require_tools=require_tools,
        baseline=not write_baseline,
        jobs=jobs,
        cache=cache,
    )
    roots = {relative(workspace.root / target.directory): stated(target) for target in workspace.targets}
    present: dict[Path, Stated | None] = {root: said for root, said in roots.items() if root.is_dir()}
    with Crew(jobs) as crew:
        changed = functools.cache(functools.partial(_drifted, workspace, crew))
        unknown = untracked(workspace, Severity.ERROR if require_committed else Severity.WARNING)
        if unknown.skipped and (require_committed or require_tools):
            raise ToolError(unknown.skipped)
        besides = chain(unknown.findings, _drift(changed, workspace), _edited(selected, workspace))
        proof = prove(_files(workspace), present, method, workspace.project, drift=besides, crew=crew)
        proof = replace(proof, skipped=(*proof.skipped, *filter(None, [unknown.skipped])))
        if write_baseline and baseline:
            return keep_as_baseline(proof, workspace.root / baseline)
        unsettled: list[Finding] = []
        if selected.partial:
            proof, unsettled = _settled(proof, workspace)
        if selected.changed_since is not None:
            unsettled = []  # no other part will ever settle it
        diff = _diff(changed()) if changed() else ""
        return report(proof, output, diff=diff, shard=selected.shard or "", unsettled=unsettled)


def _edited(selected: Selection, workspace: Workspace) -> Iterator[Finding]:
    """Yield what happened to migrations since the revision, of services that nothing else has changed for, too."""
    if selected.changed_since is None:
        return
    from aegisgen.project.fleet.shipped import edited  # noqa: PLC0415 - subprocess costs a sixth of a check's start

    every = replace(selected, changed_since=None, shard=None)
    yield from edited(workspace.root, selected.changed_since, lambda: open_workspace(every).targets)


def _drifted(workspace: Workspace, crew: Crew) -> list[Change]:
    return [replace(change, path=display(workspace.root / change.path)) for change in sorted(drifted(workspace, crew))]


def _drift(drifted: Callable[[], Sequence[Change]], workspace: Workspace) -> Iterator[Finding]:
    """Yield a finding for each file that is not what the profiles render; asks for them when the first one is."""
    for change in drifted():
        path, before, after, line = change.path, change.before, change.after, 0
        fix = f"run aegisgen render {_environment(path, workspace)}"
        if after is None:
            what = "no profile renders this file any more"
        elif before is None:
            what = "missing; the profiles render it"
        elif path.endswith(KUSTOMIZATION_NAMES):
            line = _first_difference(before, after)
            changed = ", ".join(differences(before, after))
            what = f"not what the profile states: {changed}" if changed else "not what the profiles render"
            fix += "; or, to keep the file's value, write it into the profile"
        else:
            what = f"not what the profiles render, from line {_first_difference(before, after)} on"
            fix += "; or, to keep what this file has, change the profile"
        yield Finding(path, line, 1 if line else 0, DRIFT, Severity.ERROR, what, fix=fix)


def _environment(path: str, workspace: Workspace) -> str:
    """Return the argument with which `render` brings a file up to date."""
    own = {display(workspace.root / target.directory): target.environment for target in workspace.targets}
    return next((name for folder, name in own.items() if path.startswith(f"{folder}/")), "--all")


def _diff(drifted: Sequence[Change]) -> str:
    from aegisgen.project.tree.content import diff  # noqa: PLC0415 - for those who have drift

    return diff(drifted)


def _first_difference(before: bytes, after: bytes) -> int:
    old, new = before.split(b"\n"), after.split(b"\n")
    same = (index for index, (one, other) in enumerate(zip(old, new, strict=False), start=1) if one != other)
    return next(same, min(len(old), len(new)))


def _settled(proof: Proof, workspace: Workspace) -> tuple[Proof, list[Finding]]:
    """Take out of a part's proof what only the whole can know, and what another part counts.

    Whether an ignore of the project, or one in `apps/`, ignores nothing depends on all services.
    """
    apps = display(workspace.root / APPS)
    everybodys = {workspace.project.document.source}
    unsettled = [
        finding
        for finding in proof.findings
        if finding.rule == UNUSED and (finding.path in everybodys or finding.path.startswith(f"{apps}/"))
    ]
    left = tuple(finding for finding in proof.findings if finding not in unsettled)
    counted = proof.files - len(list(sources(_beside(workspace))))
    return replace(proof, findings=left, files=counted), unsettled


def _files(workspace: Workspace) -> list[str]:
    folders = {folder for target in workspace.targets for folder in (target.base, target.directory)}
    if APPS in workspace.scope:
        folders.add(APPS)
    elif not workspace.of_whole:
        folders |= {file_of(target) for target in workspace.targets}
    paths = [f"{workspace.root}/{folder}" for folder in sorted(folders)]
    return [display(path) for path in paths if os.path.exists(path)] + _beside(workspace)  # noqa: PTH110 - thousands


def _beside(workspace: Workspace) -> list[str]:
    """Return the folder of Applications for a part to which it does not belong: they say how overlays are deployed."""
    apps = workspace.root / APPS
    return [display(apps)] if workspace.of_whole and APPS not in workspace.scope and apps.exists() else []
