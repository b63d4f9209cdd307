"""Whatever a manifest puts into a finding, every format stays what it says it is."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.reports import junit_schema, sarif_schema

from aegisgen.errors import Finding, Severity
from aegisgen.output.visible import escaped, width
from aegisgen.record import replace
from aegisgen.report import FORMATS, Report, RuleInfo
from aegisgen.report.model import prose
from aegisgen.report.text import WIDEST, excerpt

# What formats and terminals give a meaning to comes more often than chance would have it.
NASTY = st.sampled_from(
    ["\x1b[31m", "\r\n", "\n", "%0A", "::error::", ",", ":", "]]>", "\x85", "\u2028", "\u202e", "\t"]
)
TEXT = st.lists(st.text(max_size=8) | NASTY, max_size=4).map("".join)
SEVERITY = st.sampled_from(Severity)
FINDING = st.builds(
    Finding,
    path=TEXT,
    line=st.integers(0, 5),
    column=st.integers(0, 9),
    rule=TEXT,
    severity=SEVERITY,
    message=TEXT,
    resource=TEXT,
    fix=TEXT,
)


@st.composite
def reports(draw) -> Report:
    findings = tuple(draw(st.lists(FINDING, max_size=4)))
    info = st.builds(RuleInfo, id=TEXT, title=TEXT, severity=SEVERITY, explanation=TEXT, source=TEXT)
    return Report(
        findings=findings,
        checked=draw(st.integers(0, 3)),
        skipped=tuple(draw(st.lists(TEXT, max_size=2))),
        sources={finding.path: draw(TEXT) for finding in findings if draw(st.booleans())},
        diff=draw(TEXT),
        rules={finding.rule: draw(info) for finding in findings if draw(st.booleans())},
        version=draw(TEXT),
        color=draw(st.booleans()),
    )


MODERATE = settings(max_examples=60, deadline=None)


@MODERATE
@given(reports())
def test_json_parses_back_equal(report):
    document = json.loads(FORMATS["json"](report))
    assert tuple(Finding(**finding) for finding in document["findings"]) == report.findings
    assert tuple(document["skipped"]) == report.skipped
    assert document["diff"] == report.diff


@MODERATE
@given(reports())
def test_sarif_is_valid_and_keeps_every_finding(report):
    log = json.loads(FORMATS["sarif"](report))
    sarif_schema().validate(log)
    (run,) = log["runs"]
    assert [result["message"]["text"] for result in run["results"]] == [prose(finding) for finding in report.findings]
    prints = [(result["partialFingerprints"]["aegisgen/v1"]) for result in run["results"]]
    assert len(set(prints)) == len(prints)


@settings(max_examples=40, deadline=None)
@given(reports())
def test_junit_is_well_formed_valid_and_counts_right(report):
    rendered = FORMATS["junit"](report)
    junit_schema().validate(rendered)
    (suite,) = ElementTree.fromstring(rendered.encode())
    assert int(suite.attrib["tests"]) == len(suite.findall("testcase"))
    assert int(suite.attrib["failures"]) == len(suite.findall("testcase/failure"))
    assert int(suite.attrib["skipped"]) == len(suite.findall("testcase/skipped"))


COMMAND = re.compile(r"::(error|warning|notice)(?: ([^:]*))?::(.*)", re.DOTALL)


def unescape(text: str) -> str:
    for escape, character in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
        text = text.replace(escape, character)
    return text


@MODERATE
@given(reports())
def test_github_has_one_line_a_finding_that_unescapes_to_it(report):
    rendered = FORMATS["github"](report)
    assert "\r" not in rendered
    lines = rendered.split("\n")[:-1]
    assert len(lines) == len(report.findings) + len(report.skipped) + bool(report.diff)
    for line, finding in zip(lines, report.findings, strict=False):
        _, written, data = COMMAND.fullmatch(line).groups()
        properties = dict(part.split("=", 1) for part in (written or "").split(",") if part)
        assert unescape(properties.get("file", "")) == escaped(finding.path)
        assert int(properties.get("line", 0)) == finding.line
        assert int(properties.get("col", 0)) == (finding.line and finding.column)  # a column alone means nothing
        assert unescape_data(data) == escaped(prose(finding))


def unescape_data(text: str) -> str:
    return text.replace("%0A", "\n").replace("%25", "%")


@settings(max_examples=150, deadline=None)
@given(reports())
def test_text_has_no_control_characters_but_newlines_and_its_own_colours(report):
    rendered = FORMATS["text"](report)
    if report.color:
        rendered = re.sub(r"\x1b\[[0-9;]+m", "", rendered)
    assert rendered.replace("\n", "").isprintable()


@MODERATE
@given(reports())
def test_colour_changes_nothing_but_colour(report):
    plain = FORMATS["text"](replace(report, color=False))
    assert re.sub(r"\x1b\[[0-9;]+m", "", FORMATS["text"](replace(report, color=True))) == plain


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=20), st.integers(0, 60), st.text(max_size=20), st.integers(1, 400))
def test_an_excerpt_is_printable_bounded_and_points_into_itself(start, repeat, end, column):
    shown, caret = excerpt(start * repeat + end, column)
    assert shown.isprintable()
    assert width(shown) <= WIDEST + len("...") * 2
    assert 0 <= caret <= width(shown)
