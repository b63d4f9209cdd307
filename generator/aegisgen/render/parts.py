"""Which files an overlay gets, each from a template of its own: one table, in the order of their sync waves."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from aegisgen.profile.steps.job import wanted

if TYPE_CHECKING:
    from collections.abc import Callable

    from aegisgen.profile.resolve import Target


class Part(NamedTuple):
    """One generated file. Its template is `<strategy>/<file>.j2`."""

    file: str
    wanted: Callable[[Target], bool]
    patches_workload: bool = False
    """It is a patch of the workload; every other part is a resource of its own."""
    applied: bool = True
    """False: rendered for people to apply by hand, and named by no kustomization."""


def _always(_: Target) -> bool:
    return True


def _own_config(target: Target) -> bool:
    return target.migration_config_name != target.config_name and bool(target.settings.database.config.keys)


PARTS: dict[str, tuple[Part, ...]] = {
    "init-container": (Part("deployment-patch.yaml", _always, patches_workload=True),),
    "presync-job": (
        Part("migration-config.yaml", _own_config),
        Part("backup-job.yaml", lambda target: wanted(target.settings.backup)),
        Part("dry-run-job.yaml", lambda target: wanted(target.settings.dry_run)),
        Part("migration-job.yaml", _always),
        Part("checks-job.yaml", lambda target: wanted(target.settings.checks)),
    ),
}

# Names under which an overlay may hold generated files, whatever its strategy is today.
NAMES = tuple(part.file for parts in PARTS.values() for part in parts)
