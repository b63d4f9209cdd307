"""What the exit codes of aegisgen's containers mean, and what to do about each.

Source: the scripts in `templates/runner` and `templates/presync-job`, with which a test compares this table; 125 and
above: POSIX sh (Exit Status for Commands) and the container runtimes (128 + the signal's number).
In `next` stand, as placeholders, {config} and {secret}: the objects that the migration reads.
"""

from __future__ import annotations

from enum import StrEnum

from aegisgen.record import Record


class Role(StrEnum):
    """What a hook of the pipeline does."""

    APPROVAL_REQUEST = "approval-request"
    APPROVAL = "approval"
    BASELINE = "baseline"
    BACKUP = "backup"
    DRY_RUN = "dry-run"
    MIGRATION = "migration"
    CHECKS = "checks"
    ROLLOUT = "rollout"
    CONFIRM = "confirm"
    SYNC_FAIL = "sync-fail"
    RESTORE = "restore"
    OTHER = "hook"


class Exit(Record):
    """One exit code. `step` is the runner's, as its log names it."""

    step: str
    meaning: str
    next: str

    def advice(self, config: str, secret: str) -> str:
        """Return what to do next, with the names of the ConfigMap and the Secret that the migration reads."""
        return self.next.format(config=config, secret=secret)


_AGAIN = "then sync again"
_ADDRESS = "check the address in ConfigMap {config}, the password in Secret {secret}, and the network policies"

