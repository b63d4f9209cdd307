"""The formats that programs read: JSON, JUnit, SARIF and GitHub's workflow commands."""

from __future__ import annotations

import json
import subprocess
import sys
from xml.etree import ElementTree

import pytest
from tests.conftest import ROOT
from tests.reports import HOOK, junit_schema, report, sarif_schema

from aegisgen.errors import Finding, Severity
from aegisgen.record import replace
from aegisgen.report import FORMATS, Report, RuleInfo

TAG = Finding("base/api.yaml", 7, 0, "IMG001", Severity.WARNING, "mutable tag")
FILE = Finding("base/api.yaml", 0, 0, "KUS009", Severity.INFO, "nothing names this file")
RULE = RuleInfo("HOOK001", "Unknown hook type", Severity.ERROR, "Argo CD drops it.", "gitops-engine, hook.go")
SKIPPED = "composition: kustomize not found, install it with your package manager"


FULL = report(TAG, FILE, HOOK, rules={"HOOK001": RULE}, skipped=[SKIPPED], diff="--- a\n+++ b\n-x\n+y\n")


def junit(of: Report) -> ElementTree.Element:
    rendered = FORMATS["junit"](of)
    junit_schema().validate(rendered)
    return ElementTree.fromstring(rendered)


def sarif(of: Report) -> dict:
    log = json.loads(FORMATS["sarif"](of))
    sarif_schema().validate(log)
    (run,) = log["runs"]
    return run


def github(of: Report) -> list[str]:
    return FORMATS["github"](of).splitlines()


def test_the_table_names_every_format_of_the_command_line():
    assert list(FORMATS) == ["text", "json", "junit", "sarif", "github"]


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_ends_with_one_newline(name):
    assert FORMATS[name](FULL).endswith("\n")
    assert not FORMATS[name](FULL).endswith("\n\n")


def test_a_format_is_imported_only_when_it_is_used():
    code = (
        "import sys, aegisgen.report\n"
        "late = [m for m in sys.modules if m.startswith('aegisgen.report.') and not m.endswith('.model')]\n"
        "sys.exit(' '.join(late + [m for m in ('json', 'xml', 'urllib.parse') if m in sys.modules]) or 0)\n"
    )
    env = {"PYTHONPATH": str(ROOT / "generator")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=env)
    assert (done.returncode, done.stderr) == (0, "")


# JSON


def test_json_has_exactly_the_promised_keys():
    keys = ("path", "line", "column", "rule", "severity", "message", "resource", "fix")
    findings = [
        ("base/api.yaml", 7, 0, "IMG001", "warning", "mutable tag", "", ""),
        ("base/api.yaml", 0, 0, "KUS009", "info", "nothing names this file", "", ""),
        ("overlays/api/job.yaml", 4, 5, "HOOK001", "error", "the hook type 'presync' is unknown", "Job/aegisx-api-migration", "write PreSync"),
    ]  # fmt: skip
    assert json.loads(FORMATS["json"](FULL)) == {
        "findings": [dict(zip(keys, finding, strict=True)) for finding in findings],
        "summary": {"checked": 14, "errors": 1, "warnings": 1, "infos": 1},
        "skipped": [SKIPPED],
        "diff": "--- a\n+++ b\n-x\n+y\n",
    }


# JUnit


def test_junit_fails_for_errors_skips_for_warnings_and_passes_for_the_rest():
    (suite,) = junit(FULL)
    warning, info, error, skipped = suite.findall("testcase")
    assert error.attrib == {"classname": "overlays/api/job.yaml", "name": "HOOK001 Job/aegisx-api-migration at 4:5"}
    (failure,) = error
    assert failure.tag == "failure"
    assert failure.attrib == {"type": "HOOK001", "message": "the hook type 'presync' is unknown"}
    assert "fix: write PreSync" in failure.text
    assert warning.attrib["name"] == "IMG001 at 7"
    assert [child.tag for child in warning] == ["skipped"]
    assert info.attrib["name"] == "KUS009"
    assert [child.tag for child in info] == ["system-out"]
    assert skipped.find("skipped").attrib["message"] == SKIPPED
    assert suite.find("system-out").text == "--- a\n+++ b\n-x\n+y\n"


def test_junit_counts_what_it_holds():
    root = junit(FULL)
    assert root.attrib == {"name": "aegisgen", "tests": "4", "failures": "1", "errors": "0"}
    assert root[0].attrib == {"name": "aegisgen", "tests": "4", "failures": "1", "errors": "0", "skipped": "2"}


def test_a_clean_run_is_one_passed_junit_test():
    ((case,),) = junit(report())
    assert case.attrib == {"classname": "aegisgen", "name": "14 files checked, no findings"}
    assert len(case) == 0


