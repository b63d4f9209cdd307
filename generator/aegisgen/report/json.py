"""Findings as JSON, for programs. The keys below are a promise: more may come, none goes or changes its meaning.

findings   a list, in order of path and line; each has `path`, `line`, `column` (both 0 where the finding has no
           place), `rule`, `severity` ("error", "warning" or "info"), `message`, `resource` and `fix` (both may
           be empty)
summary    `checked`, `errors`, `warnings`, `infos`: numbers
skipped    a list of strings, one for each check that could not run
diff       the unified diff of drift, empty where there is none
shard      only with `--shard`: which part this is, such as "2/4"
unsettled  only with `--shard`: findings, as above, that hold if every shard reports them
"""

from __future__ import annotations

import json

from aegisgen.errors import Severity
from aegisgen.record import asdict
from aegisgen.report.model import Report


def render(report: Report) -> str:
    """Return the report as one JSON object, in ASCII so that no terminal's encoding can spoil it."""
    document: dict[str, object] = {
        "findings": [asdict(finding) for finding in report.findings],
        "summary": {
            "checked": report.checked,
            "errors": report.count(Severity.ERROR),
            "warnings": report.count(Severity.WARNING),
            "infos": report.count(Severity.INFO),
        },
        "skipped": report.skipped,
        "diff": report.diff,
    }
    if report.shard:
        document["shard"] = report.shard
        document["unsettled"] = [asdict(finding) for finding in report.unsettled]
    return json.dumps(document, indent=2) + "\n"
