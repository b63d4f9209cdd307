"""A project on disk: its files read, its environments resolved and rendered, its tree compared.

What rendering needs is imported by what renders: `check` does that in a process beside its own.
"""

from __future__ import annotations

import os
import sys
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from aegisgen import files
from aegisgen.errors import InputError, Problem, UsageError
from aegisgen.profile.agreement.backup import place as backup_place
from aegisgen.profile.load import find_project, load_profiles, load_project
from aegisgen.profile.resolve import directory_of, is_enabled, resolve
from aegisgen.profile.sources import display
from aegisgen.record import Record
from aegisgen.render.places import APPS, RUNBOOKS, RUNNER, file_of, runbook_of, usual_runbook

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aegisgen.profile.sources import ProfileSource, ProjectSource
    from aegisgen.profile.target import Target
    from aegisgen.project.tree.content import Change
    from aegisgen.render.files import Overlay


class Selection(Record):
    """Which part of a project a command works on."""

    project: Path | None = None
    """The project file; None: found by walking up from the working directory."""
    environments: Sequence[str] | None = None
    """Names of environments; none: all of them."""
    services: Sequence[str] | None = None
    """Names or globs of services; none: all of them."""
    changed_since: str | None = None
    """Only what can be otherwise than it was at this revision of git."""
    shard: str | None = None
    """Only this part of all that: I/N."""
    templates: Path | None = None
    """The folder of templates that take the place of bundled ones."""

    @property
    def partial(self) -> bool:
        """Whether it is a part that is found out, and not one that is named."""
        return self.changed_since is not None or self.shard is not None


class Workspace(Record):
    """The selected part of a project, resolved."""

    project: ProjectSource
    targets: tuple[Target, ...]
    scope: tuple[str, ...]
    """The paths, relative to the project's folder, in which generated files that nothing renders are orphans."""
    deployed: tuple[Target, ...]
    """Those whose Applications are compared: the selected ones, or all where `apps/` as a whole is in the scope."""
    of_whole: bool
    """Whether this is a part, a shard or what a change can affect, of something that has `apps/` as a whole."""
    templates: Path | None

    @property
    def root(self) -> Path:
        """The project's folder."""
        return self.project.root


def open_workspace(selected: Selection) -> Workspace:
    """Read and resolve. Raises InputError with all that is wrong in any of the files, UsageError for unknown names."""
    file = selected.project or find_project(Path.cwd())
    project = load_project(file)
    services = _services(project, selected.services or ())
    profiles = load_profiles(project.root, selected.environments or ())
    scope = _scope(selected, project, profiles, services)
    of_whole = APPS in scope and selected.partial
    if selected.partial:
        services, scope = _part(selected, project, profiles, services, scope)
    # What is said of the others has not changed. Applications know of each other.
    needed = services if selected.changed_since is not None and APPS not in scope else None
    targets: list[Target] = []
    problems: list[Problem] = []
    for profile in profiles:
        try:
            targets += resolve(project, profile, needed)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(*problems)
    _refuse_shared(
        [_Place(target.environment, target.service, target.profile, target.directory) for target in targets]
        + _others(project, profiles, needed)
    )
    _refuse_shared_backups(targets)
    chosen = tuple(target for target in targets if target.service in services)
    if APPS in scope and not selected.partial:
        scope += tuple(sorted({RUNBOOKS} | {path.rpartition("/")[0] for path in map(runbook_of, chosen) if path}))
    deployed = tuple(targets) if APPS in scope else () if of_whole else chosen
    return Workspace(project, chosen, scope, deployed, of_whole, named_templates(selected.templates))


def _part(
    selected: Selection,
    project: ProjectSource,
    profiles: Sequence[ProfileSource],
    services: set[str],
    scope: tuple[str, ...],
) -> tuple[set[str], tuple[str, ...]]:
    """Return the services and the scope of what changed, of a shard, or of a shard of what changed."""
    from aegisgen.project.fleet.part import Part, changed_part, shard, shard_part  # noqa: PLC0415 - most work on the whole

    part = Part(frozenset(services), scope)
    if selected.shard is not None:
        part = shard_part(project, profiles, part, shard(selected.shard))
    if selected.changed_since is not None:
        part = changed_part(project, profiles, part, selected.changed_since, named_templates(selected.templates))
    return set(part.services), part.scope


def changes(workspace: Workspace, overlays: Sequence[Overlay], *, force: bool = False) -> list[Change]:
    """Compare the tree with what was rendered; see `drift.compare`."""
    from aegisgen.project.drift import Tree, compare  # noqa: PLC0415 - see above
    from aegisgen.project.tree.content import generated, read  # noqa: PLC0415

    root = workspace.root
    tree = Tree(
        read=lambda path: read(root, path),
        generated={**generated(root, workspace.scope), **_generated_beside(workspace)},
        display=lambda path: display(root / path),
    )
    return compare(overlays, tree, force=force)


