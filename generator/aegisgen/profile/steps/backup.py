"""The backup before the migration: where it goes, what is kept, and what a failure means."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from aegisgen.profile.base import Model
from aegisgen.profile.steps.job import StepJob
from aegisgen.profile.types import DnsName, Duration, EnvName, Folder, HttpUrl, ImageReference, Quantity, Wave


class BackupVolume(Model, frozen=True, kw_only=True):
    """A volume that is there before the first sync, and that no sync deletes."""

    claim: Annotated[DnsName, Meta(description="An existing PersistentVolumeClaim; never a hook.")]
    path: Annotated[Folder | UnsetType, Meta(description="The folder in the volume. Default: its top.")] = UNSET


class S3Secret(Model, frozen=True, kw_only=True):
    """The Secret with the storage's credentials."""

    name: Annotated[DnsName, Meta(description="It exists in the cluster before the first sync.")]
    access_key: Annotated[EnvName, Meta(description="The key with the access key's ID.")] = "AWS_ACCESS_KEY_ID"
    secret_key: Annotated[EnvName, Meta(description="The key with the secret.")] = "AWS_SECRET_ACCESS_KEY"  # noqa: S105


class BackupS3(Model, frozen=True, kw_only=True):
    """S3-compatible storage."""

    bucket: Annotated[
        str,
        Meta(
            title="a bucket's name: lower-case letters, digits, '.' and '-', 3 to 63 characters",
            pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?![\s\S])",
            description="The bucket.",
            examples=["aegisx-backups"],
        ),
    ]
    prefix: Annotated[
        Folder | UnsetType,
        Meta(description="The folder in the bucket. Default: <environment>/<namespace>/<service>."),
    ] = UNSET
    bucket_owner: (
        Annotated[
            str,
            Meta(
                title="an account of 12 digits",
                pattern=r"^[0-9]{12}(?![\s\S])",
                description="Whose bucket it must be; nothing is sent to anybody else's.",
                examples=["111122223333"],
            ),
        ]
        | UnsetType
    ) = UNSET
    encryption: Annotated[
        Literal["AES256", "aws:kms"] | UnsetType,
        Meta(description="How the storage encrypts. Default: as the bucket says; aws:kms where kmsKey is given."),
    ] = UNSET
    kms_key: (
        Annotated[
            str,
            Meta(
                title="a key's ID, ARN or alias",
                pattern=r"^[A-Za-z0-9:/_-]+(?![\s\S])",
                max_length=2048,
                description="The key that the storage encrypts with.",
                examples=["alias/backups"],
            ),
        ]
        | UnsetType
    ) = UNSET
    endpoint: Annotated[HttpUrl | UnsetType, Meta(description="Of a storage that is not Amazon's.")] = UNSET
    region: Annotated[
        str,
        Meta(
            title="a region, such as eu-central-1",
            pattern=r"^[a-z0-9-]+(?![\s\S])",
            max_length=50,
            description="Where the bucket is.",
        ),
    ] = "us-east-1"
    secret: Annotated[
        S3Secret | UnsetType,
        Meta(description="Without it the storage is asked by the identity of the service account (workload identity)."),
    ] = UNSET
    image: Annotated[
        ImageReference, Meta(description="What uploads: an image with the AWS command line (aws) and a shell.")
    ] = "amazon/aws-cli:2.22.0"
    scratch: Annotated[Quantity, Meta(description="The most that a dump may take on the node before it is sent.")] = (
        "10Gi"
    )


class Backup(StepJob, frozen=True, kw_only=True):
    """A dump of the database before each migration (presync-job). Needs `database.postgres`."""

    wave: Annotated[Wave, Meta(description="The sync wave; after the configuration's, before the dry run's.")] = -3
    volume: BackupVolume | UnsetType = UNSET
    s3: BackupS3 | UnsetType = UNSET
    keep: (
        Annotated[
            int,
            Meta(
                title="a whole number from 1 to 10000",
                ge=1,
                le=10_000,
                description="Only so many newest are kept.",
                examples=[14],
            ),
        ]
        | UnsetType
    ) = UNSET
    max_age: Annotated[
        Duration | UnsetType,
        Meta(description="Older ones are deleted, but never the newest three. Neither given: keep 7."),
    ] = UNSET
    on_failure: Annotated[
        Literal["abort", "warn"], Meta(description="abort: nothing is migrated without a backup. warn: it goes on.")
    ] = "abort"
