"""What a report is made of: the one record that every format renders."""

from __future__ import annotations

from collections.abc import Mapping

from aegisgen.errors import Finding, Severity
from aegisgen.record import Record


class RuleInfo(Record):
    """What a rule means, in words. `source` says where its fact comes from; `explanation` may have many lines."""

    id: str
    title: str
    severity: Severity
    explanation: str
    source: str


class Report(Record):
    """Everything that one run found.

    `findings` are sorted by path, line, column and rule; every format keeps their order. `checked` counts the files or
    resources that were looked at. `skipped` has a line for each check that could not run, such as
    `composition: kustomize not found, install it with ...`. `sources` gives the text of files, to show the line a
    finding is about, and may lack paths. `diff` is the unified diff of drift, empty where there is none. `rules` may
    lack rules that findings name. `version` is aegisgen's own.
    """

    findings: tuple[Finding, ...]
    checked: int
    skipped: tuple[str, ...]
    sources: Mapping[str, str]
    diff: str
    rules: Mapping[str, RuleInfo]
    version: str
    color: bool = False
    withheld: frozenset[tuple[str, int]] = frozenset()
    """Lines, by path and number, that hold a secret: no format shows them."""
    shard: str = ""
    """Which part of a whole this is: `2/4`. Empty: the whole."""
    unsettled: tuple[Finding, ...] = ()
    """Of a part: what is a finding of the whole only if all parts say so."""

    def count(self, severity: Severity) -> int:
        """Return how many findings have this severity."""
        return sum(finding.severity is severity for finding in self.findings)


def position(finding: Finding) -> str:
    """Return `line:column` as far as the finding has them: `4:28`, `4` or nothing."""
    return ":".join(str(number) for number in (finding.line, finding.line and finding.column) if number)


def prose(finding: Finding) -> str:
    """Return the message, then the resource and the fix on lines of their own, for formats without places for them."""
    lines = [finding.message]
    if finding.resource:
        lines.append(f"resource: {finding.resource}")
    if finding.fix:
        lines.append(f"fix: {finding.fix}")
    return "\n".join(lines)