def test_junit_shows_characters_that_xml_cannot_hold_as_escapes():
    ((case,),) = junit(report(replace(HOOK, message='a\x1b<&>"\ufffe\udc80\nb', path="\x00")))
    assert case[0].attrib["message"] == 'a\\x1b<&>"\\ufffe\\udc80\nb'
    assert case.attrib["classname"] == "\\x00"


# SARIF


def test_sarif_gives_the_levels_places_and_rules():
    run = sarif(FULL)
    assert run["tool"]["driver"]["version"] == "1.2.3"
    assert run["columnKind"] == "unicodeCodePoints"
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["HOOK001", "IMG001", "KUS009"]
    assert rules[0] == {
        "id": "HOOK001",
        "shortDescription": {"text": "Unknown hook type"},
        "fullDescription": {"text": "Argo CD drops it."},
        "help": {"text": "Argo CD drops it.\n\nSource: gitops-engine, hook.go"},
        "defaultConfiguration": {"level": "error"},
    }
    warning, info, error = run["results"]
    assert [result["level"] for result in run["results"]] == ["warning", "note", "error"]
    assert [rules[result["ruleIndex"]]["id"] for result in run["results"]] == ["IMG001", "KUS009", "HOOK001"]
    assert error["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "overlays/api/job.yaml", "uriBaseId": "%SRCROOT%"},
                "region": {"startLine": 4, "startColumn": 5},
            },
            "logicalLocations": [{"fullyQualifiedName": "Job/aegisx-api-migration", "kind": "resource"}],
        }
    ]
    assert warning["locations"][0]["physicalLocation"]["region"] == {"startLine": 7}
    assert "region" not in info["locations"][0]["physicalLocation"]


def test_sarif_tells_of_skipped_checks():
    (invocation,) = sarif(FULL)["invocations"]
    assert invocation["executionSuccessful"] is True
    (notification,) = invocation["toolExecutionNotifications"]
    assert notification["message"]["text"] == f"skipped: {SKIPPED}"


def test_a_clean_run_is_a_sarif_run_without_results():
    assert sarif(report())["results"] == []  # the key must be there: absent means that nothing was looked for


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("a b/ü%.yaml", "a%20b/%C3%BC%25.yaml"),
        ("c:d.yaml", "c%3Ad.yaml"),  # a colon would make a scheme of what precedes it
        ("?#.yaml", "%3F%23.yaml"),
        ("\udcff.yaml", "%FF.yaml"),  # a file name that is not UTF-8
    ],
)
def test_sarif_percent_encodes_relative_paths(path, uri):
    location = sarif(report(replace(HOOK, path=path)))["results"][0]["locations"][0]
    assert location["physicalLocation"]["artifactLocation"] == {"uri": uri, "uriBaseId": "%SRCROOT%"}


def test_sarif_gives_absolute_paths_without_a_base():
    location = sarif(report(replace(HOOK, path="/srv/a b.yaml")))["results"][0]["locations"][0]
    assert location["physicalLocation"]["artifactLocation"] == {"uri": "file:///srv/a%20b.yaml"}


def test_sarif_fingerprints_stay_when_lines_move_and_change_with_what_is_meant():
    def prints(*findings: Finding) -> list[str]:
        return [result["partialFingerprints"]["aegisgen/v1"] for result in sarif(report(*findings))["results"]]

    (known,) = prints(HOOK)
    assert prints(replace(HOOK, line=40, column=9, fix="other words")) == [known]
    for change in ({"rule": "X"}, {"path": "x"}, {"resource": "x"}, {"message": "x"}):
        assert prints(replace(HOOK, **change)) != [known]
    first, second = prints(HOOK, replace(HOOK, line=9))
    assert first == known
    assert second != first


# GitHub


def test_github_annotates_with_one_line_a_finding():
    assert github(FULL) == [
        "::warning file=base/api.yaml,line=7,title=IMG001::mutable tag",
        "::notice file=base/api.yaml,title=KUS009::nothing names this file",
        "::error file=overlays/api/job.yaml,line=4,col=5,title=HOOK001%3A Unknown hook type::"
        "the hook type 'presync' is unknown%0Aresource: Job/aegisx-api-migration%0Afix: write PreSync",
        f"::notice title=skipped::{SKIPPED}",
        "::notice title=drift::--- a%0A+++ b%0A-x%0A+y%0A",
    ]


def test_github_escapes_what_would_end_a_property_or_the_message():
    finding = replace(TAG, path="a,b:c%0A.yaml", message="50%,\r\n::error::owned")
    assert github(report(finding)) == [
        "::warning file=a%2Cb%3Ac%250A.yaml,line=7,title=IMG001::50%25,\\r%0A::error::owned"
    ]


def test_github_says_nothing_for_a_clean_run():
    assert FORMATS["github"](report()) == ""
