"""A rehearsal as JSON for programs.

The keys are stable: `version` goes up when one changes its meaning or goes away; new ones may come at any time.
`schemas/aegisgen/rehearsal.json` describes them. Times are seconds; `at` and `began` count from the start of the
scenario. Codes are null where a container was never started or a signal ended it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aegisgen.rehearsal.outcome import Verdict

if TYPE_CHECKING:
    from aegisgen.rehearsal.outcome import (
        ContainerRun,
        MigrationRun,
        Rehearsal,
        ScenarioRun,
        StepRun,
        SyncRun,
    )
    from aegisgen.rehearsal.show.view import View

VERSION = 1
# A microsecond is finer than anything here is measured.
_DIGITS = 6
_NAMES = {
    Verdict.PASSED: "passed",
    Verdict.FAILED: "failed",
    Verdict.NOT_REHEARSED: "notRehearsed",
    Verdict.DOES_NOT_APPLY: "doesNotApply",
}


def render(rehearsal: Rehearsal, _view: View) -> str:
    """Return the document, indented, in ASCII so that no terminal's encoding can spoil it."""
    return json.dumps(document(rehearsal), indent=2) + "\n"


def document(rehearsal: Rehearsal) -> dict[str, object]:
    """Return what `render` writes, as plain Python."""
    verdicts = [scenario.verdict for scenario in rehearsal.scenarios]
    return {
        "version": VERSION,
        "environment": rehearsal.environment,
        "postgres": rehearsal.postgres,
        "seconds": _seconds(rehearsal.seconds),
        "passed": rehearsal.passed,
        "summary": {name: verdicts.count(verdict) for verdict, name in _NAMES.items()},
        "notes": list(rehearsal.notes),
        "scenarios": [_scenario(scenario) for scenario in rehearsal.scenarios],
    }


def _scenario(scenario: ScenarioRun) -> dict[str, object]:
    return {
        "name": scenario.name,
        "title": scenario.title,
        "verdict": _NAMES[scenario.verdict],
        "reason": scenario.reason,
        "seconds": _seconds(scenario.seconds),
        "expectations": [expectation._asdict() for expectation in scenario.expectations],
        "syncs": [_sync(sync) for sync in scenario.syncs],
        "migrations": [_migration(migration) for migration in scenario.migrations],
    }


def _sync(sync: SyncRun) -> dict[str, object]:
    return {
        "title": sync.title,
        **_times(sync),
        "succeeded": sync.succeeded,
        "skipped": list(sync.skipped),
        "steps": [_step(step) for step in sync.steps],
    }


def _step(step: StepRun) -> dict[str, object]:
    return {
        "phase": step.phase,
        "wave": step.wave,
        "resource": step.resource,
        **_times(step),
        "status": step.status,
        "detail": step.detail,
        "containers": [_container(run) for run in step.containers],
    }


def _container(run: ContainerRun) -> dict[str, object]:
    return {
        "pod": run.pod,
        "container": run.container,
        "attempt": run.attempt,
        **_times(run),
        "exitCode": run.code,
        "signal": run.signal,
        "status": run.status,
        "message": run.message,
        "log": run.log,
    }


def _migration(migration: MigrationRun) -> dict[str, object]:
    return {
        "file": migration.file,
        "reverts": migration.reverts,
        "began": _seconds(migration.began),
        "seconds": _seconds(migration.seconds),
        "rows": migration.rows,
        "statements": list(migration.statements),
        "locks": [{**held._asdict(), "seconds": _seconds(held.seconds)} for held in migration.locks],
        "squawk": [advice._asdict() for advice in migration.advice],
        "failedStatement": migration.failed_statement,
        "error": migration.error,
        "note": migration.note,
        "cause": migration.cause,
        "wayOut": migration.way_out,
    }


def _times(record: SyncRun | StepRun | ContainerRun) -> dict[str, object]:
    return {"began": _seconds(record.began), "ended": _seconds(record.ended)}


def _seconds(value: float) -> float:
    return round(value, _DIGITS)