_RUNNER = {
    10: Exit("ping", "the database did not answer in time", f"{_ADDRESS}, {_AGAIN}"),
    11: Exit(
        "status-before",
        "the migration status cannot be read",
        "its log has the tool's error: look at the tool's configuration and at the database user's rights",
    ),
    12: Exit("migrate", "a migration failed", f"its log has the error: fix the migration, push, {_AGAIN}"),
    13: Exit(
        "status-after",
        "it has migrated, but the status cannot be read afterwards",
        "the schema is the new one: read the log, and sync again; there is nothing left to migrate",
    ),
    14: Exit(
        "verify",
        "migrations are still pending after the run",
        "its log lists them: look whether the image and the tool's configuration agree about the folder",
    ),
    15: Exit(
        "lock",
        "another migration held the lock for too long",
        f"wait for it, or find its session in pg_stat_activity (application_name aegisgen-...) and end it; {_AGAIN}",
    ),
    16: Exit(
        "lock",
        "the image has nothing to hold the lock with",
        "name the package with the PostgreSQL client in migrations.lock.directory, or another lock.runtime, and render",
    ),
    17: Exit(
        "lock",
        "the lock could not be taken, because the connection failed",
        f"its log has the reason (no connections left, a certificate?): fix it, {_AGAIN}",
    ),
    18: Exit(
        "lock",
        "the connection that held the lock was lost, and the migration was stopped",
        "the next attempt takes it up; find out what cut the connection to the database",
    ),
    19: Exit(
        "compare",
        "the database has migrations that the image has not, and must not run with them",
        f"deploy an image with all of them: merge what is on two branches, or raise the image; {_AGAIN}",
    ),
    23: Exit(
        "lock",
        "a pooler lends sessions by the transaction, so that the lock would exclude nobody",
        f"name the server itself in database.direct, or set pool_mode to session; {_AGAIN}",
    ),
    24: Exit(
        "lock", "the server takes no writes", f"name the primary, or look at default_transaction_read_only; {_AGAIN}"
    ),
    25: Exit(
        "lock",
        "the tool's sessions hide their name, so that those of a killed run could not be ended",
        "take application_name out of the application's settings, or say migrations.lock.hiddenSessions: allow",
    ),
    26: Exit(
        "lock",
        "the user may not end the sessions of an earlier migration",
        "GRANT pg_signal_backend to the user of the message, or let the application use the same user",
    ),
    27: Exit(
        "migrate",
        "a table was in use by others in each try",
        f"its log says who held it: wait until that ends, or end it; {_AGAIN}",
    ),
    28: Exit(
        "ping", "its command cannot run", "its message has the last line: look at the image and at the package scripts"
    ),
    20: Exit(
        "record",
        "the record of runs in the database cannot be read or written",
        "the database's user must be allowed to create and write the tables aegisgen_runs and aegisgen_syncs",
    ),
}
_CONNECT = {20: Exit("connect", "the database did not answer in time", f"{_ADDRESS}, {_AGAIN}")}
_BACKUP = {
    **_CONNECT,
    21: Exit("dump", "the backup's target cannot be written", "look at the volume: its access mode and its owner"),
    22: Exit("dump", "pg_dump failed", "its log has the error: is the server newer than database.postgres.version?"),
    23: Exit("verify", "the dump cannot be read back", "is the volume full? Nothing was migrated"),
    24: Exit("verify", "the dump could not be put into place", "is the volume full or read-only? Nothing was migrated"),
    25: Exit("upload", "there is no dump to send", "read the log of the container dump"),
    26: Exit("upload", "the dump could not be sent", "look at the storage's address, bucket and credentials"),
    27: Exit("verify", "the storage has not what was sent", "look at the storage; nothing was migrated"),
    28: Exit("upload", "the bucket is another account's, or not there", "look at backup.s3.bucket and bucketOwner"),
}
_RESTORE = {
    **_CONNECT,
    50: Exit("choose", "the dump is not there, or is not what was written", "choose another dump"),
    51: Exit("prepare", "roles of the dump are missing", "create the roles that the message names"),
    52: Exit("prepare", "a fresh database cannot be created", "give the user CREATEDB"),
    53: Exit("prepare", "extensions need a superuser", "install them in a template database, and name it in the Job"),
    54: Exit("restore", "the dump cannot be restored", "read its error; the old database is as it was"),
    55: Exit("compare", "rows are missing", "choose another dump; the old database is as it was"),
    56: Exit("switch", "somebody is connected", "end what the message names, and restore again"),
    57: Exit("switch", "the databases cannot change places", "the user has to own the old one"),
    58: Exit("fetch", "the dump cannot be fetched", "look at the storage's address, bucket and credentials"),
}
_DRY_RUN = {
    **_CONNECT,
    30: Exit("copy", "the throw-away PostgreSQL did not start", "read the log of the container postgres"),
    31: Exit("copy", "roles or settings of the database cannot be read", "look at the database user's rights"),
    32: Exit("copy", "the schema cannot be read", "the database's user must be allowed to read every table"),
    33: Exit(
        "copy",
        "the schema cannot be loaded into the copy",
        "an extension that the image lacks? Name an image that has it in database.postgres.image",
    ),
}
_CHECKS = {
    **_CONNECT,
    40: Exit(
        "checks",
        "integrity checks failed",
        "the schema is new and the old application runs on it: read which ones failed, and decide",
    ),
}
_RECORD = {
    21: Exit(
        "rollout",
        "what this sync migrated was taken back meanwhile, so that the release is not applied",
        "sync again, which migrates again",
    ),
}
_ROLLBACK = {
    21: Exit(
        "plan", "the rollback was refused, and nothing was taken back", "its message says why; take it from there"
    ),
    22: Exit(
        "down",
        "not everything could be taken back",
        "its message names the rest: undo it by hand; the next sync that succeeds ends the matter",
    ),
}
_OF_ROLE: dict[Role, dict[int, Exit]] = {
    Role.BACKUP: _BACKUP,
    Role.RESTORE: _RESTORE,
    Role.CHECKS: _CHECKS,
    **{role: {**_RUNNER, **_RECORD} for role in (Role.BASELINE, Role.APPROVAL, Role.ROLLOUT, Role.CONFIRM)},
    Role.SYNC_FAIL: {**_RUNNER, **_ROLLBACK},
    Role.OTHER: {},
}
_ANY = {
    125: Exit("start", "the container runtime could not run it", "read the pod's events"),
    126: Exit("start", "its command cannot be executed", "look at the image: permissions, architecture"),
    127: Exit("start", "its command is not in the image", "look at the image: is the package manager in it?"),
    128: Exit("start", "the container could not be started", "read the pod's events"),
    137: Exit("", "it was killed (SIGKILL)", "look for evictions and for the memory limit"),
    139: Exit("", "it crashed (SIGSEGV)", "look at the image: its architecture, its libc"),
    143: Exit("", "it was asked to end (SIGTERM)", "somebody deleted the pod or drained the node"),
}
OUT_OF_MEMORY = Exit("", "it ran out of memory", "raise resources.limits.memory in the profile, and render")


def meaning(role: Role, container: str, code: int, *, end_reason: str = "") -> Exit | None:
    """Return what an exit code of a container means; None for an unknown code.

    `end_reason` is the container's own, such as OOMKilled.
    """
    if end_reason == "OOMKilled":
        return OUT_OF_MEMORY
    return codes(role, container).get(code) or _ANY.get(code)


def codes(role: Role, container: str = "") -> dict[int, Exit]:
    """Return the codes of aegisgen's own that a container of a hook may end with."""
    if role is Role.DRY_RUN:
        return _DRY_RUN if container == "load" else _RUNNER
    return _OF_ROLE.get(role, _RUNNER)
