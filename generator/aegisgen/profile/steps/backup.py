"""The backup before the migration: where it goes, what is kept, and what a failure means."""

from typing import Annotated, Literal

from msgspec import UNSET, UnsetType

from aegisgen.profile.base import Model, about, matching, whole
from aegisgen.profile.steps.job import StepJob
from aegisgen.profile.types import DnsName, Duration, EnvName, Folder, HttpUrl, ImageReference, Quantity, Wave


class BackupVolume(Model, frozen=True, kw_only=True):
    """A volume that is there before the first sync, and that no sync deletes."""

    claim: Annotated[DnsName, about("An existing PersistentVolumeClaim; never a hook.")]
    path: Annotated[Folder | UnsetType, about("The folder in the volume. Default: its top.")] = UNSET


class S3Secret(Model, frozen=True, kw_only=True):
    """The Secret with the storage's credentials."""

    name: Annotated[DnsName, about("It exists in the cluster before the first sync.")]
    access_key: Annotated[EnvName, about("The key with the access key's ID.")] = "AWS_ACCESS_KEY_ID"
    secret_key: Annotated[EnvName, about("The key with the secret.")] = "AWS_SECRET_ACCESS_KEY"  # noqa: S105


class BackupS3(Model, frozen=True, kw_only=True):
    """S3-compatible storage."""

    bucket: Annotated[
        str,
        matching(
            "a bucket's name: lower-case letters, digits, '.' and '-', 3 to 63 characters",
            r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
            "aegisx-backups",
            description="The bucket.",
        ),
    ]
    prefix: Annotated[
        Folder | UnsetType, about("The folder in the bucket. Default: <environment>/<namespace>/<service>.")
    ] = UNSET
    bucket_owner: (
        Annotated[
            str,
            matching(
                "an account of 12 digits",
                r"[0-9]{12}",
                "111122223333",
                description="Whose bucket it must be; nothing is sent to anybody else's.",
            ),
        ]
        | UnsetType
    ) = UNSET
    encryption: Annotated[
        Literal["AES256", "aws:kms"] | UnsetType,
        about("How the storage encrypts. Default: as the bucket says; aws:kms where kmsKey is given."),
    ] = UNSET
    kms_key: (
        Annotated[
            str,
            matching(
                "a key's ID, ARN or alias",
                r"[A-Za-z0-9:/_-]+",
                "alias/backups",
                max_length=2048,
                description="The key that the storage encrypts with.",
            ),
        ]
        | UnsetType
    ) = UNSET
    endpoint: Annotated[HttpUrl | UnsetType, about("Of a storage that is not Amazon's.")] = UNSET
    region: Annotated[
        str,
        matching("a region, such as eu-central-1", r"[a-z0-9-]+", max_length=50, description="Where the bucket is."),
    ] = "us-east-1"
    secret: Annotated[
        S3Secret | UnsetType,
        about("Without it the storage is asked by the identity of the service account (workload identity)."),
    ] = UNSET
    image: Annotated[ImageReference, about("What uploads: an image with the AWS command line (aws) and a shell.")] = (
        "amazon/aws-cli:2.22.0"
    )
    scratch: Annotated[Quantity, about("The most that a dump may take on the node before it is sent.")] = "10Gi"


class Backup(StepJob, frozen=True, kw_only=True):
    """A dump of the database before each migration (presync-job). Needs `database.postgres`."""

    wave: Annotated[Wave, about("The sync wave; after the configuration's, before the migration's.")] = -3
    volume: BackupVolume | UnsetType = UNSET
    s3: BackupS3 | UnsetType = UNSET
    keep: Annotated[int, whole(1, 10000, "Only so many newest are kept.", 14)] | UnsetType = UNSET
    max_age: Annotated[
        Duration | UnsetType, about("Older ones are deleted, but never the newest three. Neither given: keep 7.")
    ] = UNSET
    on_failure: Annotated[
        Literal["abort", "warn"], about("abort: nothing is migrated without a backup. warn: it goes on.")
    ] = "abort"
