"""The types of what a profile says about the database: its address, who vouches for it, PostgreSQL's own programs."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from aegisgen.profile.base import Model, about, whole
from aegisgen.profile.steps.notifications import SecretKey
from aegisgen.profile.types import DnsName, EnvName, ImageReference, ObjectKey, Word

Renamed = Annotated[
    dict[EnvName, ObjectKey],
    about(
        "Keys that are called otherwise than their variable in `keys`: key by variable.",
        {"DATABASE_PASSWORD": "password"},
    ),
]


class DatabaseEnv(Model, frozen=True, kw_only=True):
    """Which environment variables carry what; the keys of the ConfigMap and the Secret are their names."""

    host: Annotated[EnvName, about("The server's name or address.")] = "DATABASE_HOST"
    port: Annotated[EnvName, about("Its port.")] = "DATABASE_PORT"
    user: Annotated[EnvName, about("The user.")] = "DATABASE_USER"
    name: Annotated[EnvName, about("The database's name.")] = "DATABASE_NAME"
    password: Annotated[EnvName, about("The password.")] = "DATABASE_PASSWORD"  # noqa: S105
    ssl: Annotated[EnvName, about("'true' asks for TLS; PGSSLMODE is understood as well.")] = "DATABASE_SSL"
    url: Annotated[EnvName | UnsetType, about("A URL with everything, in place of the others.")] = UNSET


class DatabaseConfig(Model, frozen=True, kw_only=True):
    """The ConfigMap with the database's address."""

    name: Annotated[DnsName | UnsetType, about("Default: <workload>-config.")] = UNSET
    keys: Annotated[list[EnvName], about("The keys that the migration reads.")] = field(
        default_factory=lambda: ["DATABASE_HOST", "DATABASE_PORT", "DATABASE_USER", "DATABASE_NAME"]
    )
    rename: Renamed = {}
    every: Annotated[
        bool, about("Whether every entry becomes a variable (envFrom), besides `keys`; needs from: shared.")
    ] = False
    from_: Annotated[
        Literal["hook", "shared"],
        about(
            "hook: the PreSync Job reads a ConfigMap of its own, applied before it. shared: it reads the "
            "application's, which a first sync has not applied yet and a later one has not updated yet."
        ),
    ] = field(default="hook", name="from")


class DatabaseSecret(Model, frozen=True, kw_only=True):
    """The Secret with the database's password; it exists in the cluster before the first sync."""

    name: Annotated[DnsName | UnsetType, about("Default: <workload>-secrets.")] = UNSET
    keys: Annotated[list[EnvName], about("The keys that the migration reads.")] = field(
        default_factory=lambda: ["DATABASE_PASSWORD"]
    )
    rename: Renamed = {}
    every: Annotated[bool, about("Whether every entry becomes a variable (envFrom), besides `keys`.")] = False


class Postgres(Model, frozen=True, kw_only=True):
    """The image with PostgreSQL's own programs (pg_dump, psql, postgres) that backup, dry run and checks run in."""

    version: (
        Annotated[
            int,
            Meta(
                title="a major version of PostgreSQL, 13 or later",
                ge=13,
                le=99,
                description="The server's major version; pg_dump takes no newer one. Image: postgres:<version>-alpine.",
                examples=[17],
            ),
        ]
        | UnsetType
    ) = UNSET
    image: Annotated[
        ImageReference | UnsetType, about("Another image, such as one with the extensions that the dry run needs.")
    ] = UNSET
    user: Annotated[
        int, Meta(title="a user ID, not root's", ge=1, description="`postgres` in the image: 70 in alpine, else 999.")
    ] = 70


class DirectAddress(Model, frozen=True, kw_only=True):
    """The server's own address for migrations, where the application goes through a pooler."""

    host: Annotated[Word | UnsetType, about("In place of the variable with the host.", "production-postgres")] = UNSET
    port: Annotated[int, whole(1, 65535, "In place of the variable with the port.", 5432)] | UnsetType = UNSET
    url: Annotated[SecretKey | UnsetType, about("In place of the variable with the URL.")] = UNSET


class Authority(Model, frozen=True, kw_only=True):
    """The certificates that vouch for the server: a key of a Secret, or of a ConfigMap."""

    secret: Annotated[DnsName | UnsetType, about("The Secret, in the namespace.", "postgres-ca")] = UNSET
    config_map: Annotated[DnsName | UnsetType, about("The ConfigMap, in place of a Secret.", "rds-ca")] = UNSET
    key: Annotated[ObjectKey, about("The key with the certificates, in PEM.")] = "ca.crt"


class Database(Model, frozen=True, kw_only=True):
    """Where the migration finds its database."""

    engine: Annotated[
        Literal["postgresql", "other"], about("What it is. Backup, dry run and SQL checks know PostgreSQL.")
    ] = "postgresql"
    postgres: Postgres = field(default_factory=Postgres)
    config: DatabaseConfig = field(default_factory=DatabaseConfig)
    secret: DatabaseSecret = field(default_factory=DatabaseSecret)
    env: DatabaseEnv = field(default_factory=DatabaseEnv)
    direct: Annotated[
        DirectAddress | UnsetType,
        about("The server's own address, where the application's is a pooler: a lock needs a session of its own."),
    ] = UNSET
    ca: Annotated[
        Authority | UnsetType, about("Who vouches for the server's certificate; PGSSLMODE is verify-full then.")
    ] = UNSET
