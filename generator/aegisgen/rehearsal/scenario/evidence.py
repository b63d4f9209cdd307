"""What there is to look at after a sync: in the database, in the volumes, at the sink."""

from __future__ import annotations

import re
import shutil
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psycopg

from aegisgen.rehearsal.cluster.controllers import Job, Workload
from aegisgen.rehearsal.cluster.sync import Ended
from aegisgen.rehearsal.database.fingerprint import Fingerprint, fingerprint
from aegisgen.rehearsal.image.knex import files_of
from aegisgen.rehearsal.outcome import NotRehearsedError, SyncRun
from aegisgen.rehearsal.postgres.sessions import connect
from aegisgen.rehearsal.processes import answer
from aegisgen.rehearsal.scenario.expectations import Evidence
from aegisgen.rehearsal.scenario.gate import Gate
from aegisgen.rehearsal.scenario.stage import Stage

_KNEX_TABLES = """
SELECT format('%I.%I', table_schema, table_name) FROM information_schema.columns
WHERE column_name IN ('name', 'batch', 'migration_time') GROUP BY table_schema, table_name HAVING count(*) = 3
"""
_ARCHIVE = b"PGDMP"
# dash, bash and busybox each have words of their own for it
_NOT_FOUND = re.compile(r"(?:^|[ :])([\w.+-]+): (?:command )?not found\s*$", re.MULTILINE)


class Before(NamedTuple):
    """What was there before a sync."""

    database: Fingerprint
    files: frozenset[Path]
    requests: int


def before(stage: Stage) -> Before:
    """Look around. The database must be up."""
    with _session(stage) as session:
        return Before(fingerprint(session), _files(stage), len(stage.sink.requests))


def after(stage: Stage, was: Before, ended: Ended, gate: Gate | None) -> Evidence:
    """Look around again. The database must be up."""
    with _session(stage) as session:
        now = fingerprint(session)
        pending = _pending(stage, session)
    new = sorted(_files(stage) - was.files)
    good = [file for file in new if _is_whole(file, stage.server.programs)]
    workloads = [runner for runner in stage.application.runners if isinstance(runner, Workload)]
    return Evidence(
        ended=ended,
        pending=pending,
        difference=was.database.difference(now),
        updated=tuple(each.name for each in workloads if each.succeeded),
        started=tuple(each.name for each in workloads),
        at_once=gate.most if gate else None,
        backups=tuple(file.name for file in good),
        broken_backups=tuple(file.name for file in new if file not in good and file.suffix != ".sha256"),
        requests=len(stage.sink.requests) - was.requests,
        suspended=any(isinstance(runner, Job) and runner.suspended for runner in stage.application.runners),
    )


def refuse_missing_programs(run: SyncRun) -> None:
    """Raise NotRehearsedError where a container failed for want of a program that this machine has not got."""
    for step in run.steps:
        for container in step.containers:
            for match in _NOT_FOUND.finditer(container.log) if container.code != 0 else ():
                if shutil.which(match[1]) is None:
                    raise NotRehearsedError(f"{container.container} needs the program {match[1]}, which is not here")


def _session(stage: Stage) -> psycopg.Connection:
    return connect(stage.server.superuser._replace(database=stage.login.database))


def _pending(stage: Stage, session: psycopg.Connection) -> tuple[str, ...] | None:
    """The migrations of the application's folder that Knex has not recorded; whatever suffix they were built to."""
    if stage.migrations is None:
        return None
    recorded: set[str] = set()
    tables = [str(name) for (name,) in session.execute(_KNEX_TABLES).fetchall()]
    for table in tables:
        recorded |= {Path(str(name)).stem for (name,) in session.execute(f"SELECT name FROM {table}".encode())}  # noqa: S608
    return tuple(name for name in files_of(stage.migrations) if Path(name).stem not in recorded)


def _files(stage: Stage) -> frozenset[Path]:
    """All files that outlive pods: in volumes, and in the S3 client's storage."""
    places = (stage.root / "volumes", stage.root / "storage")
    return frozenset(file for place in places for file in place.rglob("*") if file.is_file())


def _is_whole(file: Path, programs: Path | None) -> bool:
    """An archive of pg_dump's that can be read to its end; of anything else, that it is not empty."""
    if file.suffix == ".sha256":
        return False
    with suppress(OSError), file.open("rb") as opened:
        beginning = opened.read(len(_ARCHIVE))
        if beginning == _ARCHIVE and programs:
            return answer(programs / "pg_restore", "--file=/dev/null", file, seconds=60).returncode == 0
        return bool(beginning) and ".partial" not in file.name
    return False
