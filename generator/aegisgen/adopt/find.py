"""Overlays as they lie on disk and as Kustomize composes them, and the migrations in them. Reads, writes nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from aegisgen import files
from aegisgen.adopt.shell import script_of
from aegisgen.adopt.tooling import script
from aegisgen.adopt.tools import call_of
from aegisgen.argocd.hooks import HookType, hook_of
from aegisgen.errors import CompositionError, UsageError
from aegisgen.kube.compose import compose
from aegisgen.kube.origin import member_of
from aegisgen.kube.overlay import Member, Overlay, read_overlay
from aegisgen.kube.pods import WORKLOADS
from aegisgen.kube.resource import Resource, resources_in
from aegisgen.kube.shape import mapping, sequence, text
from aegisgen.proof.inputs import Kustomizations
from aegisgen.proof.prove import relative
from aegisgen.record import Record
from aegisgen.rules.images import image_of

_NAMED = re.compile(r"migrat|flyway|liquibase|alembic|prisma|knex|db-?(?:init|upgrade|update|schema)", re.IGNORECASE)
_WAITS = re.compile(r"wait|check|ready", re.IGNORECASE)


class Migration(Record):
    """A container that migrates a database: an init container of a workload, or the one of a Job."""

    strategy: Literal["init-container", "presync-job"]
    resource: Resource
    place: int

    @property
    def pod(self) -> dict[str, object]:
        """The composed pod."""
        return mapping(self.resource.at("spec", "template", "spec"))

    @property
    def field(self) -> str:
        """The pod's list that the container is in."""
        return "initContainers" if self.strategy == "init-container" else "containers"

    @property
    def container(self) -> dict[str, object]:
        """The composed container."""
        return mapping(sequence(self.pod.get(self.field))[self.place])

    @property
    def name(self) -> str:
        """The container's name."""
        return text(self.container.get("name"))


class Original(Record):
    """An overlay with a migration in it."""

    directory: Path
    """Relative to the working directory, where it is below it."""
    overlay: Overlay
    resources: tuple[Resource, ...]
    migration: Migration
    workload: Resource
    further: tuple[Migration, ...]

    def resource(self, kind: str, name: str) -> Resource | None:
        """Return one of the composed objects; None where it is not part of the overlay."""
        return next((each for each in self.resources if str(each.identity) == f"{kind}/{name}"), None)

    def member(self, resource: Resource) -> Member | None:
        """Return where a composed object was written."""
        return member_of(self.overlay, resource.identity)

    def bare(self, name: str) -> str:
        """Return a composed name without what the overlay's own kustomization puts before and behind it."""
        layer = self.overlay.layers[0]
        return name.removeprefix(text(layer.field("namePrefix"))).removesuffix(text(layer.field("nameSuffix")))

    def base_name(self, kind: str, name: str) -> str:
        """Return the name of an object in the base: the same unless the object is part of the overlay."""
        return self.bare(name) if self.resource(kind, name) else name


class Skipped(Record):
    """An overlay that is left alone, and why."""

    directory: Path
    reason: str


def find(paths: Sequence[Path]) -> tuple[list[Original], list[Skipped]]:
    """Look for migrations in all overlays that the paths name or hold, sorted by directory.

    Raises UsageError where there is no kustomization at all, ToolError without Kustomize.
    """
    for path in paths:
        if not path.is_dir():
            raise UsageError(f"{path}: no such folder; expected an overlay, or a folder that holds some")
        files.admit(path)
    roots = sorted({relative(root) for root in Kustomizations().roots([path.as_posix() for path in paths])})
    if not roots:
        raise UsageError(
            f"no kustomization.yaml in {', '.join(map(str, paths))}; expected a folder that holds overlays"
        )
    overlays = [_look(root) for root in roots]
    originals = [overlay for overlay in overlays if isinstance(overlay, Original)]
    return originals, [overlay for overlay in overlays if isinstance(overlay, Skipped)]


def _look(directory: Path) -> Original | Skipped:
    try:
        documents = compose(directory).documents
    except CompositionError as error:
        return Skipped(directory, f"Kustomize does not build it: {error.problem.message}")
    resources = tuple(resources_in(documents))
    overlay = read_overlay(directory)
    migrations = list(_migrations(resources))
    if not migrations:
        return Skipped(directory, "no migration in it")
    # A Job migrates once for all pods; beside it, an init container usually waits for it.
    migrations.sort(key=lambda migration: migration.strategy != "presync-job")
    first = migrations[0]
    if member_of(overlay, first.resource.identity) is None:
        return Skipped(directory, f"{first.resource.identity} comes from something that cannot be edited here")
    workload = first.resource if first.strategy == "init-container" else _workload_of(first, resources)
    if workload is None or not _containers(workload):
        return Skipped(directory, f"none of its workloads belongs to {first.resource.identity} for certain")
    if not script(first.container).commands:
        return Skipped(directory, f"container {first.name} says no command, and what its image runs cannot be read")
    return Original(directory, overlay, resources, first, workload, tuple(migrations[1:]))


def _migrations(resources: Sequence[Resource]) -> Iterator[Migration]:
    for resource in resources:
        pod = mapping(resource.at("spec", "template", "spec"))
        if resource.identity.kind == "Job" and not _at_deletion(resource):
            for index, container in enumerate(map(mapping, sequence(pod.get("containers")))):
                if migrates(container, resource.identity.name):
                    yield Migration("presync-job", resource, index)
                    break
        elif resource.identity.kind in WORKLOADS:
            for index, container in enumerate(map(mapping, sequence(pod.get("initContainers")))):
                if migrates(container, ""):
                    yield Migration("init-container", resource, index)


def _at_deletion(resource: Resource) -> bool:
    """A hook that runs on failure or at the Application's end takes back, or takes leave; it does not migrate."""
    hook = hook_of(resource)
    return hook is not None and not {HookType.PRE_SYNC, HookType.SYNC, HookType.POST_SYNC} & set(hook.types)


def migrates(container: dict[str, object], job: str) -> bool:
    """Tell whether a container migrates a database: by what it runs, else by its name or its Job's."""
    calls = [call_of(command.words) for command in script_of(container).commands]
    if any(call.role == "migrate" for call in calls):
        return True
    name = text(container.get("name"))
    if any(call.role == "wait" or call.tool for call in calls if call.tool != "command") or _WAITS.search(name):
        return False
    return bool(_NAMED.search(name) or _NAMED.search(job))


def _workload_of(migration: Migration, resources: Sequence[Resource]) -> Resource | None:
    workloads = [resource for resource in resources if resource.identity.kind in WORKLOADS]
    if len(workloads) == 1:
        return workloads[0]
    image = _repository(migration.container)
    same = [each for each in workloads if image in map(_repository, _containers(each))]
    named = [each for each in same or workloads if migration.resource.identity.name.startswith(each.identity.name)]
    chosen = same if len(same) == 1 else named
    return chosen[0] if len(chosen) == 1 else None


def _containers(resource: Resource) -> list[dict[str, object]]:
    return [mapping(each) for each in sequence(resource.at("spec", "template", "spec", "containers"))]


def _repository(container: dict[str, object]) -> str:
    return image_of(text(container.get("image"))).repository
