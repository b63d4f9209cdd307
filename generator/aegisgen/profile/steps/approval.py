"""What a profile says about a person's consent before anything is touched."""

from typing import Annotated

from msgspec import Meta

from aegisgen.profile.base import Model
from aegisgen.profile.steps.application import SyncWindow
from aegisgen.profile.types import Duration, Wave


class Approval(Model, frozen=True, kw_only=True):
    """Who waits for whose consent.

    A suspended Job's deadline does not run (Kubernetes: Job, suspending), so the wait itself has no limit.
    """

    gate: Annotated[
        bool, Meta(description="A suspended Job stops each sync until somebody resumes it (presync-job).")
    ] = False
    wave: Annotated[Wave, Meta(description="The gate's sync wave; before everything else.")] = -5
    deadline: Annotated[
        Duration, Meta(description="How long the resumed Job may take; the wait for the approval has no limit.")
    ] = "10m"
    sync_windows: Annotated[
        list[SyncWindow],
        Meta(
            description="Times for the environment's syncs, rendered into argocd.project.",
            examples=[[{"kind": "deny", "schedule": "0 17 * * 5", "duration": "60h"}]],
        ),
    ] = []
