"""The dry run: the tables it copies, and fields that need or exclude each other."""

from __future__ import annotations

from collections.abc import Iterator

from aegisgen.errors import Problem
from aegisgen.profile.layers import Layer, problem
from aegisgen.profile.steps.dryrun import DryRun
from aegisgen.profile.steps.job import wanted
from aegisgen.profile.target import Target
from aegisgen.tools import TOOLS


def bookkeeping(target: Target) -> list[str]:
    """Return the tables that tell the migration tool what has been applied, and those that the profile adds."""
    settings = target.settings
    migrations = settings.migrations
    tables = [migration_set.table for migration_set in migrations.sets] or [migrations.table]
    named = [table for table in tables if isinstance(table, str)]
    default = TOOLS[migrations.tool].tables if len(named) < len(tables) else ()
    added = settings.dry_run.tables if isinstance(settings.dry_run, DryRun) else []
    return list(dict.fromkeys([*default, *named, *added]))


def problems(target: Target, layers: list[Layer]) -> Iterator[Problem]:
    """Yield what is wrong with a dry run beyond its types."""
    dry_run = target.settings.dry_run
    if wanted(dry_run) and not bookkeeping(target):
        message = "missing, expected the table in which the migration's command notes what it has applied"
        yield problem(layers, ("dryRun", "tables"), message)
