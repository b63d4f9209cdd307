"""Findings as JUnit XML, for CI systems that show test results.

One suite, one test case a finding: its class is the file, its name the rule, the resource and the place.

    error      a failure, as `check` and `validate` exit 1 for it
    warning    a skipped test: CI systems show it, and do not fail for it
    info       a passed test with the message in its output
    skipped    a check that could not run is a skipped test of the class `aegisgen`
    diff       the suite's output
    nothing    one passed test, so that CI shows that aegisgen ran

`suite` is for other results too. Source: the XSD of Jenkins' xUnit plugin, junit-10.xsd, which the tests validate
against.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from aegisgen.errors import Finding, Severity
from aegisgen.output.numbers import counted
from aegisgen.output.visible import escaped
from aegisgen.record import Record
from aegisgen.report.model import Report, position, prose

_OUTCOMES = {Severity.ERROR: "failure", Severity.WARNING: "skipped"}


class Case(Record):
    """One test. Its texts may hold anything."""

    classname: str
    name: str
    outcome: str = ""
    """`failure` or `skipped`; empty: passed."""
    kind: str | None = None
    """Of the failure, such as a rule."""
    message: str = ""
    text: str = ""
    output: str = ""
    seconds: float | None = None


def render(report: Report) -> str:
    """Return the report as a `testsuites` element with one suite."""
    cases = [_case(finding) for finding in report.findings]
    if not cases:
        cases.append(Case("aegisgen", f"{counted(report.checked, 'file')} checked, no findings"))
    cases += [Case("aegisgen", line, "skipped", message=line) for line in report.skipped]
    return suite("aegisgen", cases, output=report.diff)


def suite(name: str, cases: Sequence[Case], *, output: str, seconds: float | None = None) -> str:
    """Return a `testsuites` element with one suite; everything that does not print is escaped."""
    failures = sum(case.outcome == "failure" for case in cases)
    totals = _attributes(name=name, tests=str(len(cases)), failures=str(failures), errors="0", time=_time(seconds))
    suites = Element("testsuites", totals)
    skipped = str(sum(case.outcome == "skipped" for case in cases))
    element = SubElement(suites, "testsuite", {**totals, "skipped": skipped})
    element.extend(map(_element, cases))
    _output(element, output)
    indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(suites, encoding="unicode") + "\n"


def _case(finding: Finding) -> Case:
    place = position(finding)
    name = " ".join(part for part in (finding.rule, finding.resource, f"at {place}" if place else "") if part)
    outcome = _OUTCOMES.get(finding.severity, "")
    if not outcome:
        return Case(finding.path, name, output=prose(finding))
    return Case(finding.path, name, outcome, finding.rule, finding.message, prose(finding))


def _element(case: Case) -> Element:
    element = Element("testcase", _attributes(classname=case.classname, name=case.name, time=_time(case.seconds)))
    if case.outcome:
        SubElement(element, case.outcome, _attributes(type=case.kind, message=case.message)).text = escaped(case.text)
    _output(element, case.output)
    return element


def _output(parent: Element, text: str) -> None:
    if text:
        SubElement(parent, "system-out").text = escaped(text)


def _attributes(**values: str | None) -> dict[str, str]:
    return {name: escaped(value) for name, value in values.items() if value is not None}


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else f"{seconds:.3f}"
