"""What a profile says about a person's consent before anything is touched."""

from typing import Annotated

from aegisgen.profile.base import Model, about
from aegisgen.profile.steps.application import SyncWindow
from aegisgen.profile.types import Duration, Line, Wave


class Approval(Model, frozen=True, kw_only=True):
    """Who waits for whose consent.

    A suspended Job's deadline does not run (Kubernetes: Job, suspending), so the wait itself has no limit.
    """

    gate: Annotated[bool, about("A suspended Job stops each sync until somebody resumes it (presync-job).")] = False
    wave: Annotated[
        Wave,
        about(
            "The gate's sync wave. Where a profile with a gate states no wave but hook.wave, the others are "
            "counted from that: hook.configWave -5, dryRun -4, approval -3, backup -2, hook -1."
        ),
    ] = -5
    groups: Annotated[
        list[Line],
        about(
            "Who may approve, as Argo CD and Kubernetes know the groups: rendered as a role of argocd.project, "
            "and as a Role for the gate's Job alone.",
            ["release-managers"],
        ),
    ] = []
    deadline: Annotated[
        Duration, about("How long the resumed Job may take; the wait for the approval has no limit.")
    ] = "10m"
    sync_windows: Annotated[
        list[SyncWindow],
        about(
            "Times for the environment's syncs, rendered into argocd.project.",
            [{"kind": "deny", "schedule": "0 17 * * 5", "duration": "60h"}],
        ),
    ] = []
