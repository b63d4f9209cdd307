"""Findings as SARIF 2.1.0, which GitHub code scanning, GitLab and editors read.

Source: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0 plus Errata 01"; sections are named
where they decide something.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from urllib.parse import quote

from aegisgen.errors import Finding, Severity
from aegisgen.report.model import Report, RuleInfo, prose

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_ROOT = "%SRCROOT%"


def render(report: Report) -> str:
    """Return the report as a SARIF log with one run."""
    ids = sorted({*report.rules, *(finding.rule for finding in report.findings)})
    invocation = {
        "executionSuccessful": True,
        "toolExecutionNotifications": [
            {"level": "warning", "message": {"text": f"skipped: {line}"}} for line in report.skipped
        ],
    }
    run = {
        "tool": {
            "driver": {
                "name": "aegisgen",
                "version": report.version,
                "rules": [_rule(name, report.rules.get(name)) for name in ids],
            }
        },
        "invocations": [invocation],
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The directory that aegisgen ran in."}}},
        "columnKind": "unicodeCodePoints",
        "results": list(_results(report.findings, {name: index for index, name in enumerate(ids)})),
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(name: str, info: RuleInfo | None) -> dict[str, object]:
    if info is None:
        return {"id": name}
    explanation = info.explanation or info.title
    source = f"\n\nSource: {info.source}" if info.source else ""
    return {
        "id": name,
        "shortDescription": {"text": info.title},
        "fullDescription": {"text": explanation},
        "help": {"text": explanation + source},
        "defaultConfiguration": {"level": _LEVELS[info.severity]},
    }


def _results(findings: Iterable[Finding], indexes: Mapping[str, int]) -> Iterator[dict[str, object]]:
    seen: Counter[str] = Counter()
    for finding in findings:
        digest = _digest(finding)
        seen[digest] += 1
        result: dict[str, object] = {
            "ruleId": finding.rule,
            "ruleIndex": indexes[finding.rule],
            "level": _LEVELS[finding.severity],
            "message": {"text": prose(finding)},
            # The number tells equal findings of one file apart, in the order of their lines.
            "partialFingerprints": {"aegisgen/v1": f"{digest}:{seen[digest]}"},
        }
        location = _location(finding)
        if location:
            result["locations"] = [location]
        yield result


def _digest(finding: Finding) -> str:
    """Hash what stays when lines move, so that a known finding stays known (3.27.17)."""
    parts = (finding.rule, finding.path, finding.resource, finding.message)
    return sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _location(finding: Finding) -> dict[str, object]:
    location: dict[str, object] = {}
    if finding.path:
        physical: dict[str, object] = {"artifactLocation": _artifact(finding.path)}
        if finding.line:
            region = {"startLine": finding.line}
            if finding.column:
                region["startColumn"] = finding.column
            physical["region"] = region
        location["physicalLocation"] = physical
    if finding.resource:
        location["logicalLocations"] = [{"fullyQualifiedName": finding.resource, "kind": "resource"}]
    return location


def _artifact(path: str) -> dict[str, object]:
    # A name that is not UTF-8 comes from the file system as surrogates, and goes into the URI as its own bytes.
    uri = quote(path, errors="surrogateescape")
    if path.startswith("/"):  # SARIF forbids a base beside an absolute URI
        return {"uri": f"file://{uri}"}
    return {"uri": uri, "uriBaseId": _ROOT}
