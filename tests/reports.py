"""What the tests of reports share: a finding, and a report of what was found."""

from __future__ import annotations

import json
from functools import cache

import jsonschema_rs
import xmlschema

from aegisgen.errors import Finding, Severity
from aegisgen.report import Report
from tests.conftest import ROOT

_FOLDER = ROOT / "tests/fixtures/report"

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


@cache
def sarif_schema() -> jsonschema_rs.Validator:
    """Return the validator of SARIF logs."""
    schema = json.loads((_FOLDER / "sarif-schema-2.1.0.json").read_text(encoding="utf-8"))
    return jsonschema_rs.validator_for(schema, validate_formats=True)


@cache
def junit_schema() -> xmlschema.XMLSchema:
    """Return the validator of JUnit reports."""
    return xmlschema.XMLSchema(str(_FOLDER / "junit-10.xsd"))
