"""The types of what a profile says about migrations: tool, commands, sets and lock."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from aegisgen.profile.base import Model, about, whole
from aegisgen.profile.types import (
    DnsLabel,
    Duration,
    EnvName,
    LockName,
    RelativePath,
    Script,
    TableName,
    TableWait,
    Text,
    Word,
)
from aegisgen.tools import Runtime, ToolName

Path = Annotated[RelativePath | UnsetType, about("Where the application's repository has its migrations.")]
Table = Annotated[TableName | UnsetType, about("Knex: the bookkeeping table. Default: knex_migrations.")]
LockTable = Annotated[TableName | UnsetType, about("Knex: the table with its own lock row. Default: <table>_lock.")]
Words = Annotated[
    list[Word],
    Meta(title="a command's words, such as [npm, run, migrate]", min_length=1, examples=[["npm", "run", "migrate"]]),
]


class SetScripts(Model, frozen=True, kw_only=True):
    """The package scripts of one set of migrations (knex)."""

    status: Annotated[Script, about("Lists what is migrated and what is pending.")] = "db:migrate:status"
    migrate: Annotated[Script, about("Runs all pending migrations.")] = "db:migrate"
    rollback: Annotated[Script, about("Takes back what the last run migrated.")] = "db:rollback"
    verify: Annotated[
        Script | UnsetType, about("Exits 0 if nothing is pending. Default: what `status` printed is looked through.")
    ] = UNSET


class Scripts(SetScripts, frozen=True, kw_only=True):
    """The application's package scripts that the runner calls (knex)."""

    ping: Annotated[Script, about("Exits 0 as soon as the database answers.")] = "db:ping"


class SetCommands(Model, frozen=True, kw_only=True):
    """The commands of one set of migrations, in place of the tool's."""

    status: Annotated[Words | UnsetType, about("Lists what is migrated and what is pending.")] = UNSET
    migrate: Annotated[Words | UnsetType, about("Runs all pending migrations.")] = UNSET
    rollback: Annotated[Words | UnsetType, about("Takes back what the last run migrated.")] = UNSET
    verify: Annotated[Words | UnsetType, about("Exits 0 if nothing is pending.")] = UNSET


class Commands(SetCommands, frozen=True, kw_only=True):
    """The commands that the runner calls, in place of the tool's."""

    ping: Annotated[Words | UnsetType, about("Exits 0 as soon as the database answers.")] = UNSET


class MigrationSet(Model, frozen=True, kw_only=True):
    """One of several sets of migrations of a service."""

    name: Annotated[DnsLabel, about("The set's name in the log.")]
    scripts: SetScripts = field(default_factory=SetScripts)
    commands: SetCommands = field(default_factory=SetCommands)
    path: Path = UNSET
    table: Table = UNSET
    lock_table: LockTable = UNSET


class Lock(Model, frozen=True, kw_only=True):
    """The lock that lets one pod migrate and the others wait: a PostgreSQL session advisory lock."""

    enabled: Annotated[bool, about("Whether the runner takes it.")] = True
    timeout: Annotated[Duration, about("How long a pod waits for another one's migration.")] = "10m"
    name: Annotated[
        LockName, about("Runners with the same name and database exclude each other. Differ only if you must.")
    ] = "aegisgen"
    hidden_sessions: Annotated[
        Literal["refuse", "allow"],
        about("What if the tool's sessions have another name than the run's: a killed run's are not ended then."),
    ] = "refuse"
    runtime: Annotated[
        Runtime | UnsetType,
        about("What of the image holds the lock; none: the tool locks by itself. Default: the tool's."),
    ] = UNSET
    module: Annotated[Word | UnsetType, about("node: the PostgreSQL client module. Default: pg.", "pg")] = UNSET
    directory: Annotated[
        RelativePath | UnsetType,
        about("node: the folder of the workspace package that depends on the module, as in the image."),
    ] = UNSET


class Migrations(Model, frozen=True, kw_only=True):
    """How the application migrates its database."""

    tool: Annotated[ToolName, about("The migration tool.")] = "knex"
    package_manager: Annotated[
        Literal["pnpm", "npm", "yarn"], about("What runs the package scripts (knex, prisma).")
    ] = "pnpm"
    path: Path = UNSET
    table: Table = UNSET
    lock_table: LockTable = UNSET
    scripts: Scripts = field(default_factory=Scripts)
    commands: Commands = field(default_factory=Commands)
    sets: Annotated[
        list[MigrationSet],
        about(
            "Several sets, migrated in this order.",
            [{"name": "main"}, {"name": "billing", "table": "billing_migrations"}],
        ),
    ] = []
    lock: Lock = field(default_factory=Lock)
    database_ahead: Annotated[
        Literal["allow", "refuse"],
        about("What if a newer release has migrated: succeed without migrating, or fail."),
    ] = "allow"
    minimum: Annotated[
        Word | UnsetType,
        about(
            "A migration, as the tool records it, that an image must have to run on this database.", "20260101_split.js"
        ),
    ] = UNSET
    lock_timeout: Annotated[
        TableWait | UnsetType,
        about(
            "How long a statement waits for a table before it lets others go first. Default: 2s where the tool can.",
            "2s",
        ),
    ] = UNSET
    lock_tries: Annotated[int, whole(1, 100, "How often a migration is tried that could not have a table in time.")] = 8
    wait: Annotated[Duration, about("How long to wait for the database before giving up.")] = "60s"
    log: Annotated[Literal["text", "json"], about("How the runner writes its lines.")] = "text"
    env: Annotated[dict[EnvName, Text], about("Further environment variables of the migration; never a secret.")] = (
        field(default_factory=lambda: {"NODE_ENV": "production"})
    )
