"""What a project's profiles render: overlays, Applications and runbooks."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
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
from aegisgen.project.tree.content import is_generated
from aegisgen.project.workspace import Workspace
from aegisgen.render.applications import render_applications
from aegisgen.render.environment import Templates
from aegisgen.render.files import Overlay, render, runner
from aegisgen.render.places import APPS, RUNNER, runbook_of
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


def render_runbooks(targets: Sequence[Target], overlays: Sequence[Overlay], templates: Templates) -> list[Overlay]:
    """Render the runbooks that are kept, as `runbook.files` does and raising what it raises."""
    if not any(map(runbook_of, targets)):
        return []
    from aegisgen.runbook.files import render_runbooks  # noqa: PLC0415 - a dozen modules, and few fleets have runbooks

    return render_runbooks(targets, overlays, templates)


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
    """Read the bundled templates and scripts, and those in the folder `named`, which take the place of their namesakes.

    Raises UsageError where there is no such folder, InputError for a file that cannot be read, and for a script that is
    not one of the runner's or does not begin as generated files do.
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
    bundled_scripts = sorted((folder / _RUNNER).glob("*.*"))
    scripts = {file.name: file.read_text(encoding="utf-8") for file in bundled_scripts}
    origins = dict(places)
    if named is None:
        return Templates(sources, origins, scripts=scripts, bundled=True)
    files.admit(named)
    if not named.is_dir():
        raise UsageError(f"{named}: no such folder, expected one of templates (--templates, AEGISGEN_TEMPLATES)")
    for name, text in _own(named):
        if name.startswith(f"{_RUNNER}/"):
            script = name.removeprefix(f"{_RUNNER}/")
            _refuse_other(display(f"{named}/{name}"), text, script, scripts)
            scripts[script] = text
        else:
            sources[name], origins[name] = text, display(f"{named}/{name}")
    return Templates(sources, origins, scripts=scripts)


def _own(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield name and text of each template, and of whatever lies where scripts do, but for an editor's hidden files."""
    for parent, _, names in files.walk(folder):
        for file in (f"{parent}/{name}" for name in names if not name.startswith(".")):
            name = os.path.relpath(file, folder)
            if not name.endswith(".j2") and not name.startswith(f"{_RUNNER}/"):
                continue
            try:
                yield name, files.read(file).decode()
            except (OSError, UnicodeDecodeError) as error:
                raise InputError(Problem(display(file), 0, 0, "", f"cannot be read: {error}")) from None


def _refuse_other(path: str, text: str, script: str, scripts: Mapping[str, str]) -> None:
    """Raise InputError for a script that no container would run, and for one that no render would know again."""
    if script not in scripts:
        names = ", ".join(scripts)
        message = f"the runner has no script {script!r}, so that nothing would run it; expected one of: {names}"
        raise InputError(Problem(path, 0, 0, "", message))
    if not is_generated(text.encode()):
        header = scripts[script].partition("\n")[0]
        message = f"the first line must be {header!r}: by it the next render knows the file that it may replace"
        raise InputError(Problem(path, 1, 1, "", message))
