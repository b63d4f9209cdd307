from __future__ import annotations

import pytest
from tests.reports import HOOK, report

from aegisgen.errors import Finding, Severity
from aegisgen.record import replace
from aegisgen.report import FORMATS
from aegisgen.report.text import WIDEST, excerpt

SOURCE = "kind: Job\nmetadata:\n  annotations:\n    argocd.argoproj.io/hook: presync\n"


def text(*findings: Finding, sources=None, **fields: object) -> str:
    return FORMATS["text"](report(*findings, sources=sources or {}, rules={}, **fields))


def test_a_finding_shows_its_place_its_line_with_a_caret_its_resource_and_its_fix():
    assert text(HOOK, sources={HOOK.path: SOURCE}) == (
        "overlays/api/job.yaml:4:5: error[HOOK001] the hook type 'presync' is unknown\n"
        "  |\n"
        "4 |     argocd.argoproj.io/hook: presync\n"
        "  |     ^\n"
        "  = resource: Job/aegisx-api-migration\n"
        "  = fix: write PreSync\n"
        "\n"
        "1 error in 14 files\n"
    )


def test_the_gutter_is_as_wide_as_the_line_number():
    source = "\n" * 99 + "kind: Job\n"
    assert "    |\n100 | kind: Job\n    |       ^\n" in text(
        replace(HOOK, line=100, column=7), sources={HOOK.path: source}
    )


def test_a_finding_about_a_whole_file_has_no_excerpt():
    shown = text(replace(HOOK, line=0, column=0, resource="", fix=""), sources={HOOK.path: SOURCE})
    assert shown.startswith("overlays/api/job.yaml: error[HOOK001] the hook type 'presync' is unknown\n\n1 error")


def test_a_finding_about_a_whole_line_has_no_caret():
    shown = text(replace(HOOK, column=0), sources={HOOK.path: SOURCE})
    assert shown.startswith("overlays/api/job.yaml:4: error")
    assert "4 |     argocd.argoproj.io/hook: presync\n  = resource" in shown


def test_a_line_that_the_source_does_not_have_is_not_shown():
    assert " |" not in text(replace(HOOK, line=99), sources={HOOK.path: SOURCE})
    assert " |" not in text(HOOK, sources={})


def test_the_carriage_return_of_a_windows_line_is_not_shown():
    assert "hook: presync\n" in text(HOOK, sources={HOOK.path: SOURCE.replace("\n", "\r\n")})


def test_control_characters_in_the_source_and_in_every_field_come_out_visible():
    finding = replace(HOOK, path="a\x1b[2J", message="m\x07", resource="r\x9b", fix="f\u202e", rule="R\r")
    shown = text(
        finding, sources={finding.path: "\n\n\n    \x1b]0;owned\x07\n"}, diff="+\x1b[31m\r\n", skipped=["s\x00"]
    )
    assert r"a\x1b[2J:4:5: error[R\r] m\x07" in shown
    assert r"4 |     \x1b]0;owned\x07" in shown
    assert r"= resource: r\x9b" in shown
    assert r"= fix: f\u202e" in shown
    assert "+\\x1b[31m\\r\n" in shown
    assert r"skipped: s\x00" in shown


def test_a_message_of_several_lines_cannot_pass_for_a_second_finding():
    shown = text(replace(HOOK, message="one\nb.yaml:1:1: error[X] two"))
    assert "one\n    b.yaml:1:1: error[X] two\n" in shown


def test_the_summary_counts_each_severity():
    findings = [HOOK, HOOK, replace(HOOK, severity=Severity.WARNING), replace(HOOK, severity=Severity.INFO)]
    assert text(*findings).endswith("\n2 errors, 1 warning, 1 info in 14 files\n")


def test_a_clean_run_says_what_was_checked():
    assert text() == "14 files checked, no findings\n"
    assert text(checked=1) == "1 file checked, no findings\n"


def test_drift_and_skipped_checks_stand_before_the_summary():
    shown = text(diff="--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y\n", skipped=["composition: kustomize not found"])
    assert shown == (
        "--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y\n"
        "\n"
        "skipped: composition: kustomize not found\n"
        "\n"
        "drift, and no other findings in 14 files, 1 check skipped\n"
    )


def test_colour_comes_only_when_asked_for():
    drift = "--- a\n+++ b\n-x\n+y\n"
    assert "\x1b" not in text(HOOK, sources={HOOK.path: SOURCE}, diff=drift)
    shown = text(HOOK, sources={HOOK.path: SOURCE}, diff=drift, color=True)
    assert "\x1b[1;31merror[HOOK001]\x1b[0m the hook" in shown
    assert "\x1b[1;31m^\x1b[0m" in shown
    assert "\x1b[1m--- a\x1b[0m\n" in shown
    assert "\x1b[31m-x\x1b[0m\n\x1b[32m+y\x1b[0m" in shown


LONG = "x" * 500
FITS = "x" * WIDEST


@pytest.mark.parametrize(
    ("line", "column", "shown", "caret"),
    [
        pytest.param("名前: x", 5, "名前: x", 6, id="a wide character is two columns"),
        pytest.param("e\u0301: x", 5, "e\u0301: x", 3, id="a combining one is none"),
        pytest.param("\tname", 2, "    name", 4, id="a tab is four"),
        pytest.param("\x1bname", 2, r"\x1bname", 4, id="an escape is as wide as it is shown"),
        pytest.param("ab", 3, "ab", 2, id="behind the line"),
        pytest.param("ab", 99, "ab", 2, id="far behind the line"),
        pytest.param(LONG, 1, f"{FITS}...", 0, id="a long line is cut at its end"),
        pytest.param(f"{LONG}y", 0, f"{FITS}...", 0, id="a long line without a column is shown from its start"),
        *(pytest.param(FITS, column, FITS, column - 1, id=f"what fits, {column}") for column in (1, 50, WIDEST)),
    ],
)
def test_the_caret_stands_below_the_column(line: str, column: int, shown: str, caret: int) -> None:
    assert excerpt(line, column) == (shown, caret)


def test_a_long_line_is_shown_around_the_column():
    line = "x" * 5000 + "BAD" + "y" * 5000
    shown, caret = excerpt(line, 5001)
    assert shown[caret : caret + 3] == "BAD"
    assert shown.startswith("...x")
    assert shown.endswith("y...")
    assert len(shown) == WIDEST + len("...") * 2


def test_a_long_line_is_cut_at_its_start_only_where_the_column_is_near_the_other():
    shown, caret = excerpt(LONG, 500)
    assert shown.startswith("...")
    assert not shown.endswith("...")
    assert caret == len(shown) - 1
    assert excerpt(LONG, 501) == excerpt(LONG, 999)
