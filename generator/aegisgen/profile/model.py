"""The types of `aegisgen.yaml` and `profiles/<environment>.yaml`, and of the record they resolve to.

Most fields may be set in several layers, the later one winning: the defaults below, those of the project, those of the
file that describes the service, the service itself, an environment's profile (for all its services, then for one).
Mappings are merged key by key, everything else is replaced whole.

`title` finishes the sentence "expected ..." in error messages; `description` is what editors show.
"""

from typing import TYPE_CHECKING, Annotated, Literal, get_type_hints

import msgspec
from msgspec import UNSET, Meta, UnsetType, field

from aegisgen.kube.versions import DEFAULT_VERSION
from aegisgen.profile.amounts import Resources
from aegisgen.profile.base import Model, about, whole
from aegisgen.profile.database import Database
from aegisgen.profile.migrations import Migrations
from aegisgen.profile.steps.application import Application, ArgoCD, Repository
from aegisgen.profile.steps.approval import Approval
from aegisgen.profile.steps.backup import Backup
from aegisgen.profile.steps.checks import Checks
from aegisgen.profile.steps.dryrun import DryRun
from aegisgen.profile.steps.notifications import Metrics, Notifications
from aegisgen.profile.steps.rollback import Rollback
from aegisgen.profile.steps.runbook import Runbook
from aegisgen.profile.steps.security import Labels, Security
from aegisgen.profile.types import (
    Deadline,
    DnsLabel,
    DnsName,
    EnvName,
    ImageDigest,
    ImageName,
    ImageTag,
    KeptFor,
    KubernetesVersion,
    NamePrefix,
    NameSuffix,
    PodAnnotations,
    RelativePath,
    Retries,
    RuleId,
    Strategy,
    Text,
    Wave,
)

OVERLAY = "overlays/{environment}/{service}"
"""Where overlays are unless somebody says otherwise."""

ApiVersion = Annotated[Literal["aegisgen.dev/v1"], about("The version of this format.")]


class Workload(Model, frozen=True, kw_only=True):
    """The workload that the service runs as, as it stands in the base."""

    kind: Annotated[Literal["Deployment", "StatefulSet", "DaemonSet"], about("Its kind.")] = "Deployment"
    name: Annotated[DnsName, about("Its name in the base, without the environment's prefix.")]
    container: Annotated[DnsLabel, about("The container that runs the application.")]


class Image(Model, frozen=True, kw_only=True):
    """The application's image, which also carries its migrations."""

    name: Annotated[ImageName | UnsetType, about("The image without tag or digest.")] = UNSET
    tag: Annotated[
        ImageTag | UnsetType,
        about("The tag that this environment runs; without tag and digest kustomization.yaml has it."),
    ] = UNSET
    digest: Annotated[ImageDigest | UnsetType, about("The digest that this environment runs.")] = UNSET
    pull_policy: Annotated[
        Literal["Always", "IfNotPresent", "Never"] | UnsetType,
        about("Default: IfNotPresent for a digest, else Always, because a tag can move."),
    ] = UNSET


class Hook(Model, frozen=True, kw_only=True):
    """How Argo CD runs the migration Job (presync-job)."""

    wave: Annotated[Wave, about("The sync wave of the migration Job.")] = -1
    config_wave: Annotated[Wave, about("The sync wave of what the Job needs; before `wave`.")] = -4
    delete_policy: Annotated[
        Literal["BeforeHookCreation", "HookSucceeded", "HookFailed"], about("When Argo CD deletes the Job.")
    ] = "BeforeHookCreation"


class Job(Model, frozen=True, kw_only=True):
    """The migration Job (presync-job)."""

    backoff_limit: Retries = 3
    ttl: KeptFor = "7d"
    deadline: Deadline = "30m"
    annotations: PodAnnotations = {}
    labels: Annotated[
        Labels,
        about(
            "Labels for the Job and its pod beside aegisgen's own, such as those a network policy selects.",
            {"network/database": "allowed"},
        ),
    ] = {}
    name: Annotated[
        DnsLabel | UnsetType, about("Its name, without the environment's prefix. Default: <workload>-migration.")
    ] = UNSET


class InitContainer(Model, frozen=True, kw_only=True):
    """The init container (init-container)."""

    name: Annotated[DnsLabel, about("The init container's name.")] = "db-migration"


class Settings(Model, frozen=True, kw_only=True):
    """One service in one environment, all layers merged and all defaults filled in."""

    workload: Workload
    base: str | UnsetType = UNSET
    image: Image
    strategy: Annotated[
        Strategy, about("init-container: in each pod, before the application. presync-job: once, before the sync.")
    ]
    overlay: Annotated[
        RelativePath,
        about(
            "The overlay's folder, in which {environment} and {service} stand for those names.",
            "overlays/{environment}",
        ),
    ] = OVERLAY
    enabled: Annotated[bool, about("Whether the environment runs this service at all.")] = True
    image_pull_secrets: Annotated[list[DnsName], about("As the workload has them.", ["registry"])] = []
    hook: Hook = field(default_factory=Hook)
    job: Job = field(default_factory=Job)
    init_container: InitContainer = field(default_factory=InitContainer)
    migrations: Migrations = field(default_factory=Migrations)
    database: Database = field(default_factory=Database)
    resources: Resources = field(default_factory=Resources)
    backup: Backup | UnsetType = UNSET
    dry_run: DryRun | UnsetType = UNSET
    checks: Checks | UnsetType = UNSET
    security: Security = field(default_factory=Security)
    approval: Approval = field(default_factory=Approval)
    application: Application | UnsetType = UNSET
    notifications: Notifications = field(default_factory=Notifications)
    metrics: Metrics = field(default_factory=Metrics)
    rollback: Rollback = field(default_factory=Rollback)
    runbook: Runbook | UnsetType = UNSET
    replicas: (
        Annotated[int, whole(0, 10000, "How many pods the workload has; without it the files say so.", 3)] | UnsetType
    ) = UNSET
    config: Annotated[
        dict[EnvName, Text],
        about("Entries of the application's ConfigMap; never a secret.", {"DATABASE_HOST": "production-postgres"}),
    ] = {}


