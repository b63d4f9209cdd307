"""A project on disk: its files read, its environments resolved and rendered, its tree compared.

What rendering needs is imported by what renders: `check` does that in a process beside its own.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from aegisgen.bundle import bundled
from aegisgen.errors import InputError, Problem, UsageError
from aegisgen.profile.load import display, find_project, load_profiles, load_project
from aegisgen.profile.resolve import Target, resolve
from aegisgen.render.places import APPS, file_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aegisgen.profile.load import ProjectSource
    from aegisgen.render.environment import Templates
    from aegisgen.render.files import Overlay
    from aegisgen.tree import Change


class Selection(NamedTuple):
    """Which part of a project a command works on."""

    project: Path | None
    """The project file; None: found by walking up from the working directory."""
    environments: tuple[str, ...]
    """Names of environments; empty: all of them."""
    services: tuple[str, ...]
    """Names or globs of services; empty: all of them."""


def selection(project: Path | None, environments: Sequence[str] | None, services: Sequence[str] | None) -> Selection:
    """Return what a command line selects; None: nothing was said."""
    return Selection(project, tuple(environments or ()), tuple(services or ()))


class Workspace(NamedTuple):
    """The selected part of a project, resolved."""

    project: ProjectSource
    targets: tuple[Target, ...]
    scope: tuple[str, ...]
    """The folders, relative to the project's, in which generated files that nothing renders are orphans."""

    @property
    def root(self) -> Path:
        """The project's folder."""
        return self.project.root


def open_workspace(selected: Selection) -> Workspace:
    """Read and resolve. Raises InputError with all that is wrong in any of the files, UsageError for unknown names."""
    file = selected.project or find_project(Path.cwd())
    project = load_project(file)
    services = _services(project, selected.services)
    profiles = load_profiles(project.root, selected.environments)
    targets: list[Target] = []
    problems: list[Problem] = []
    for profile in profiles:
        try:
            targets += [target for target in resolve(project, profile) if target.service in services]
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(*problems)
    return Workspace(project, tuple(targets), _scope(selected, [profile.name for profile in profiles], services))


def render_all(workspace: Workspace) -> list[Overlay]:
    """Render every target. Raises InputError where a template fails."""
    from aegisgen.render.applications import render_applications  # noqa: PLC0415 - see above
    from aegisgen.render.files import render  # noqa: PLC0415

    templates = load_templates(workspace.root)
    overlays = [render(target, templates) for target in workspace.targets]
    return [*overlays, *render_applications(workspace.targets, templates, whole=APPS in workspace.scope)]


def changes(workspace: Workspace, overlays: Sequence[Overlay], *, force: bool = False) -> list[Change]:
    """Compare the tree with what was rendered; see `drift.compare`."""
    from aegisgen.drift import Tree, compare  # noqa: PLC0415 - see above
    from aegisgen.tree import generated, read  # noqa: PLC0415

    root = workspace.root
    tree = Tree(
        read=lambda path: read(root, path),
        generated={**generated(root, workspace.scope), **_generated_applications(workspace)},
        display=lambda path: display(root / path),
    )
    return compare(overlays, tree, force=force)


def _generated_applications(workspace: Workspace) -> dict[str, bytes]:
    """Return the generated Applications of the selected services; those of others are out of a narrower scope."""
    from aegisgen.tree import is_generated, read  # noqa: PLC0415 - see above

    paths = [file_of(target) for target in workspace.targets]
    contents = {path: read(workspace.root, path) for path in paths}
    return {path: content for path, content in contents.items() if content is not None and is_generated(content)}


def _services(project: ProjectSource, wanted: Sequence[str]) -> set[str]:
    known = sorted(project.value.services)
    chosen: set[str] = set()
    for pattern in wanted or ("*",):
        matching = {name for name in known if fnmatchcase(name, pattern)}
        if not matching:
            from aegisgen.profile.explain import closest  # noqa: PLC0415 - slow to import, and only needed here

            raise UsageError(f"no service {pattern!r}; there is {', '.join(known)}{closest(pattern, known)}")
        chosen |= matching
    return chosen


def _scope(selected: Selection, environments: Sequence[str], services: set[str]) -> tuple[str, ...]:
    if selected.services:
        return tuple(f"overlays/{environment}/{name}" for environment in environments for name in sorted(services))
    if selected.environments:
        return tuple(f"overlays/{environment}" for environment in environments)
    return ("overlays", APPS)


def load_templates(root: Path) -> Templates:
    """Read the bundled templates and the project's own, which take the place of bundled ones of the same name."""
    from aegisgen.render.environment import Templates  # noqa: PLC0415 - see above
    from aegisgen.template_cache import TemplateCache  # noqa: PLC0415

    sources: dict[str, str] = {}
    origins: dict[str, str] = {}
    for folder in (bundled("templates"), root / "templates"):
        for file in sorted(folder.rglob("*.j2")):
            name = file.relative_to(folder).as_posix()
            try:
                sources[name] = file.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise InputError(Problem(display(file), 0, 0, "", f"cannot be read: {error}")) from None
            # a bundled template has one name wherever the command runs, for the sake of the cache
            origins[name] = display(file) if folder.parent == root else str(file)
    return Templates(sources, origins, TemplateCache)
