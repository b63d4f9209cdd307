"""A rehearsal as JUnit XML: one suite, one test case a scenario, for CI systems that show test results.

    passed           a passed test
    failed           a failure with every expectation that did not hold, and the end of the logs
    not rehearsed    a skipped test with the reason; so is one that does not apply
    migrations       the case's output: what each took, changed and locked

Source: the XSD of Jenkins' xUnit plugin, junit-10.xsd, which the tests validate against.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from aegisgen.output.visible import escaped
from aegisgen.rehearsal.outcome import Verdict
from aegisgen.rehearsal.show import words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aegisgen.rehearsal.outcome import Rehearsal, ScenarioRun
    from aegisgen.rehearsal.show.view import View

_LOG_LINES = 40
_SKIPPED = {Verdict.NOT_REHEARSED, Verdict.DOES_NOT_APPLY}


def render(rehearsal: Rehearsal, _view: View) -> str:
    """Return the rehearsal as a `testsuites` element with one suite."""
    verdicts = [scenario.verdict for scenario in rehearsal.scenarios]
    name = f"aegisgen rehearse {rehearsal.environment}"
    totals = {
        "tests": str(len(verdicts)),
        "failures": str(verdicts.count(Verdict.FAILED)),
        "errors": "0",
        "time": f"{rehearsal.seconds:.3f}",
    }
    suites = _element("testsuites", name=name, **totals)
    skipped = str(sum(verdict in _SKIPPED for verdict in verdicts))
    suite = SubElement(suites, "testsuite", {**_element("testsuite", name=name, **totals).attrib, "skipped": skipped})
    suite.extend(_case(scenario, rehearsal.environment) for scenario in rehearsal.scenarios)
    _output(suite, [rehearsal.postgres, *rehearsal.notes])
    indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(suites, encoding="unicode") + "\n"


def _case(scenario: ScenarioRun, environment: str) -> Element:
    case = _element("testcase", classname=f"rehearse.{environment}", name=scenario.name, time=f"{scenario.seconds:.3f}")
    if scenario.verdict is Verdict.FAILED:
        failure = _element("failure", type="expectation", message=scenario.reason)
        failure.text = escaped("\n".join(_failure(scenario)))
        case.append(failure)
    if scenario.verdict in _SKIPPED:
        case.append(_element("skipped", message=scenario.reason))
    _output(case, [scenario.title, *_proof(scenario), *_migrations(scenario)])
    return case


def _failure(scenario: ScenarioRun) -> Iterator[str]:
    for expectation in scenario.expectations:
        if not expectation.held:
            yield f"expected: {expectation.text}"
            yield f"saw: {expectation.saw}"
    for sync in scenario.syncs:
        yield words.sync_line(sync)
        for step in sync.steps:
            yield f"  {step.phase} wave {step.wave} {step.resource}: {step.status} {step.detail}".rstrip()
            for run in filter(words.failing, step.containers):
                yield f"    {run.pod}/{run.container}, attempt {run.attempt}, {words.ending(run)}"
                yield from (f"      {line}" for line in (run.log or run.message).splitlines()[-_LOG_LINES:])
    for migration in words.broken(scenario.migrations):
        yield f"{migration.file}: {migration.error}"
        yield f"  in: {migration.failed_statement}"
        yield from (f"  {title}: {text}" for title, text in words.reasons(migration))


def _proof(scenario: ScenarioRun) -> Iterator[str]:
    for expectation in scenario.expectations:
        if expectation.held:
            yield f"held: {expectation.text} ({expectation.saw})" if expectation.saw else f"held: {expectation.text}"


def _migrations(scenario: ScenarioRun) -> Iterator[str]:
    for migration in scenario.migrations:
        yield f"{words.title(migration)}: {words.duration(migration.seconds)}, {words.rows(migration)}"
        yield from (f"  lock on {words.lock(held)}" for held in migration.locks)
        yield from (f"  squawk {advice.rule}: {advice.message}" for advice in migration.advice)


def _output(parent: Element, lines: list[str]) -> None:
    SubElement(parent, "system-out").text = escaped("\n".join(lines))


def _element(tag: str, **attributes: str) -> Element:
    return Element(tag, {name: escaped(value) for name, value in attributes.items()})
