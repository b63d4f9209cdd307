"""What a profile says about the way back, and about the record of runs in the database that it rests on."""

from typing import TYPE_CHECKING, Annotated

from msgspec import UNSET, Meta, UnsetType

from aegisgen.profile.base import Model
from aegisgen.profile.layers import Layer, problem
from aegisgen.profile.migrations import Words
from aegisgen.profile.types import DnsLabel, Duration, RelativePath
from aegisgen.tools import TOOLS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aegisgen.errors import Problem
    from aegisgen.profile.resolve import Target


class Rollback(Model, frozen=True, kw_only=True):
    """Rolls back what one sync migrated, one migration after the other and nothing else (knex, presync-job)."""

    record: Annotated[
        bool, Meta(description="Keeps a record of each run in the table aegisgen_runs; `automatic` needs it.")
    ] = False
    automatic: Annotated[
        bool, Meta(description="Rolls back when the sync fails, and renders a Job to do so by hand.")
    ] = False
    down: Annotated[
        Words | UnsetType,
        Meta(description="Takes back the one migration whose name follows. Default: knex migrate:down."),
    ] = UNSET
    downs: Annotated[
        dict[DnsLabel, Words],
        Meta(
            description="The same for each of several sets, by name.",
            examples=[{"main": ["npx", "knex", "migrate:down"]}],
        ),
    ] = {}
    directory: Annotated[
        RelativePath | UnsetType,
        Meta(description="The migrations' folder in the image. Default: migrations.path, or that of the set."),
    ] = UNSET
    deadline: Annotated[Duration, Meta(description="The longest that a rollback may take.")] = "10m"


def records(target: "Target") -> bool:
    """Tell whether the runner records its runs."""
    rollback = target.settings.rollback
    return target.settings.strategy == "presync-job" and (rollback.record or rollback.automatic)


def automatic(target: "Target") -> bool:
    """Tell whether a failed sync is rolled back."""
    return target.settings.strategy == "presync-job" and target.settings.rollback.automatic


def problems(target: "Target", layers: list[Layer]) -> "Iterator[Problem]":
    """Yield what is wrong with a service's rollback as it was resolved."""
    settings, rollback = target.settings, target.settings.rollback
    if not (rollback.record or rollback.automatic):
        return
    field = ("rollback", "automatic" if rollback.automatic else "record")
    migrations = settings.migrations
    if settings.strategy != "presync-job":
        message = "belongs to the strategy presync-job: pods start one by one, and there is no sync to take back"
        yield problem(layers, field, message)
        return
    tool = TOOLS[migrations.tool]
    if not tool.take_back:
        reason = "cannot take back one sync's migrations and no others" if tool.rollback else "has no rollback"
        yield problem(layers, field, f"{migrations.tool} {reason}; expected knex, or no such field")
        return
    if not migrations.lock.enabled:
        yield problem(layers, field, "needs the lock, under which a run is recorded; expected migrations.lock.enabled")
    if not rollback.automatic:
        return
    if migrations.sets:
        for one in migrations.sets:
            if one.name not in rollback.downs:
                message = f"{one.name} missing, expected the command that takes back one migration of this set"
                yield problem(layers, ("rollback", "downs"), message)
    paths = [one.path for one in migrations.sets] if migrations.sets else [migrations.path]
    if not rollback.directory and not all(paths):
        message = "missing, expected the folder of the migrations in the image: each is read for its way back"
        yield problem(layers, ("rollback", "directory"), message)
