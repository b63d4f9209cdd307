"""Findings as JUnit XML, for CI systems that show test results.

One suite, one test case a finding: its class is the file, its name the rule, the resource and the place.

    error      a failure, as `check` and `validate` exit 1 for it
    warning    a skipped test: CI systems show it, and do not fail for it
    info       a passed test with the message in its output
    skipped    a check that could not run is a skipped test of the class `aegisgen`
    diff       the suite's output
    nothing    one passed test, so that CI shows that aegisgen ran

Source: the XSD of Jenkins' xUnit plugin, junit-10.xsd, which the tests validate against.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from aegisgen.findings import Severity
from aegisgen.output.visible import escaped
from aegisgen.report.model import counted, position, prose

if TYPE_CHECKING:
    from aegisgen.findings import Finding
    from aegisgen.report.model import Report


def render(report: Report) -> str:
    """Return the report as a `testsuites` element with one suite."""
    cases = [_case(finding) for finding in report.findings]
    if not cases:
        cases.append(_testcase("aegisgen", f"{counted(report.checked, 'file')} checked, no findings"))
    cases += [_skipped_check(line) for line in report.skipped]

    totals = {"tests": str(len(cases)), "failures": str(report.count(Severity.ERROR)), "errors": "0"}
    suites = Element("testsuites", {"name": "aegisgen", **totals})
    skipped = str(sum(case.find("skipped") is not None for case in cases))
    suite = SubElement(suites, "testsuite", {"name": "aegisgen", **totals, "skipped": skipped})
    suite.extend(cases)
    if report.diff:
        SubElement(suite, "system-out").text = escaped(report.diff)
    indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(suites, encoding="unicode") + "\n"


def _case(finding: Finding) -> Element:
    place = position(finding)
    name = " ".join(part for part in (finding.rule, finding.resource, f"at {place}" if place else "") if part)
    case = _testcase(finding.path, name)
    if finding.severity is Severity.INFO:
        SubElement(case, "system-out").text = escaped(prose(finding))
        return case
    outcome = "failure" if finding.severity is Severity.ERROR else "skipped"
    attributes = {"type": escaped(finding.rule), "message": escaped(finding.message)}
    SubElement(case, outcome, attributes).text = escaped(prose(finding))
    return case


def _skipped_check(line: str) -> Element:
    case = _testcase("aegisgen", line)
    SubElement(case, "skipped", {"message": escaped(line)})
    return case


def _testcase(classname: str, name: str) -> Element:
    return Element("testcase", {"classname": escaped(classname), "name": escaped(name)})
