"""The dry run: pending migrations on a throw-away copy of the production schema."""

from typing import Annotated

from msgspec import Meta

from aegisgen.profile.steps.job import StepJob
from aegisgen.profile.types import EnvName, Quantity, TableName, Text, Wave


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
