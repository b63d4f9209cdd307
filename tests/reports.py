"""What the tests of reports share: a finding, and a report of what was found."""

from __future__ import annotations

from aegisgen.findings import Finding, Severity
from aegisgen.report import Report

HOOK = Finding(
    path="overlays/api/job.yaml",
    line=4,
    column=5,
    rule="HOOK001",
    severity=Severity.ERROR,
    message="the hook type 'presync' is unknown",
    resource="Job/aegisx-api-migration",
    fix="write PreSync",
)


def report(*findings: Finding, **fields: object) -> Report:
    """Return a report of 14 files in which this was found; `fields` go over what it says besides."""
    usual = {"checked": 14, "skipped": (), "sources": {}, "diff": "", "rules": {}, "version": "1.2.3"}
    return Report(findings=findings, **{**usual, **fields})
