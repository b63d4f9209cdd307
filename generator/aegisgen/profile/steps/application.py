"""What Argo CD is told of an environment: Applications, their project, and the set that makes them.

Sources: `AppProjectSpec`, `ApplicationSpec` and `ApplicationSetSpec` in pkg/apis/application/v1alpha1 of Argo CD 3.x.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from aegisgen.profile.base import Model
from aegisgen.profile.types import DnsLabel, DnsName, Duration, Line, RelativePath

_END = r"(?![\s\S])"
_FIELD = r"[A-Za-z0-9*/,#?-]+"
Percentage = Annotated[
    str, Meta(title="a whole number or a share such as 10%", pattern=r"^(?:100|[1-9]?[0-9])%" + _END)
]
CronLine = Annotated[
    str,
    Meta(
        title="a cron line of five fields, such as 0 22 * * 1-5",
        pattern=rf"^{_FIELD}(?: {_FIELD}){{4}}" + _END,
        examples=["0 22 * * 1-5"],
    ),
]


class Repository(Model, frozen=True, kw_only=True):
    """The git repository that Argo CD reads."""

    url: Annotated[Line, Meta(description="Its URL, as Argo CD reaches it; without credentials.")]
    path: Annotated[RelativePath, Meta(description="The project file's folder in it.")] = "argocd"


class SyncWindow(Model, frozen=True, kw_only=True):
    """A time in which syncs may, or may not, run."""

    kind: Annotated[Literal["allow", "deny"], Meta(description="Whether syncs may run in it, or may not.")]
    schedule: Annotated[CronLine, Meta(description="When it opens.")]
    duration: Annotated[Duration, Meta(description="How long it stays open.")]
    time_zone: Annotated[Line, Meta(description="The schedule's time zone.", examples=["Europe/Berlin"])] = "UTC"
    manual_sync: Annotated[bool, Meta(description="Whether people may sync although the window forbids it.")] = False


class AppProject(Model, frozen=True, kw_only=True):
    """The AppProject of all Applications: which repository, which namespaces, when."""

    name: Annotated[DnsLabel, Meta(description="Its name.")]
    description: Annotated[Line | UnsetType, Meta(description="What it is for.", examples=["The shop"])] = UNSET
    sync_windows: Annotated[
        list[SyncWindow],
        Meta(
            description="Windows for all of its Applications.",
            examples=[[{"kind": "deny", "schedule": "0 17 * * 5", "duration": "60h"}]],
        ),
    ] = []


class RolloutStep(Model, frozen=True, kw_only=True):
    """Environments that are synced before those of the next step: all of them have to be healthy first."""

    environments: Annotated[
        list[DnsLabel],
        Meta(
            title="at least one environment",
            min_length=1,
            description="The environments of this step.",
            examples=[["staging"]],
        ),
    ]
    max_update: Annotated[
        Annotated[int, Meta(title="a whole number, 0 or more", ge=0)] | Percentage,
        Meta(
            description="How many of the step's Applications are synced at a time: a number or a share. 0 leaves the "
            "step to people.",
            examples=["10%"],
        ),
    ] = "100%"


class ApplicationSet(Model, frozen=True, kw_only=True):
    """One ApplicationSet in place of an Application for each environment and service."""

    name: Annotated[DnsLabel, Meta(description="Its name.")]
    generator: Annotated[
        Literal["list", "git"],
        Meta(description="list: each overlay with its own settings. git: whatever folder there is, all alike."),
    ] = "list"
    rollout: Annotated[
        list[RolloutStep],
        Meta(
            description="Progressive syncs: the set starts the syncs, step after step, and switches automated ones "
            "off. Argo CD does that only where progressive syncs are enabled.",
            examples=[[{"environments": ["staging"]}, {"environments": ["production"], "maxUpdate": "10%"}]],
        ),
    ] = []


class ArgoCD(Model, frozen=True, kw_only=True):
    """What is rendered into `apps/` for the whole project."""

    namespace: Annotated[DnsLabel, Meta(description="Argo CD's own namespace.")] = "argocd"
    project: AppProject | UnsetType = UNSET
    application_set: ApplicationSet | UnsetType = UNSET


class Automated(Model, frozen=True, kw_only=True):
    """How Argo CD syncs by itself."""

    prune: Annotated[bool, Meta(description="Whether it deletes what git no longer has.")] = False
    self_heal: Annotated[bool, Meta(description="Whether it undoes changes made in the cluster.")] = False


class Retry(Model, frozen=True, kw_only=True):
    """How often a failed sync is tried again; each time with all of its hooks."""

    limit: Annotated[int, Meta(title="a whole number from 0 to 10", ge=0, le=10, description="Retries.")] = 1
    duration: Annotated[Duration, Meta(description="The wait before the first retry.")] = "30s"
    factor: Annotated[
        int, Meta(title="a whole number from 1 to 10", ge=1, le=10, description="How much longer each wait is.")
    ] = 2
    max_duration: Annotated[Duration, Meta(description="The longest wait.")] = "5m"


class Destination(Model, frozen=True, kw_only=True):
    """The cluster, by address or by the name that Argo CD knows it by."""

    server: Annotated[
        Line | UnsetType, Meta(description="Its address.", examples=["https://kubernetes.default.svc"])
    ] = UNSET
    name: Annotated[Line | UnsetType, Meta(description="Its name.", examples=["in-cluster"])] = UNSET


class Application(Model, frozen=True, kw_only=True):
    """The Argo CD Application of a service in an environment."""

    name: Annotated[DnsName | UnsetType, Meta(description="Default: <environment>-<workload>.")] = UNSET
    project: Annotated[DnsName | UnsetType, Meta(description="Default: argocd.project, else default.")] = UNSET
    repo_url: Annotated[Line | UnsetType, Meta(description="Default: the project's repository.url.")] = field(
        default=UNSET, name="repoURL"
    )
    path: Annotated[RelativePath | UnsetType, Meta(description="The overlay's folder in the repository.")] = UNSET
    target_revision: Annotated[Line, Meta(description="The branch, tag or commit.")] = "HEAD"
    automated: Annotated[
        bool | Automated,
        Meta(
            description="Whether Argo CD syncs by itself. false: people approve by syncing.",
            examples=[True, {"prune": True}],
        ),
    ] = False
    retry: Retry = field(default_factory=Retry)
    create_namespace: Annotated[bool, Meta(description="Whether Argo CD creates the namespace.")] = False
    destination: Destination = field(default_factory=Destination)