# What only the resolved record has, or has in another form: a layer may name an image by its name alone.
_OF_LAYERS = {
    "image": Annotated[
        ImageName | Image,
        about(
            "The application's image, which carries its migrations: its name, or more of it.",
            "ghcr.io/example/api",
            {"tag": "v1.4.2"},
        ),
    ]
}
if TYPE_CHECKING:

    class Overrides(Model, frozen=True, kw_only=True):
        """What every layer may say of a service: any field of `Settings`."""
else:
    Overrides = msgspec.defstruct(
        "Overrides",
        [
            (name, _OF_LAYERS.get(name, hint) | UnsetType, UNSET)
            for name, hint in get_type_hints(Settings, include_extras=True).items()
            if name not in {"workload", "base"}
        ],
        bases=(Model,),
        namespace={"__doc__": "What every layer may say of a service."},
        module=__name__,
        frozen=True,
        kw_only=True,
    )


class ProjectService(Overrides, frozen=True, kw_only=True):
    """A service of the project."""

    workload: Workload
    base: Annotated[RelativePath | UnsetType, about("The base's folder. Default: base/<service>.")] = UNSET


ServicesByName = Annotated[
    dict[DnsLabel, ProjectService],
    Meta(
        title="at least one service",
        min_length=1,
        description="By name.",
        examples=[{"api": {"workload": {"name": "api", "container": "api"}}}],
    ),
]


class RuleIgnore(Model, frozen=True, kw_only=True):
    """Findings that somebody has looked at and decided to live with."""

    rule: Annotated[RuleId, about("Which rule.")]
    reason: Annotated[Text, Meta(title="a reason", min_length=3, description="Why it is all right here.")]
    resource: Annotated[Text, about("Kind/name as composed, or a pattern; empty: any.")] = ""
    path: Annotated[Text, about("The file, or a pattern; empty: any.")] = ""


class RuleSettings(Model, frozen=True, kw_only=True):
    """What the project decides about the rules."""

    severity: Annotated[
        dict[RuleId, Literal["error", "warning", "info", "disabled"]],
        about("Severities that differ from the rules' own.", {"H111": "disabled"}),
    ] = {}
    pod_security: Annotated[
        Literal["privileged", "baseline", "restricted"],
        about("The level of the Pod Security Standards that pods must meet."),
    ] = "baseline"
    ignore: Annotated[
        list[RuleIgnore],
        about(
            "Findings that are all right where they are.",
            [{"rule": "H111", "reason": "the tag is the environment's name on purpose"}],
        ),
    ] = []
    baseline: Annotated[
        RelativePath | UnsetType,
        about("A file of findings that were known when the tree was taken on; see check --write-baseline."),
    ] = UNSET


class Project(Model, frozen=True, kw_only=True):
    """`aegisgen.yaml`: the services that are rendered into the tree."""

    api_version: ApiVersion
    kind: Annotated[Literal["Project"], about("What this file is.")]
    kubernetes_version: Annotated[KubernetesVersion, about("The version whose schemas the manifests must meet.")] = (
        DEFAULT_VERSION
    )
    services: ServicesByName = {}
    include: Annotated[
        list[RelativePath],
        about(
            "Further files of services (kind: Services), as paths or patterns from this folder; "
            "* and ? stand for anything in one name.",
            ["services/*.yaml"],
        ),
    ] = []
    defaults: Annotated[Overrides | UnsetType, about("What holds for all services.")] = UNSET
    repository: Annotated[Repository | UnsetType, about("Where Argo CD finds this folder.")] = UNSET
    argocd: ArgoCD = field(default_factory=ArgoCD)
    rules: RuleSettings = field(default_factory=RuleSettings)


class Services(Model, frozen=True, kw_only=True):
    """A file that a project includes: some of its services, such as a team's."""

    api_version: ApiVersion
    kind: Annotated[Literal["Services"], about("What this file is.")]
    defaults: Annotated[Overrides | UnsetType, about("What holds for the services of this file.")] = UNSET
    services: ServicesByName


class ProfileMetadata(Model, frozen=True, kw_only=True):
    """Whose profile this is."""

    name: Annotated[DnsLabel, about("The environment's name, and the file's.")]


class ProfileSpec(Overrides, frozen=True, kw_only=True):
    """An environment. These settings hold for all of its services."""

    namespace: Annotated[DnsLabel, about("The namespace of all resources.")]
    name_prefix: Annotated[NamePrefix, about("Put before every name by Kustomize.")] = ""
    name_suffix: Annotated[NameSuffix, about("Put behind every name by Kustomize.")] = ""
    services: Annotated[
        dict[DnsLabel, Overrides], about("What differs for one service.", {"api": {"replicas": 3}})
    ] = {}


class Profile(Model, frozen=True, kw_only=True):
    """`profiles/<environment>.yaml`: one environment."""

    api_version: ApiVersion
    kind: Annotated[Literal["EnvironmentProfile"], about("What this file is.")]
    metadata: ProfileMetadata
    spec: ProfileSpec
