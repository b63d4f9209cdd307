"""What a scenario expects of a sync, compared with the database, the volumes and the sink afterwards."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psycopg

from aegisgen.argocd.hooks import Phase
from aegisgen.output.numbers import counted
from aegisgen.profile.types import seconds
from aegisgen.rehearsal.cluster.controllers import Job, Workload
from aegisgen.rehearsal.cluster.sync import RELEASE_BEFORE, Ended
from aegisgen.rehearsal.database.fingerprint import Fingerprint, fingerprint
from aegisgen.rehearsal.image.knex import files_of
from aegisgen.rehearsal.outcome import ContainerRun, Expectation, NotRehearsedError, SyncRun
from aegisgen.rehearsal.postgres.sessions import connect
from aegisgen.rehearsal.processes import answer
from aegisgen.rehearsal.scenario.cast import Cast
from aegisgen.rehearsal.scenario.faults import Meanwhile
from aegisgen.rehearsal.scenario.model import Expect, Sync
from aegisgen.rehearsal.scenario.stage import Stage

_KNEX_TABLES = """
SELECT format('%I.%I', table_schema, table_name) FROM information_schema.columns
WHERE column_name IN ('name', 'batch', 'migration_time') GROUP BY table_schema, table_name HAVING count(*) = 3
"""
_ARCHIVE = b"PGDMP"
# dash, bash and busybox each have words of their own for it
_NOT_FOUND = re.compile(r"(?:^|[ :])([\w.+-]+): (?:command )?not found\s*$", re.MULTILINE)
_FINE = ("Created", "Completed", "Running")


class Before(NamedTuple):
    """The state before a sync."""

    database: Fingerprint
    files: frozenset[Path]
    requests: int


def before(stage: Stage) -> Before:
    """Return the state. The database must be up."""
    with _session(stage) as session:
        return Before(fingerprint(session), _files(stage), len(stage.sink.requests))


def expectations(sync: Sync, stage: Stage, was: Before, ended: Ended, meanwhile: Meanwhile) -> Iterator[Expectation]:
    """Yield each expectation of a sync that has ended, passed or failed. The database must be up again."""
    expect, cast = sync.expect, stage.setting.cast
    attempts = _attempts(ended.run, cast)
    yield _sync(expect, stage, ended)
    if expect.database == "migrated":
        yield _migrated(stage, ended)
    elif expect.database == "unchanged":
        with _session(stage) as session:
            difference = was.database.difference(fingerprint(session))
        yield Expectation("the database is as before", not difference, difference or "no difference")
    if expect.application:
        yield _application(expect, stage)
    if expect.failed_attempts is not None:
        failed = [run for run in attempts if run.code != 0]
        text = f"at most {expect.failed_attempts} attempts fail" if expect.failed_attempts else "no attempt fails"
        got = "; ".join(f"{run.pod} attempt {run.attempt}: {_end(run)}" for run in failed) or "none failed"
        yield Expectation(text, len(failed) <= expect.failed_attempts, got)
    if expect.statuses:
        statuses = {step.status for step in ended.run.steps if _migrates(step.resource, cast)}
        text = f"the migration ends as {' or '.join(expect.statuses)}"
        yield Expectation(text, bool(statuses & set(expect.statuses)), ", ".join(sorted(statuses)))
    yield from _release_before(ended.run, meanwhile) if expect.release_before else ()
    if expect.readers_wait and (readers := meanwhile.readers):
        longest, limit = readers.longest, seconds(expect.readers_wait)
        got = f"{longest:.1f} s; {readers.table} was read"
        yield Expectation(f"others that read a table wait at most {limit} s", longest < limit, got)
    yield from _messages(expect, ended.run)
    if expect.migration == "never-starts":
        got = f"{len(attempts)} attempts" if attempts else "not started"
        yield Expectation("the migration never starts", not attempts, got)
    if gate := meanwhile.gate:
        yield Expectation("never two migrations at once", gate.most <= 1, f"at most {gate.most} at once")
    if expect.backup:
        yield _backup(expect, stage, was)
    if expect.told:
        requests = len(stage.sink.requests) - was.requests
        yield Expectation("a notification is sent", requests > 0, counted(requests, "message"))


def refuse_missing_programs(run: SyncRun) -> None:
    """Raise NotRehearsedError where a container failed because this machine lacks a program that it calls."""
    for step in run.steps:
        for container in step.containers:
            for match in _NOT_FOUND.finditer(container.log) if container.code != 0 else ():
                if shutil.which(match[1]) is None:
                    raise NotRehearsedError(f"{container.container} needs the program {match[1]}, which is not here")


def _session(stage: Stage) -> psycopg.Connection:
    return connect(stage.server.superuser._replace(database=stage.login.database))


def _sync(expect: Expect, stage: Stage, ended: Ended) -> Expectation:
    run, waits = ended.run, ended.endless
    open_steps = (step for step in run.steps if step.status not in _FINE)
    blocked = next((f"{step.resource} is {step.status}: {step.detail}".rstrip(": ") for step in open_steps), "")
    got = "it succeeds" if run.succeeded else f"it {'waits forever' if waits else 'fails'}; {blocked}"
    if expect.sync == "succeeds":
        return Expectation("the sync succeeds", run.succeeded, got)
    if expect.sync == "fails":
        return Expectation("the sync fails within its limits", not run.succeeded and not waits, got)
    suspended = any(isinstance(runner, Job) and runner.suspended for runner in stage.application.runners)
    return Expectation("the sync waits for an approval", waits and suspended, got)


def _migrated(stage: Stage, ended: Ended) -> Expectation:
    """Whether Knex has recorded all migrations of the application's folder, whatever suffix they were built to."""
    text = "every migration is applied"
    if stage.migrations is None:
        return Expectation(text, ended.run.succeeded, "the tool says so; its bookkeeping table was not read")
    recorded: set[str] = set()
    with _session(stage) as session:
        for (table,) in session.execute(_KNEX_TABLES).fetchall():
            rows = session.execute(f"SELECT name FROM {table}".encode())  # noqa: S608 - quoted by format()
            recorded |= {Path(str(name)).stem for (name,) in rows}
    pending = [name for name in files_of(stage.migrations) if Path(name).stem not in recorded]
    return Expectation(text, not pending, f"pending: {', '.join(pending)}" if pending else "none is pending")


