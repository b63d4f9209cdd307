"""What Argo CD is told of an environment: Applications, their project, and the set that makes them.

Sources: `AppProjectSpec`, `ApplicationSpec` and `ApplicationSetSpec` in pkg/apis/application/v1alpha1 of Argo CD 3.x.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from aegisgen.profile.base import Model, about, matching, whole
from aegisgen.profile.steps.notifications import Url
from aegisgen.profile.types import DnsLabel, DnsName, Duration, Line, RelativePath

_FIELD = r"[A-Za-z0-9*/,#?-]+"
Percentage = Annotated[str, matching("a whole number or a share such as 10%", r"(?:100|[1-9]?[0-9])%")]
CronLine = Annotated[
    str, matching("a cron line of five fields, such as 0 22 * * 1-5", rf"{_FIELD}(?: {_FIELD}){{4}}", "0 22 * * 1-5")
]


class Repository(Model, frozen=True, kw_only=True):
    """The git repository that Argo CD reads."""

    url: Annotated[Line, about("Its URL, as Argo CD reaches it; without credentials.")]
    path: Annotated[RelativePath, about("The project file's folder in it.")] = "argocd"


class SyncWindow(Model, frozen=True, kw_only=True):
    """A time in which syncs may, or may not, run."""

    kind: Annotated[Literal["allow", "deny"], about("Whether syncs may run in it, or may not.")]
    schedule: Annotated[CronLine, about("When it opens.")]
    duration: Annotated[Duration, about("How long it stays open.")]
    time_zone: Annotated[Line, about("The schedule's time zone.", "Europe/Berlin")] = "UTC"
    manual_sync: Annotated[bool, about("Whether people may sync although the window forbids it.")] = False


class AppProject(Model, frozen=True, kw_only=True):
    """The AppProject of all Applications: which repository, which namespaces, when."""

    name: Annotated[DnsLabel, about("Its name.")]
    description: Annotated[Line | UnsetType, about("What it is for.", "The shop")] = UNSET
    sync_windows: Annotated[
        list[SyncWindow],
        about("Windows for all of its Applications.", [{"kind": "deny", "schedule": "0 17 * * 5", "duration": "60h"}]),
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
        about(
            "How many of the step's Applications are synced at a time: a number or a share. 0 leaves the "
            "step to people.",
            "10%",
        ),
    ] = "100%"


class ApplicationSet(Model, frozen=True, kw_only=True):
    """One ApplicationSet in place of an Application for each environment and service."""

    name: Annotated[DnsLabel, about("Its name.")]
    generator: Annotated[
        Literal["list", "git"],
        about("list: each overlay with its own settings. git: whatever folder there is, all alike."),
    ] = "list"
    rollout: Annotated[
        list[RolloutStep],
        about(
            "Progressive syncs: the set starts the syncs, step after step, and switches automated ones "
            "off. Argo CD does that only where progressive syncs are enabled.",
            [{"environments": ["staging"]}, {"environments": ["production"], "maxUpdate": "10%"}],
        ),
    ] = []


class ArgoCD(Model, frozen=True, kw_only=True):
    """What is rendered into `apps/` for the whole project."""

    namespace: Annotated[DnsLabel, about("Argo CD's own namespace.")] = "argocd"
    url: Annotated[
        Url | UnsetType,
        about("Where people reach Argo CD; messages end with the Application's page.", "https://argocd.example.com"),
    ] = UNSET
    project: AppProject | UnsetType = UNSET
    application_set: ApplicationSet | UnsetType = UNSET


class Automated(Model, frozen=True, kw_only=True):
    """How Argo CD syncs by itself."""

    prune: Annotated[bool, about("Whether it deletes what git no longer has.")] = False
    self_heal: Annotated[bool, about("Whether it undoes changes made in the cluster.")] = False


class Retry(Model, frozen=True, kw_only=True):
    """How often a failed sync is tried again; each time with all of its hooks."""

    limit: Annotated[int, whole(0, 10, "Retries.")] = 1
    duration: Annotated[Duration, about("The wait before the first retry.")] = "30s"
    factor: Annotated[int, whole(1, 10, "How much longer each wait is.")] = 2
    max_duration: Annotated[Duration, about("The longest wait.")] = "5m"


class Destination(Model, frozen=True, kw_only=True):
    """The cluster, by address or by the name that Argo CD knows it by."""

    server: Annotated[Line | UnsetType, about("Its address.", "https://kubernetes.default.svc")] = UNSET
    name: Annotated[Line | UnsetType, about("Its name.", "in-cluster")] = UNSET


class Application(Model, frozen=True, kw_only=True):
    """The Argo CD Application of a service in an environment."""

    name: Annotated[DnsName | UnsetType, about("Default: <environment>-<workload>.")] = UNSET
    project: Annotated[DnsName | UnsetType, about("Default: argocd.project, else default.")] = UNSET
    repo_url: Annotated[Line | UnsetType, about("Default: the project's repository.url.")] = field(
        default=UNSET, name="repoURL"
    )
    path: Annotated[RelativePath | UnsetType, about("The overlay's folder in the repository.")] = UNSET
    target_revision: Annotated[Line, about("The branch, tag or commit.")] = "HEAD"
    automated: Annotated[
        bool | Automated,
        Meta(
            description="Whether Argo CD syncs by itself. false: people approve by syncing.",
            examples=[True, {"prune": True}],
        ),
    ] = False
    retry: Retry = field(default_factory=Retry)
    create_namespace: Annotated[bool, about("Whether Argo CD creates the namespace.")] = False
    destination: Destination = field(default_factory=Destination)
