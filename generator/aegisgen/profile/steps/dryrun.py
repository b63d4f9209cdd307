"""The dry run: pending migrations on a throw-away copy of the production schema."""

from typing import Annotated

from aegisgen.profile.base import about
from aegisgen.profile.steps.job import StepJob
from aegisgen.profile.types import EnvName, Quantity, TableName, Text, Wave


class DryRun(StepJob, frozen=True, kw_only=True):
    """Pending migrations on a copy of the schema before production is touched (presync-job)."""

    wave: Annotated[Wave, about("The sync wave; after the configuration's, before the migration's.")] = -2
    tables: Annotated[
        list[TableName],
        about(
            "Tables whose rows are copied too, besides the tool's bookkeeping; a command names its own.", ["countries"]
        ),
    ] = []
    env: Annotated[
        dict[EnvName, Text],
        about("What differs for the dry run. No key of the Secret reaches it: stand-ins go here.", {"API_KEY": "none"}),
    ] = {}
    storage: Annotated[Quantity, about("The most that the copy may take on the node.")] = "2Gi"