def _generated_beside(workspace: Workspace) -> dict[str, bytes]:
    """Return what lies in folders of all services and is the selected ones': Applications and runbooks."""
    from aegisgen.project.tree.content import is_generated, read  # noqa: PLC0415 - see above

    paths = [file_of(target) for target in workspace.deployed]
    paths += [path for target in workspace.targets for path in (runbook_of(target), usual_runbook(target)) if path]
    contents = {path: read(workspace.root, path) for path in paths}
    return {path: content for path, content in contents.items() if content is not None and is_generated(content)}


def _services(project: ProjectSource, wanted: Sequence[str]) -> set[str]:
    known = sorted(project.value.services)
    chosen: set[str] = set()
    for pattern in wanted or ("*",):
        matching = {name for name in known if fnmatchcase(name, pattern)}
        if not matching:
            raise _unknown_service(pattern, known)
        chosen |= matching
    return chosen


def _unknown_service(pattern: str, known: Sequence[str]) -> UsageError:
    from aegisgen.profile.explain import listed, nearest  # noqa: PLC0415 - slow to import, and only needed here

    bare = pattern.strip("*?")
    heads = {name[: len(bare)]: name for name in reversed(known)}
    close = nearest(bare, known, 3) or [heads[head] for head in nearest(bare, list(heads), 3)]
    meant = f"; did you mean {' or '.join(map(repr, close))}?" if close else ""
    return UsageError(f"no service {pattern!r}; there is {listed(known)}{meant}")


class _Place(Record):
    environment: str
    service: str
    profile: str
    directory: str


def _others(project: ProjectSource, profiles: Sequence[ProfileSource], needed: set[str] | None) -> list[_Place]:
    others = sorted(project.value.services.keys() - needed) if needed is not None else []
    return [
        _Place(profile.name, name, profile.path, directory_of(project, profile, name))
        for profile in profiles
        for name in others
        if is_enabled(project, profile, name)
    ]


def _refuse_shared(places: Sequence[_Place]) -> None:
    """Two services in one folder would overwrite each other's files, and one below another's would lose its own."""
    owners: dict[str, _Place] = {}
    problems = []
    for target in sorted(places, key=lambda place: place.directory):
        above, folder = None, target.directory
        while folder and above is None:
            above, folder = owners.get(folder), folder.rpartition("/")[0]
        owners.setdefault(target.directory, target)
        if above is not None:
            where = "the folder of" if above.directory == target.directory else f"in {above.directory}, the folder of"
            message = (
                f"{target.directory} is {where} {above.service} in {above.environment}, expected one beside it for "
                f"{target.service}; see `overlay`"
            )
            problems.append(Problem(target.profile, 0, 0, "overlay", message))
    if problems:
        raise InputError(*problems)


def _refuse_shared_backups(targets: Sequence[Target]) -> None:
    """Backups of two environments in one place are told apart by their names alone, and people take the wrong one."""
    owners: dict[tuple[str, str, str], Target] = {}
    problems = []
    for target in targets:
        place = backup_place(target)
        other = owners.setdefault(place, target) if place else target
        if place and other is not target:
            message = (
                f"{place[1]}/{place[2]} is where the backups of {other.service} in {other.environment} go, expected a "
                f"place of its own for {target.service} in {target.environment}"
            )
            problems.append(Problem(target.profile, 0, 0, "backup.s3.prefix", message))
    if problems:
        raise InputError(*problems)


def _scope(
    selected: Selection, project: ProjectSource, profiles: Sequence[ProfileSource], services: set[str]
) -> tuple[str, ...]:
    """Return the folders in which generated files that nothing renders are orphans."""
    folders = [directory_of(project, profile, name) for profile in profiles for name in sorted(services)]
    if selected.services:
        return (*folders, RUNNER)
    usual = [f"overlays/{profile.name}" for profile in profiles] if selected.environments else ["overlays", APPS]
    others = (folder for folder in folders if not folder.startswith(tuple(f"{covered}/" for covered in usual)))
    return (*usual, *others, RUNNER)


def named_templates(folder: Path | None) -> Path | None:
    """Return the folder of templates that a command line names, or else the machine; never one that a tree names."""
    return folder or (Path(named) if (named := os.environ.get("AEGISGEN_TEMPLATES")) else None)


def warn_of_templates(workspace: Workspace) -> None:
    """Say on stderr that templates and scripts in the tree are not used: they were, and somebody may rely on them."""
    folder = workspace.root / "templates"
    own = workspace.templates and os.path.realpath(workspace.templates)
    runner = f"{folder}/runner"
    has_templates = any(
        name.endswith(".j2") or parent == runner for parent, _, names in files.walk(folder) for name in names
    )
    if has_templates and own != os.path.realpath(folder):
        where = display(folder)
        sys.stderr.write(
            f"warning: the templates in {where} are not used: a tree cannot name code that renders it; "
            f"name them with --templates {where}, or in AEGISGEN_TEMPLATES\n"
        )
