"""What a profile says about the rights of the migration: account, network, pod security, the origin of its Secret."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from aegisgen.profile.base import Model, about, whole
from aegisgen.profile.types import (
    AnnotationKey,
    Cidr,
    DnsName,
    Duration,
    EnvName,
    LabelKey,
    LabelValue,
    Line,
    Port,
    Text,
)

Labels = dict[LabelKey, LabelValue]
UserId = Annotated[int, whole(1, 2147483647, None, 1000, called="a user id")]


class ServiceAccount(Model, frozen=True, kw_only=True):
    """The account that the migration's pods run under (presync-job)."""

    create: Annotated[bool, about("Whether it is rendered; if not, `name` exists already.")] = True
    name: Annotated[DnsName | UnsetType, about("Default: <workload>-migration.")] = UNSET
    annotations: Annotated[
        dict[AnnotationKey, Text],
        about(
            "Such as the role that a cloud gives to this account.",
            {"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/migration"},
        ),
    ] = {}


class Peer(Model, frozen=True, kw_only=True):
    """Somebody that a pod may talk to: pods by their labels, or addresses."""

    pod_labels: Annotated[Labels, about("Labels of its pods.", {"app": "postgres"})] = {}
    namespace_labels: Annotated[
        Labels,
        about(
            "Labels of its pods' namespace. Default: the migration's own namespace.",
            {"kubernetes.io/metadata.name": "databases"},
        ),
    ] = {}
    cidr: Annotated[Cidr | UnsetType, about("Its addresses, in place of labels.")] = UNSET
    port: Annotated[Port | UnsetType, about("The port. Default: the service's usual one.")] = UNSET


def _cluster_dns() -> Peer:
    """CoreDNS as all common distributions label it, the name being kube-dns for the sake of old clients."""
    return Peer(
        pod_labels={"k8s-app": "kube-dns"}, namespace_labels={"kubernetes.io/metadata.name": "kube-system"}, port=53
    )


class NetworkPolicy(Model, frozen=True, kw_only=True):
    """What the migration's pods may talk to; nobody may talk to them (presync-job)."""

    enabled: Annotated[bool, about("Whether the policy is rendered; it needs `database`.")] = False
    database: Annotated[Peer | UnsetType, about("The database. Port: 5432.")] = UNSET
    dns: Annotated[Peer, about("The name service. Default: the cluster's, in kube-system.")] = field(
        default_factory=_cluster_dns
    )
    also: Annotated[
        list[Peer], about("Others, such as a webhook or an object store. Port: 443.", [{"cidr": "203.0.113.0/24"}])
    ] = []


class SecretStore(Model, frozen=True, kw_only=True):
    """The store of the External Secrets Operator that holds the values."""

    name: Annotated[DnsName, about("The store's name.", "vault")]
    kind: Annotated[
        Literal["SecretStore", "ClusterSecretStore"], about("Whether it is the namespace's or the cluster's.")
    ] = "SecretStore"


class RemoteKey(Model, frozen=True, kw_only=True):
    """Where the store has one value."""

    key: Annotated[Line, about("The entry in the store.")]
    property: Annotated[Line | UnsetType, about("The field of the entry, if it has several.")] = UNSET
    version: Annotated[Line | UnsetType, about("The entry's version. Default: the newest.")] = UNSET


class ExternalSecret(Model, frozen=True, kw_only=True):
    """Lets the External Secrets Operator write the database's Secret before the migration needs it (presync-job)."""

    store: SecretStore
    refresh_interval: Annotated[Duration, about("How often the operator reads the store.")] = "1h"
    data: Annotated[
        dict[EnvName, RemoteKey],
        Meta(
            title="at least one key of the Secret",
            min_length=1,
            description="By key of the Secret.",
            examples=[{"DATABASE_PASSWORD": {"key": "api/production", "property": "password"}}],
        ),
    ]


class SealedSecret(Model, frozen=True, kw_only=True):
    """A SealedSecret of the overlay or its base that becomes a hook of a wave before the migration (presync-job)."""

    name: Annotated[DnsName | UnsetType, about("Its name. Default: the database's Secret.")] = UNSET


class Security(Model, frozen=True, kw_only=True):
    """What the migration may do."""

    service_account: ServiceAccount = field(default_factory=ServiceAccount)
    pod_security: Annotated[
        Literal["baseline", "restricted"],
        about("The Pod Security Standard that the migration's pods meet; restricted: they are not root."),
    ] = "baseline"
    run_as_user: Annotated[
        UserId | UnsetType,
        about(
            "The user's id, where the image names its user by a word. Not every image runs under any id: "
            "pnpm of corepack is cached for the user who built the image."
        ),
    ] = UNSET
    network_policy: NetworkPolicy = field(default_factory=NetworkPolicy)
    external_secret: ExternalSecret | UnsetType = UNSET
    sealed_secret: SealedSecret | UnsetType = UNSET
