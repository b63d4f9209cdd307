"""What a profile says about the way back, and about the record of runs in the database that it rests on."""

from typing import Annotated, Literal

from msgspec import UNSET, UnsetType

from aegisgen.profile.base import Model, about
from aegisgen.profile.migrations import Words
from aegisgen.profile.types import DnsLabel, Duration, RelativePath


class Rollback(Model, frozen=True, kw_only=True):
    """Rolls back what one sync migrated, one migration after the other and nothing else (knex, presync-job)."""

    record: Annotated[
        bool, about("Keeps a record of each run in the database (view aegisgen_history); `automatic` needs it.")
    ] = False
    automatic: Annotated[bool, about("Rolls back when the sync fails, and renders a Job to do so by hand.")] = False
    down: Annotated[
        Words | UnsetType, about("Takes back the one migration whose name follows. Default: knex migrate:down.")
    ] = UNSET
    downs: Annotated[
        dict[DnsLabel, Words],
        about("The same for each of several sets, by name.", {"main": ["npx", "knex", "migrate:down"]}),
    ] = {}
    directory: Annotated[
        RelativePath | UnsetType,
        about("The migrations' folder in the image. Default: migrations.path, or that of the set."),
    ] = UNSET
    after: Annotated[
        Literal["presync", "sync"],
        about(
            "Until when a failed sync is rolled back by itself. presync: until the release is applied, "
            "whose pods may use what was migrated. sync: until the sync has succeeded."
        ),
    ] = "presync"
    deadline: Annotated[Duration, about("The longest that a rollback may take.")] = "10m"
