"""The dry run: pending migrations on a throw-away copy of the production schema."""

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from aegisgen.profile.layers import problem
from aegisgen.profile.steps.job import StepJob
from aegisgen.profile.types import EnvName, Quantity, TableName, Text, Wave
from aegisgen.tools import TOOLS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aegisgen.errors import Problem
    from aegisgen.profile.layers import Layer
    from aegisgen.profile.resolve import Target


class DryRun(StepJob, frozen=True, kw_only=True):
    """Pending migrations on a copy of the schema before production is touched (presync-job)."""

    wave: Annotated[Wave, Meta(description="The sync wave; after the backup's, before the migration's.")] = -2
    tables: Annotated[
        list[TableName],
        Meta(
            description="Tables whose rows are copied too, besides the tool's bookkeeping; a command names its own.",
            examples=[["countries"]],
        ),
    ] = []
    env: Annotated[
        dict[EnvName, Text],
        Meta(
            description="What differs for the dry run. No key of the Secret reaches it: stand-ins go here.",
            examples=[{"API_KEY": "none"}],
        ),
    ] = {}
    storage: Annotated[Quantity, Meta(description="The most that the copy may take on the node.")] = "2Gi"


def bookkeeping(target: "Target") -> list[str]:
    """Return the tables that tell the migration tool what has been applied, and those that the profile adds."""
    settings = target.settings
    migrations = settings.migrations
    tables = [one.table for one in migrations.sets] or [migrations.table]
    said = [table for table in tables if isinstance(table, str)]
    default = TOOLS[migrations.tool].tables if len(said) < len(tables) else ()
    added = settings.dry_run.tables if isinstance(settings.dry_run, DryRun) else []
    return list(dict.fromkeys([*default, *said, *added]))


def problems(target: "Target", layers: "list[Layer]") -> "Iterator[Problem]":
    """Yield what is wrong with a dry run beyond its types."""
    dry_run = target.settings.dry_run
    if isinstance(dry_run, DryRun) and dry_run.enabled and not bookkeeping(target):
        message = "missing, expected the table in which the migration's command notes what it has applied"
        yield problem(layers, ("dryRun", "tables"), message)
