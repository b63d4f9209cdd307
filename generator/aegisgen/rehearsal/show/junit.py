"""A rehearsal as JUnit XML: one suite, one test case a scenario, for CI systems that show test results.

passed           a passed test
failed           a failure with every expectation that failed, and the end of the logs
not rehearsed    a skipped test with the reason; so is one that does not apply
running-release  what the new migrations mean for it; a failure where --fail-on names something
migrations       the case's output: what each took, changed and locked
"""

from __future__ import annotations

from collections.abc import Iterator

from aegisgen.output.numbers import duration
from aegisgen.rehearsal.outcome import Rehearsal, ScenarioRun, Verdict
from aegisgen.rehearsal.show import wording
from aegisgen.rehearsal.show.release import sections
from aegisgen.report.junit import Case, suite

_LOG_LINES = 40
_OUTCOMES = {Verdict.PASSED: "", Verdict.FAILED: "failure"}


def render(rehearsal: Rehearsal, _view: object = None) -> str:
    """Return the rehearsal as a `testsuites` element with one suite."""
    return suite(
        f"aegisgen rehearse {rehearsal.environment}",
        [*(_case(scenario, rehearsal.environment) for scenario in rehearsal.scenarios), *_release(rehearsal)],
        output="\n".join((rehearsal.postgres, *rehearsal.notes)),
        seconds=rehearsal.seconds,
    )


def _case(scenario: ScenarioRun, environment: str) -> Case:
    failed = scenario.verdict is Verdict.FAILED
    return Case(
        classname=f"rehearse.{environment}",
        name=scenario.name,
        outcome=_OUTCOMES.get(scenario.verdict, "skipped"),
        kind="expectation" if failed else None,
        message=scenario.reason,
        text="\n".join(_failure(scenario)) if failed else "",
        output="\n".join((scenario.title, *_details(scenario))),
        seconds=scenario.seconds,
    )


def _release(rehearsal: Rehearsal) -> Iterator[Case]:
    if rehearsal.compatibility:
        yield Case(
            classname=f"rehearse.{rehearsal.environment}",
            name="running-release",
            outcome="failure" if rehearsal.gates else "",
            kind="gate" if rehearsal.gates else None,
            message=rehearsal.gates[0] if rehearsal.gates else "",
            text="\n".join(rehearsal.gates),
            output="\n".join(line for section in sections(rehearsal) for line in (section.title, *section.lines)),
            seconds=0.0,
        )


def _failure(scenario: ScenarioRun) -> Iterator[str]:
    for expectation in scenario.expectations:
        if not expectation.passed:
            yield f"failed: expected: {expectation.text}; got: {expectation.got}"
    for sync in scenario.syncs:
        yield wording.sync_line(sync)
        for step in sync.steps:
            yield f"  {step.phase} wave {step.wave} {step.resource}: {step.status} {step.detail}".rstrip()
            for run in filter(wording.failing, step.containers):
                yield f"    {run.pod}/{run.container}, attempt {run.attempt}, {wording.ending(run)}"
                yield from (f"      {line}" for line in (run.log or run.message).splitlines()[-_LOG_LINES:])
    for migration in wording.broken(scenario.migrations):
        yield f"{migration.file}: {migration.error}"
        yield f"  in: {migration.failed_statement}"
        yield from (f"  {title}: {text}" for title, text in wording.reasons(migration))


def _details(scenario: ScenarioRun) -> Iterator[str]:
    for expectation in scenario.expectations:
        if expectation.passed:
            yield f"passed: {expectation.text}" + (f" ({expectation.got})" if expectation.got else "")
    for migration in scenario.migrations:
        yield f"{wording.title(migration)}: {duration(migration.seconds)}, {wording.rows(migration)}"
        yield from (f"  lock on {wording.lock(held)}" for held in migration.locks)
        yield from (f"  {line}" for line in wording.rewritten(migration))
        yield from (f"  squawk {advice.rule}: {advice.message}" for advice in migration.advice)
