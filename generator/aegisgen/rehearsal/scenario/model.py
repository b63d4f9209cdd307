"""What a scenario file says. Every word of it is fixed: `aegisgen rehearse --list` shows what comes of them."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from aegisgen.profile.base import Model
from aegisgen.profile.types import DnsLabel, Duration, Text

Behaviour = Literal[
    "adds-a-table",
    "adds-a-table-without-transaction",
    "cannot-be-taken-back",
    "adds-a-row",
    "adds-a-column",
    "loses-rows-and-fails",
    "is-slow",
    "hangs",
    "fails",
    "fails-on-rows",
    "fails-without-transaction",
]
Feature = Literal["backup", "restore", "dry-run", "rollback", "rollback-after-sync", "notifications", "approval",
    "application", "session-lock", "pooled-address", "direct-address"]  # fmt: skip


class Faults(Model, frozen=True, kw_only=True):
    """What goes wrong during one sync."""

    database: Annotated[
        Literal["down", "late", "wrong-password"] | None,
        Meta(description="down: it does not run. late: it starts after `after`. wrong-password: the Secret is wrong."),
    ] = None
    after: Annotated[Duration, Meta(description="When a late database starts.")] = "20s"
    kill: Annotated[
        Literal["migrating"] | None, Meta(description="SIGKILL for the container whose slow migration runs.")
    ] = None
    pods: (
        Annotated[
            int, Meta(title="a number of pods from 1 to 9", ge=1, le=9, description="How many pods migrate at once.")
        ]
        | None
    ) = None
    withhold: Annotated[
        list[Literal["ConfigMap", "Secret", "ServiceAccount"]],
        Meta(description="What the migration refers to and does not get."),
    ] = []
    web: Annotated[
        Literal["down", "error", "silence"] | None, Meta(description="How everything behaves that is told by HTTP.")
    ] = None
    backup_target: Annotated[Literal["full"] | None, Meta(description="No room for the backup.")] = None
    application: Annotated[Literal["fails"] | None, Meta(description="The new application never gets ready.")] = None
    approval: Annotated[Literal["withheld"] | None, Meta(description="Nobody resumes the approval gate.")] = None
    pooler: Annotated[
        Literal["transaction"] | None,
        Meta(description="The database's address is a PgBouncer's, which lends its sessions by the transaction."),
    ] = None
    reader: Annotated[
        Literal["long"] | None,
        Meta(description="A report reads the table that the release alters, until the migration lets others go first."),
    ] = None
    sessions: Annotated[
        Literal["hidden"] | None, Meta(description="The tool's sessions have another name than PGAPPNAME says.")
    ] = None
    release_before: Annotated[
        list[Literal["starts", "asks"]],
        Meta(
            description="starts: a pod of it starts again, as soon as a slow migration waits. asks: it goes on reading."
        ),
    ] = []


class Expect(Model, frozen=True, kw_only=True):
    """What must hold after one sync."""

    sync: Annotated[
        Literal["succeeds", "fails", "waits"],
        Meta(description="fails: by itself, within bounds. waits: until somebody approves."),
    ]
    database: Annotated[
        Literal["migrated", "unchanged"] | None, Meta(description="migrated: every migration is applied.")
    ] = None
    application: Annotated[Literal["updated", "untouched"] | None, Meta(description="Whether new pods came up.")] = None
    failed_attempts: (
        Annotated[int, Meta(title="a number from 0", ge=0, description="How many attempts of the migration may fail.")]
        | None
    ) = None
    statuses: Annotated[
        list[Text], Meta(description="As what the migration ends, as kubectl words it; any of them.")
    ] = []
    says: Annotated[
        list[Text], Meta(description="Texts that the migration's messages or logs contain; each of them.")
    ] = []
    reason: Annotated[bool, Meta(description="Whether what failed says why, in its message or log.")] = False
    migration: Annotated[Literal["never-starts"] | None, Meta(description="Whether the migration itself began.")] = None
    backup: Annotated[Literal["made", "none"] | None, Meta(description="Whether a whole backup is in its place.")] = (
        None
    )
    told: Annotated[bool, Meta(description="Whether anybody was told by HTTP.")] = False
    release_before: Annotated[
        Literal["works"] | None,
        Meta(description="Its pods that started again are ready, and what it asks is answered."),
    ] = None
    readers_wait: Annotated[
        Duration | None, Meta(description="How long others that read the same table may wait, in real time.")
    ] = None


class Sync(Model, frozen=True, kw_only=True):
    """One sync."""

    title: Annotated[Text, Meta(description="What it is, for people.")]
    migrations: Annotated[
        dict[DnsLabel, Behaviour], Meta(description="What the release adds to the application's migrations.")
    ] = {}
    release: Annotated[
        Literal["next", "before"], Meta(description="Which image is deployed; before: the one of the release before.")
    ] = "next"
    faults: Faults = Faults()
    speed: Annotated[
        int,
        Meta(
            title="a number from 1 to 1000",
            ge=1,
            le=1000,
            description="How many times as fast clocks run: from the start, or as soon as a slow migration waits.",
        ),
    ] = 1
    by_hand: Annotated[
        Literal["restore"] | None,
        Meta(description="What a person does afterwards: restore: create the Job of restore-manual.yaml."),
    ] = None
    expect: Expect


class Spec(Model, frozen=True, kw_only=True):
    """A scenario."""

    title: Annotated[Text, Meta(description="What happens, for people.")]
    needs: Annotated[list[Feature], Meta(description="What an overlay must have for it.")] = []
    given: Annotated[
        Literal["nothing", "a-release", "the-release-before"],
        Meta(description="What was deployed before the first sync: nothing, --app, or --previous."),
    ] = "a-release"
    syncs: Annotated[list[Sync], Meta(title="a list of syncs", min_length=1, description="One after the other.")]


class Metadata(Model, frozen=True, kw_only=True):
    """A scenario's name."""

    name: DnsLabel


class Scenario(Model, frozen=True, kw_only=True):
    """A scenario file."""

    api_version: Annotated[Literal["aegisgen.dev/v1"], Meta(description="The format's version.")]
    kind: Literal["Scenario"]
    metadata: Metadata
    spec: Spec

    @property
    def needs_release_before(self) -> bool:
        """Whether the image of the release before is deployed, or one of its pods starts again."""
        of_syncs = any(sync.release == "before" or sync.faults.release_before for sync in self.spec.syncs)
        return of_syncs or self.spec.given == "the-release-before"

    @property
    def name(self) -> str:
        """The scenario's name."""
        return self.metadata.name