def _application(expect: Expect, stage: Stage) -> Expectation:
    workloads = [runner for runner in stage.application.runners if isinstance(runner, Workload)]
    updated = [workload.name for workload in workloads if workload.succeeded]
    if expect.application == "updated":
        waiting = sorted({workload.name for workload in workloads} - set(updated))
        got = f"not ready: {', '.join(waiting)}" if waiting else ", ".join(updated) or "no new pods"
        return Expectation("the new application starts", bool(updated) and not waiting, got)
    return Expectation("the new application does not start", not updated, ", ".join(updated) or "no new pod is ready")


def _release_before(run: SyncRun, meanwhile: Meanwhile) -> Iterator[Expectation]:
    pods = [step for step in run.steps if step.phase == RELEASE_BEFORE]
    if pods:
        down = [
            f"{step.resource} is {step.status}: {step.detail}".rstrip(": ") for step in pods if step.status != "Running"
        ]
        yield Expectation("pods of the release before come back", not down, "; ".join(down) or "all are ready")
    if questions := meanwhile.questions:
        refused = "; ".join(f"{query}: {error}" for query, error in questions.refused.items())
        got = refused or f"{counted(questions.count, 'statement')}, {counted(questions.rounds, 'time')}"
        yield Expectation("what the release before reads is still there", not refused, got)


def _messages(expect: Expect, run: SyncRun) -> Iterator[Expectation]:
    steps = [step for step in run.steps if step.phase != Phase.SYNC_FAIL]
    runs = [run for step in steps for run in step.containers]
    texts = [*(step.detail for step in steps), *(text for run in runs for text in (run.message, run.log))]
    for word in expect.says:
        contained = any(word.lower() in text.lower() for text in texts)
        yield Expectation(f"a message or log contains {word!r}", contained, "found" if contained else "not found")
    if expect.reason:
        last = max((run for run in runs if run.code != 0), key=lambda run: run.ended, default=None)
        message, log = (last.message.strip(), last.log.strip()) if last else ("", "")
        got = f"kubectl logs: {log.splitlines()[-1]}" if log else "neither a message nor a log"
        got = f"kubectl describe: {message.splitlines()[0]}" if message else got
        yield Expectation("the failure has a reason", bool(message or log), got)


def _backup(expect: Expect, stage: Stage, was: Before) -> Expectation:
    fresh = [file for file in sorted(_files(stage) - was.files) if file.suffix != ".sha256"]
    if expect.backup == "made":
        whole = [file.name for file in fresh if _is_whole(file, stage.server.programs)]
        return Expectation("a complete backup", bool(whole), ", ".join(whole) or "no new file")
    names = ", ".join(file.name for file in fresh)
    return Expectation("no file that looks like a backup", not fresh, names or "no new file")


def _files(stage: Stage) -> frozenset[Path]:
    """All files that outlive pods: in volumes, and in the S3 client's storage."""
    places = (stage.root / "volumes", stage.root / "storage")
    return frozenset(file for place in places for file in place.rglob("*") if file.is_file())


def _is_whole(file: Path, programs: Path | None) -> bool:
    """An archive of pg_dump's that can be read to its end; of anything else, that it is not empty."""
    with suppress(OSError), file.open("rb") as opened:
        beginning = opened.read(len(_ARCHIVE))
        if beginning == _ARCHIVE and programs:
            return answer(programs / "pg_restore", "--file=/dev/null", file, seconds=60).returncode == 0
        return bool(beginning) and ".partial" not in file.name
    return False


def _attempts(run: SyncRun, cast: Cast) -> list[ContainerRun]:
    steps = (step for step in run.steps if _migrates(step.resource, cast))
    return [container for step in steps for container in step.containers if container.container in cast.containers]


def _migrates(resource: str, cast: Cast) -> bool:
    return any(str(identity) == resource for identity, _ in cast.migrations)


def _end(run: ContainerRun) -> str:
    how = run.signal or f"exit code {run.code}"
    return f"{how}, {run.message.strip().splitlines()[0]}" if run.message.strip() else how
