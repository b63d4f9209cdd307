"""An environment's overlays as Kustomize makes them, and the Applications that deploy them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from aegisgen import files
from aegisgen.errors import UsageError
from aegisgen.kube.compose import Composed, compose
from aegisgen.kube.resource import Resource, resources_in
from aegisgen.profile.target import Target
from aegisgen.project.workspace import Selection, open_workspace
from aegisgen.proof.inputs import read, sources
from aegisgen.proof.prove import relative
from aegisgen.record import Record
from aegisgen.render.places import APPS
from aegisgen.rules.context import deploying
from aegisgen.yaml.source import manifests


class Chosen(Record):
    """An overlay that a command line names. `target` and `root`, the project's folder, are None for `--path`."""

    title: str
    directory: Path
    target: Target | None = None
    root: Path | None = None


def chosen(
    project: Path | None, environment: str | None, services: Sequence[str] | None, path: Path | None
) -> list[Chosen]:
    """Return the overlays of an environment's services, or the one at `path`. Raises UsageError for a wrong choice."""
    if (path is None) == (environment is None):
        raise UsageError("name an environment, or give --path DIR (and not both)")
    if path:
        if not path.is_dir():
            raise UsageError(f"{path}: no such folder; expected one with a kustomization.yaml")
        files.admit(path)
        return [Chosen(path.as_posix(), path)]
    workspace = open_workspace(Selection(project, [environment] if environment else None, services))
    return [
        Chosen(
            f"{target.environment}/{target.service}",
            relative(workspace.root / target.directory),
            target,
            workspace.root,
        )
        for target in workspace.targets
    ]


def compose_targets(root: Path, targets: Iterable[Target]) -> list[Composed]:
    """Compose the overlay of each target of the project in `root`, in their order.

    Raises ToolError without Kustomize, CompositionError where an overlay does not build.
    """
    known = tuple(applications(root))
    return [compose_overlay(relative(root / target.directory), known) for target in targets]


def compose_overlay(directory: Path, known: Iterable[Resource] = ()) -> Composed:
    """Compose any overlay, and find among the `known` Applications the one that deploys it.

    Raises as `compose_targets` does.
    """
    resources = tuple(resources_in(compose(directory).documents))
    deployers = deploying(directory.as_posix(), known)
    return Composed(directory, resources, deployers[0] if deployers else None)


def applications(root: Path) -> Iterator[Resource]:
    """Yield the Applications that the project keeps in `apps/`; what is wrong with them is for `check` to say."""
    folder = root / APPS
    if not folder.is_dir():
        return
    for item in map(read, sources([str(folder)])):
        resources = resources_in(manifests(item.raw or b"", item.path))
        yield from (resource for resource in resources if resource.identity.kind == "Application")
