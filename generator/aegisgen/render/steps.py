"""What the templates of the steps around the migration need of a target: values worked out, once for all of them."""

from __future__ import annotations

import shlex

from aegisgen.profile.agreement.approval import asks
from aegisgen.profile.agreement.backup import folder as backup_folder
from aegisgen.profile.agreement.dryrun import bookkeeping
from aegisgen.profile.steps.backup import Backup, BackupS3, BackupVolume
from aegisgen.profile.steps.checks import Check, Checks, Expect
from aegisgen.profile.steps.dryrun import DryRun
from aegisgen.profile.target import Target
from aegisgen.profile.types import seconds
from aegisgen.record import Record, replace
from aegisgen.render.notices import telling
from aegisgen.render.runner import Run, lock_runtime, quoted, unrecorded_run
from aegisgen.tools import TOOLS

# Kept where a profile says neither how many backups nor how old they may become.
_KEEP = 7
# The only database and user of the dry run's copy, where the application knows its database by a URL.
_COPY = "dryrun"


class Variable(Record):
    """An environment variable and where its value comes from."""

    name: str
    source: str
    """configMapKeyRef, secretKeyRef or value."""
    object: str
    key: str
    """The key, or the value itself."""


def step_values(target: Target) -> dict[str, object]:
    """Return what the templates of a presync-job's steps may name."""
    settings = target.settings
    postgres, env = settings.database.postgres, settings.database.env
    image = postgres.image or f"postgres:{postgres.version}-alpine"
    values: dict[str, object] = {
        "connection": connection(target),
        "by_url": _source(target, env.url) is not None,
        "postgres_image": image,
        "postgres_user": postgres.user,
        "wait": seconds(settings.migrations.wait),
    }
    if isinstance(settings.backup, Backup):
        values |= _backup(target, settings.backup)
    if isinstance(settings.dry_run, DryRun):
        values |= _dry_run(target, settings.dry_run)
    if isinstance(settings.checks, Checks):
        values |= _checks(target, settings.checks)
    if asks(target) == "approval-request":
        # It reads only, for which the lock's program takes no lock and ends nobody's sessions.
        pending = Run("run.sh", [*unrecorded_run(target).arguments, "only=status", "asks=yes"])
        values["request_run"] = telling(target, pending, "approval", silent={"start", "success"})
    return values


def _common(target: Target) -> list[str]:
    """Return what every script reads."""
    migrations = target.settings.migrations
    return [*(["log=json"] if migrations.log == "json" else []), f"wait={seconds(migrations.wait)}"]


def connection(target: Target) -> list[Variable]:
    """Return the database's address under the names that libpq reads, from where the migration reads it.

    Source: PostgreSQL documentation, libpq environment variables. The scripts read `POSTGRES_URL` and `POSTGRES_SSL`.
    """
    env = target.settings.database.env
    names = {
        "POSTGRES_URL": env.url,
        "PGHOST": env.host,
        "PGPORT": env.port,
        "PGUSER": env.user,
        "PGDATABASE": env.name,
        "PGPASSWORD": env.password,
        "POSTGRES_SSL": env.ssl,
    }
    variables = [Variable(name, *source) for name, key in names.items() if (source := _source(target, key))]
    own = [*target.settings.database.config.keys, *target.settings.database.secret.keys]
    own_variables = own_address(target)
    variables += [variable for name, variable in own_variables.items() if name.startswith("PGSSL")]
    return variables + [
        Variable(key, *source)
        for key in own
        if key.startswith("PG")
        and key not in {*names, *names.values(), *own_variables}
        and (source := _source(target, key))
    ]


def own_address(target: Target) -> dict[str, Variable]:
    """Return the variables in which the migration's connection differs from the application's, by name."""
    database, env = target.settings.database, target.settings.database.env
    variables: list[Variable] = []
    if direct := database.direct:
        if direct.host:
            variables.append(Variable(env.host, "value", "", direct.host))
        if direct.port:
            variables.append(Variable(env.port, "value", "", str(direct.port)))
        if direct.url and env.url:
            variables.append(Variable(env.url, "secretKeyRef", direct.url.name, direct.url.key))
    if database.ca:
        variables.append(Variable("PGSSLROOTCERT", "value", "", f"/database-ca/{database.ca.key}"))
        if "PGSSLMODE" not in {*database.config.keys, *target.settings.migrations.env}:
            variables.append(Variable("PGSSLMODE", "value", "", "verify-full"))
        if lock_runtime(target.settings.migrations) == "node":
            # The application's own client knows no PGSSLROOTCERT.
            variables.append(Variable("NODE_EXTRA_CA_CERTS", "value", "", f"/database-ca/{database.ca.key}"))
    return {variable.name: variable for variable in variables}


def _source(target: Target, key: object) -> tuple[str, str, str] | None:
    settings = target.settings
    if not isinstance(key, str):
        return None
    if variable := own_address(target).get(key):
        return variable.source, variable.object, variable.key
    if key in settings.database.config.keys:
        return "configMapKeyRef", target.migration_config_name, target.config_key(key)
    if key in settings.database.secret.keys:
        return "secretKeyRef", target.secret_name, target.secret_key(key)
    if key in settings.migrations.env:
        return "value", "", settings.migrations.env[key]
    return None


