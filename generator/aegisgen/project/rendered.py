"""What a project's profiles render: overlays, Applications and runbooks."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from aegisgen import files
from aegisgen.bundle import bundled
from aegisgen.errors import InputError, Problem, UsageError
from aegisgen.profile.load import PROJECT_FILE
from aegisgen.profile.model import Profile, Project
from aegisgen.profile.reading import convert
from aegisgen.profile.resolve import resolve
from aegisgen.profile.sources import ProfileSource, ProjectSource, display
from aegisgen.profile.target import Target
from aegisgen.project.workspace import Workspace
from aegisgen.render.applications import render_applications
from aegisgen.render.environment import Templates
from aegisgen.render.files import Overlay, render, runner
from aegisgen.render.places import APPS, RUNNER
from aegisgen.runbook.files import render_runbooks
from aegisgen.yaml.source import parse_one

# The folder of templates that has the runner's scripts, which are rendered as they are.
_RUNNER = "runner"


def render_all(workspace: Workspace) -> list[Overlay]:
    """Render every target. Raises InputError where a template fails."""
    templates = load_templates(workspace.templates)
    overlays = [render(target, templates) for target in workspace.targets]
    runbooks = render_runbooks(workspace.targets, overlays, templates)
    apps = render_applications(workspace.deployed, templates, whole=APPS in workspace.scope)
    return [*overlays, *runbooks, *render_shared(workspace, templates), *apps]


def render_shared(workspace: Workspace, templates: Templates) -> list[Overlay]:
    """Render what all services have in common: the runner's component, once among the parts of a project."""
    return [runner(templates)] if RUNNER in workspace.scope else []


def resolve_texts(texts: Mapping[str, str]) -> list[Target]:
    """Return all services of a project that is on no disk yet, its files given by path.

    Raises InputError with what is wrong in the files, by these paths.
    """
    document = parse_one(texts[PROJECT_FILE].encode(), PROJECT_FILE)
    project = ProjectSource(Path(), document, convert(document, Project))
    targets: list[Target] = []
    for path, text in texts.items():
        if path.startswith("profiles/"):
            document = parse_one(text.encode(), path)
            targets += resolve(project, ProfileSource(Path(path).stem, path, document, convert(document, Profile)))
    return targets


def load_templates(named: Path | None) -> Templates:
    """Read the bundled templates, and those in the folder `named`, which take the place of those of the same name.

    Raises UsageError where there is no such folder, InputError for a template that cannot be read.
    """
    folder = bundled("templates")
    places = {
        f"{parent}/{name}"[len(f"{folder}/") :]: f"{parent}/{name}"
        for parent, _, names in os.walk(folder)
        for name in names
        if name.endswith(".j2")
    }
    sources = {}
    for name, file in places.items():
        with open(file, encoding="utf-8") as stream:  # noqa: PTH123 - a Path a template costs more than reading it
            sources[name] = stream.read()
    scripts = {file.name: file.read_text(encoding="utf-8") for file in (folder / _RUNNER).glob("*.*")}
    origins = dict(places)
    if named is None:
        return Templates(sources, origins, scripts=scripts, bundled=True)
    files.admit(named)
    if not named.is_dir():
        raise UsageError(f"{named}: no such folder, expected one of templates (--templates, AEGISGEN_TEMPLATES)")
    for parent, _, names in files.walk(named):
        for file in (f"{parent}/{name}" for name in names):
            name = os.path.relpath(file, named)
            folder_name, _, script = name.rpartition("/")
            if not name.endswith(".j2") and not (folder_name == _RUNNER and script in scripts):
                continue
            try:
                text = files.read(file).decode()
            except (OSError, UnicodeDecodeError) as error:
                raise InputError(Problem(display(file), 0, 0, "", f"cannot be read: {error}")) from None
            if name.endswith(".j2"):
                sources[name], origins[name] = text, display(file)
            else:
                scripts[script] = text
    return Templates(sources, origins, scripts=scripts)
