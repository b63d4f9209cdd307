"""What a scenario's migrations did, with the reason for those that PostgreSQL refused."""

from __future__ import annotations

import re
from collections.abc import Sequence

from aegisgen.rehearsal.diagnosis import Around, explained
from aegisgen.rehearsal.image.knex import PREFIX, files_of
from aegisgen.rehearsal.observe import Observation
from aegisgen.rehearsal.outcome import MigrationRun, SyncRun
from aegisgen.rehearsal.postgres import extensions_at_hand
from aegisgen.rehearsal.scenario.stage import Stage
from aegisgen.rehearsal.sources import migration_texts

_MAJOR = re.compile(r"PostgreSQL (\d+)")


def migrations_of(observation: Observation, syncs: Sequence[SyncRun], stage: Stage) -> tuple[MigrationRun, ...]:
    """Return a record of each migration that ran in these syncs. The database must still be there."""
    runs = sorted((run for sync in syncs for step in sync.steps for run in step.containers), key=lambda run: run.began)
    logs = [run.log for run in runs]
    records = tuple(map(_own_or_added, observation.migrations(logs)))
    failed = "\n".join(run.log for run in runs if run.code != 0 and run.container in stage.setting.cast.containers)
    if stage.app is None or not (failed or any(record.error for record in records)):
        return records
    folder = stage.migrations if stage.released else None
    own = [folder / name for name in files_of(folder) if PREFIX not in name] if folder else []
    applied = [file.relative_to(stage.app).as_posix() for file in own]
    major = _MAJOR.search(stage.server.version)
    around = Around(
        applied=applied,
        sources=migration_texts(stage.app),
        server=stage.server.version,
        major=int(major[1]) if major else 0,
        elsewhere=extensions_at_hand(),
        schema_dump=str(stage.setting.dump or ""),
    )
    return explained(records, around, failed)


def _own_or_added(record: MigrationRun) -> MigrationRun:
    """Nobody needs advice on what the rehearsal itself has written."""
    added = PREFIX in record.file or any(PREFIX in statement for statement in record.statements)
    return record._replace(added=True, advice=()) if added else record
