"""Findings that somebody has looked at and decided to live with: in the project file, on a resource, on a line."""

from __future__ import annotations

import glob
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase

from aegisgen.errors import Finding, Severity
from aegisgen.record import Record
from aegisgen.rules.check import place_in
from aegisgen.rules.configuration import NO_REASON, UNKNOWN, UNUSED
from aegisgen.rules.context import Context

ANNOTATION = "aegisgen.dev/ignore"

# Compiled where a file has such a comment.
_COMMENT = r"(?:^|[ \t])(?P<comment>#)[ \t]*aegisgen:[ \t]*ignore\[(?P<rules>[^\]]*)\](?P<reason>.*)"
_SILENT = re.compile(r"\s*(?:#|\Z)")
_ENTRY = r"(?s)\s*(?P<rules>[A-Za-z]\w*(?:\s*,\s*[A-Za-z]\d\w*)*)(?:[\s:]+(?P<reason>.*))?\Z"


class Ignore(Record):
    """One rule to be silent about, and why.

    `path`, `line` and `column` say where that is written. It holds for findings of `resource` (`Kind/name`) and in
    `file`, both shell patterns; on the lines `on`; and in the files `within`. Empty fields hold for everything.
    """

    rule: str
    reason: str
    path: str
    line: int = 0
    column: int = 0
    resource: str = ""
    file: str = ""
    on: tuple[int, ...] = ()
    within: frozenset[str] = frozenset()

    def covers(self, finding: Finding) -> bool:
        """Whether a finding is meant."""
        return (
            finding.rule == self.rule
            and (not self.resource or fnmatchcase(finding.resource, self.resource))
            and (not self.file or fnmatchcase(finding.path, self.file))
            and (not self.on or finding.line in self.on)
            and (not self.within or finding.path in self.within)
        )


def annotated(context: Context) -> list[Ignore]:
    """Return what the resources of a build say in `aegisgen.dev/ignore`: `H105 reason`, several on lines or by `;`."""
    ignores = []
    for resource in context.resources:
        value = resource.annotations.get(ANNOTATION)
        if value is None:
            continue
        place = place_in(context, resource, ("metadata", "annotations", ANNOTATION))
        within = frozenset(_files(context)) or frozenset({resource.document.source})
        for part in re.split(r"[;\n]", value):
            for rule, reason in _entries(part):
                line, column = place.position
                ignores.append(
                    Ignore(rule, reason, place.source, line, column, resource=str(resource.identity), within=within)
                )
    return ignores


def commented(path: str, content: str) -> list[Ignore]:
    """Return the comments `# aegisgen: ignore[H105] reason` of a file.

    One beside something is about its line; one on a line of its own is about the next line that is no comment.
    """
    if "aegisgen:" not in content:
        return []
    ignores = []
    lines = content.split("\n")
    for number, line in enumerate(lines, 1):
        match = re.search(_COMMENT, line)
        if not match:
            continue
        about = number
        if not line[: match.start("comment")].strip():
            about = next((at for at, text in enumerate(lines[number:], number + 1) if not _SILENT.match(text)), number)
        rules = [rule for word in match["rules"].split(",") if (rule := word.strip())]
        for rule in rules or [""]:
            where = (path, number, match.start("comment") + 1)
            ignores.append(Ignore(rule, match["reason"].strip(), *where, file=glob.escape(path), on=(about,)))
    return ignores


def settle(
    findings: Iterable[Finding],
    ignores: Iterable[Ignore],
    *,
    baseline: Collection[str] = (),
    severities: Mapping[str, Severity | None] | None = None,
) -> list[Finding]:
    """Return the findings that are left, and those about the ignores themselves, sorted.

    An ignore without a reason silences nothing. `baseline` holds fingerprints of findings known before (each occurs as
    often as it was known). `severities` is the project's, as in `Settings`.
    """
    ignores = list(dict.fromkeys(ignores))
    valid = [ignore for ignore in ignores if ignore.reason and _is_known(ignore.rule)]
    used: set[Ignore] = set()
    left = []
    for finding in findings:
        covering = [ignore for ignore in valid if ignore.covers(finding)]
        used.update(covering)
        if not covering:
            left.append(finding)
    left += _about(ignores, used, severities or {})
    return _unknown_to(baseline, sorted(set(left)))


def _about(
    ignores: Iterable[Ignore], used: Collection[Ignore], severities: Mapping[str, Severity | None]
) -> Iterator[Finding]:
    for ignore in ignores:
        if not _is_known(ignore.rule):
            yield from _finding(UNKNOWN, ignore, f"there is no rule {ignore.rule!r}", severities)
        elif not ignore.reason:
            message = f"{ignore.rule} is ignored without a reason, and so is not ignored"
            yield from _finding(NO_REASON, ignore, message, severities)
        elif ignore not in used:
            yield from _finding(UNUSED, ignore, f"nothing here breaks {ignore.rule}: the ignore can go", severities)


def _finding(rule: str, ignore: Ignore, message: str, severities: Mapping[str, Severity | None]) -> Iterator[Finding]:
    from aegisgen.rules.table import RULES  # noqa: PLC0415 -- most runs have nothing to ignore

    severity = severities.get(rule, RULES[rule].severity)
    if severity is not None:
        fix = RULES[rule].text.fix
        yield Finding(ignore.path, ignore.line, ignore.column, rule, severity, message, ignore.resource, fix)


def _entries(part: str) -> Iterator[tuple[str, str]]:
    match = re.match(_ENTRY, part)
    if match:
        for rule in match["rules"].split(","):
            yield rule.strip(), (match["reason"] or "").strip()


def _is_known(rule: str) -> bool:
    from aegisgen.rules.table import RULES  # noqa: PLC0415 -- most runs have nothing to ignore

    return rule in RULES


def _files(context: Context) -> Iterator[str]:
    if context.overlay:
        yield context.overlay.directory
        for layer in context.overlay.layers:
            yield layer.kustomization.source
        for member in context.overlay.members:
            yield member.place.source
            yield from (change.place.source for change in member.changes)


def _unknown_to(baseline: Collection[str], findings: list[Finding]) -> list[Finding]:
    if not baseline:
        return findings
    from aegisgen.rules.baseline import fingerprint  # noqa: PLC0415 -- few runs have one

    known = Counter(baseline)
    left = []
    for finding in findings:
        mark = fingerprint(finding)
        if known[mark] > 0:
            known[mark] -= 1
        else:
            left.append(finding)
    return left
