"""`aegisgen rehearse`: what Argo CD will start, started here, on a real PostgreSQL, with everything that goes wrong."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from msgspec import UNSET

from aegisgen import files
from aegisgen.argocd.plan import plan
from aegisgen.errors import ToolError, UsageError
from aegisgen.kube.compose import compose
from aegisgen.kube.resource import Resource, identify
from aegisgen.profile.target import Target
from aegisgen.project.workspace import Selection, open_workspace
from aegisgen.proof.prove import relative
from aegisgen.rehearsal.database.address import Names
from aegisgen.rehearsal.image.app import app_of
from aegisgen.rehearsal.leftovers import workspace
from aegisgen.rehearsal.observe import Observer
from aegisgen.rehearsal.postgres import Supply, Wanted
from aegisgen.rehearsal.private import private
from aegisgen.rehearsal.rehearse import Crew, rehearse
from aegisgen.rehearsal.scenario.cast import cast
from aegisgen.rehearsal.scenario.load import chosen, scenarios
from aegisgen.rehearsal.scenario.setting import Options, Setting, Tool
from aegisgen.rehearsal.show import FORMATS, View, progress, save

OK, FINDINGS = 0, 1
RUNS_CODE = (
    "rehearse runs the containers' commands and the application's own code on this machine, as you: rehearse only what "
    "you would run (docs/security.md)\n"
)


class Choice(NamedTuple):
    """Which scenarios."""

    names: Sequence[str]
    files: Sequence[Path]
    every: bool


class Overlay(NamedTuple):
    """What is rehearsed."""

    title: str
    directory: Path
    names: Names
    tool: Tool
    project: Path | None


def run(
    selection: Selection,
    *,
    path: Path | None,
    app: str | None,
    choice: Choice,
    wanted: Wanted,
    options: Options,
    form: str,
    report: Path | None,
    jobs: int,
    require_tools: bool,
) -> int:
    """Rehearse one overlay and print what came of it.

    Raises UsageError for a wrong choice, InputError for wrong files, ToolError without Kustomize or PostgreSQL and, if
    tools are required, where a scenario was not rehearsed.
    """
    overlay = _overlay(selection, path)
    known = scenarios(choice.files, overlay.project)
    playing = chosen(known, choice.names, choice.files, every=choice.every)
    resources = _composed(overlay.directory)
    parts = cast(resources)
    if not parts.migrations:
        raise UsageError(
            f"{overlay.directory.as_posix()}: nothing here migrates; expected a Job or an init container whose name or "
            "command speaks of it"
        )
    application = app_of(app) if app else None
    sys.stderr.write(RUNS_CODE)
    with private(), workspace() as place, progress(len(playing)) as events:
        databases = Supply(wanted, place)
        setting = Setting(
            resources=resources,
            plan=plan(resources),
            cast=parts,
            names=overlay.names,
            tool=overlay.tool,
            app=application,
            options=options,
            copies=databases.copy,
            observer=Observer(app=application.folder if application else None),
        )
        done = rehearse(overlay.title, playing, setting, Crew(place, databases, events, 1 if wanted.url else jobs))
    if report:
        save(report, FORMATS["html"](done, View()))
    sys.stdout.write(FORMATS[form](done, View.of(sys.stdout)))
    if require_tools and done.passed and (left_out := done.not_rehearsed):
        raise ToolError("\n".join(f"not rehearsed: {each.name}: {each.reason}" for each in left_out))
    return OK if done.passed else FINDINGS


def listing(selection: Selection, path: Path | None, files: Sequence[Path]) -> int:
    """Print every scenario that can be named."""
    try:
        project = _overlay(selection, path).project
    except UsageError:
        project = None
    for scenario in scenarios(files, project).values():
        sys.stdout.write(f"{scenario.name:24} {scenario.spec.title}\n")
    return OK


def _composed(directory: Path) -> list[Resource]:
    documents = compose(directory).documents
    return [resource for document in documents if isinstance(resource := identify(document), Resource)]


def _overlay(selection: Selection, path: Path | None) -> Overlay:
    if (path is None) == (not selection.environments):
        raise UsageError("name an environment, or give --path DIR (and not both)")
    if path:
        if not path.is_dir():
            raise UsageError(f"{path}: no such folder; expected one with a kustomization.yaml")
        files.admit(path)
        return Overlay(path.as_posix(), path, Names(), Tool("knex", ""), None)
    workspace = open_workspace(selection)
    if len(workspace.targets) > 1:
        names = ", ".join(target.service for target in workspace.targets)
        raise UsageError(f"a rehearsal is of one service, and there are {names}; use --service NAME")
    (target,) = workspace.targets
    title = f"{target.environment}/{target.service}"
    return Overlay(title, relative(workspace.root / target.directory), _names(target), _tool(target), workspace.root)


def _names(target: Target) -> Names:
    env = target.settings.database.env
    roles = {"host": env.host, "port": env.port, "user": env.user, "name": env.name, "password": env.password}
    return Names(roles | ({"url": env.url} if env.url else {}))


def _tool(target: Target) -> Tool:
    migrations = target.settings.migrations
    first = migrations.sets[0].path if migrations.sets else UNSET
    return Tool(migrations.tool, first or migrations.path or "")
