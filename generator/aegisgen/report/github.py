"""Findings as GitHub workflow commands, which GitHub shows as annotations beside the lines of a pull request.

Source: GitHub's docs, "Workflow commands for GitHub Actions"; the escapes are those that the runner takes back
(actions/runner, ActionCommand.cs): `%`, CR and LF anywhere, in a property also `:` and `,`.
"""

from __future__ import annotations

from aegisgen.errors import Finding, Severity
from aegisgen.output.visible import escaped
from aegisgen.report.model import Report, prose

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
# `%` comes with the others in one pass, so that no escape is escaped again.
_DATA = str.maketrans({"%": "%25", "\n": "%0A"})
_PROPERTY = _DATA | str.maketrans({":": "%3A", ",": "%2C"})


def render(report: Report) -> str:
    """Return one line a finding, then a notice for each skipped check and one for drift."""
    lines = [_annotation(finding, report) for finding in report.findings]
    lines += [_command("notice", {"title": "skipped"}, line) for line in report.skipped]
    if report.diff:
        lines.append(_command("notice", {"title": "drift"}, report.diff))
    return "".join(f"{line}\n" for line in lines)


def _annotation(finding: Finding, report: Report) -> str:
    info = report.rules.get(finding.rule)
    properties = {
        "file": finding.path,
        "line": str(finding.line or ""),
        "col": str(finding.column or "") if finding.line else "",
        "title": f"{finding.rule}: {info.title}" if info else finding.rule,
    }
    return _command(_COMMANDS[finding.severity], properties, prose(finding))


def _command(name: str, properties: dict[str, str], data: str) -> str:
    written = ",".join(f"{key}={escaped(value).translate(_PROPERTY)}" for key, value in properties.items() if value)
    return f"::{name} {written}".rstrip(" ") + f"::{escaped(data).translate(_DATA)}"