def _backup(target: Target, backup: Backup) -> dict[str, object]:
    oldest = seconds(backup.max_age) if isinstance(backup.max_age, str) else None
    keep = backup.keep if isinstance(backup.keep, int) else None
    keep = _KEEP if keep is None and oldest is None else keep
    by_hand = [
        replace(variable, object=target.composed(variable.object))
        if variable.object == target.migration_config_name
        else variable
        for variable in connection(target)
    ]
    owner = [f"environment={target.environment}", f"service={target.service}"]
    common = [*owner, f"deadline={seconds(backup.deadline)}", f"on-failure={backup.on_failure}", *_common(target)]
    bounds = [*([f"keep={keep}"] if keep else []), *([f"max-age={oldest}"] if oldest else [])]
    if not isinstance(backup.s3, BackupS3):
        folder = (
            f"/backup/{backup.volume.path}"
            if isinstance(backup.volume, BackupVolume) and backup.volume.path
            else "/backup"
        )
        restore = Run("restore.sh", ["dump=newest", f"folder={folder}", *owner, *_common(target)])
        run = Run("backup.sh", [f"folder={folder}", *bounds, *common])
        run = telling(target, run, "backup", own_image=False)
        return {"backup_run": run, "restore_run": restore, "by_hand_connection": by_hand}
    s3 = backup.s3
    place = {
        "bucket": s3.bucket,
        "prefix": backup_folder(target),
        "bucket-owner": s3.bucket_owner,
        "sse": "aws:kms" if s3.kms_key else s3.encryption,
        "kms-key": s3.kms_key,
    }
    named = [f"{name}={value}" for name, value in place.items() if value]
    dump = Run("backup.sh", ["folder=/backup", "upload=yes", *common])
    upload = Run("upload.sh", ["folder=/backup", *named, *bounds, *common])
    return {
        "backup_run": telling(target, dump, "backup", own_image=False),
        "upload_run": telling(target, upload, "backup", own_image=False),
        "fetch_run": Run("fetch.sh", ["dump=newest", "folder=/backup", *named[:2], *owner, *_common(target)]),
        "restore_run": Run("restore.sh", ["dump=newest", "folder=/backup", *owner, *_common(target)]),
        "by_hand_connection": by_hand,
    }


def _dry_run(target: Target, dry_run: DryRun) -> dict[str, object]:
    settings = target.settings
    env = settings.database.env
    run = unrecorded_run(target)
    if asks(target) == "dry-run":
        run.arguments.append("asks=yes")
    load = Run(
        "load-copy.sh", ["folder=/copy", *(f"table={quoted(table)}" for table in bookkeeping(target)), *_common(target)]
    )
    by_url = _source(target, env.url) is not None
    own: dict[str, str] = {env.host: "127.0.0.1", env.port: "5432", env.ssl: "false", "PGSSLMODE": "disable"}
    if by_url and isinstance(env.url, str):
        scheme = "jdbc:postgresql" if TOOLS[settings.migrations.tool].jdbc else "postgresql"
        address = f"{scheme}://127.0.0.1:5432/{_COPY}"
        own[env.url] = address if scheme.startswith("jdbc") else address.replace("://", f"://{_COPY}@")
        own |= {env.user: _COPY, env.name: _COPY}
    own = settings.migrations.env | own | dry_run.env
    own.pop(env.password, None)
    # Whatever else names a place may name production; and of the Secret no password gets here.
    kept = [
        Variable(key, *source)
        for key in dict.fromkeys([*settings.database.config.keys, env.user, env.name])
        if key not in own and not key.startswith("PG") and (source := _source(target, key))
    ]
    return {
        "copy": {
            # The first of the two tells the start, the other one the end.
            "run": telling(target, run, "dry-run", silent={"start"}),
            "load": telling(target, load, "dry-run", own_image=False),
            "env": own,
            "kept": kept,
            "user": Variable("COPY_USER", "value", "", _COPY) if by_url else _named(target, "COPY_USER", env.user),
            "database": Variable("COPY_NAME", "value", "", _COPY) if by_url else _named(target, "COPY_NAME", env.name),
            "password": env.password,
        }
    }


def _named(target: Target, name: str, key: str) -> Variable:
    return Variable(name, *(_source(target, key) or ("value", "", _COPY)))


def _checks(target: Target, checks: Checks) -> dict[str, object]:
    queries = [check for check in checks.run if isinstance(check.sql, str)]
    commands = [check for check in checks.run if isinstance(check.command, list)]
    asked = [word for check in queries for word in (f"check={check.name}", f"sql={check.sql}", *_expected(check))]
    called = [
        word
        for check in commands
        if isinstance(check.command, list)
        for word in (f"check={check.name}", f"command={shlex.join(check.command)}")
    ]
    sql = Run("check-sql.sh", [*asked, *_common(target)])
    command = Run("check-commands.sh", [*called, *_common(target)])
    return {
        "sql_run": telling(target, sql, "checks", stage="sql-checks", own_image=False) if queries else None,
        "command_run": telling(target, command, "checks", stage="command-checks") if commands else None,
    }


def _expected(check: Check) -> list[str]:
    """Return what a query must print, or between which numbers it must be."""
    expect = check.expect if isinstance(check.expect, Expect) else Expect()
    if isinstance(expect.rows, list):
        return ["equals=" + "\n".join(expect.rows)]
    if isinstance(expect.equals, (str, int)):
        return [f"equals={_printed(expect.equals)}"]
    bounds = {"min": expect.min, "max": expect.max}
    return [f"{name}={bound}" for name, bound in bounds.items() if isinstance(bound, int)]


def _printed(value: str | int) -> str:
    """Return a value as psql prints it, unaligned."""
    if isinstance(value, bool):
        return "t" if value else "f"
    return str(value)
