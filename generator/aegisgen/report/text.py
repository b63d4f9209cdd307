"""Findings for people: the place, the message, the source line with a caret, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from aegisgen.errors import Finding, Severity
from aegisgen.kube.credentials import secret_text
from aegisgen.output.numbers import counted
from aegisgen.output.visible import visible, visible_character, visible_lines, width
from aegisgen.report.model import Report, position

_BOLD, _RED, _GREEN, _YELLOW, _BLUE, _CYAN = "1", "31", "32", "33", "34", "36"
_SEVERITY = {Severity.ERROR: f"{_BOLD};{_RED}", Severity.WARNING: f"{_BOLD};{_YELLOW}", Severity.INFO: _CYAN}
_DIFF = {"+": _GREEN, "-": _RED, "@": _CYAN}


def render(report: Report) -> str:
    """Return the findings, the diff of drift, the skipped checks and a summary line.

    Whatever control characters the report holds come out as visible escapes (`\\x1b`): a manifest cannot drive the
    terminal. The only escapes in the result are colours, and those only if `report.color`.
    """
    painter = _Painter(report)
    blocks = ["\n".join(painter.finding(finding)) for finding in report.findings]
    if report.diff:
        blocks.append("\n".join(painter.diff()))
    if report.skipped:
        blocks.append("\n".join(f"skipped: {visible_lines(line)}" for line in report.skipped))
    blocks.append(_summary(report))
    return "\n\n".join(blocks) + "\n"


class _Painter:
    """Holds what every finding needs again: the colour switch and the files' lines, split once each."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._lines: dict[str, list[str]] = {}

    def finding(self, finding: Finding) -> Iterator[str]:
        color = _SEVERITY[finding.severity]
        place = self._paint(_BOLD, "".join(f"{part}:" for part in (visible(finding.path), position(finding)) if part))
        label = self._paint(color, f"{finding.severity.value}[{visible(finding.rule)}]")
        yield " ".join(part for part in (place, label, visible_lines(finding.message)) if part)

        gutter = " " * len(str(finding.line or ""))
        bar = f"{gutter} {self._paint(_BLUE, '|')}"
        source = self._source(finding)
        if source is not None:
            shown, caret = excerpt(source, finding.column)
            yield bar
            yield f"{self._paint(_BLUE, f'{finding.line} |')} {shown}".rstrip(" ")
            if finding.column:
                yield f"{bar} {' ' * caret}{self._paint(color, '^')}"
        for name, value in (("resource", finding.resource), ("fix", finding.fix)):
            if value:
                yield f"{gutter} {self._paint(_BLUE, '=')} {self._paint(_BOLD, f'{name}:')} {visible_lines(value)}"

    def diff(self) -> Iterator[str]:
        for line in self._report.diff.removesuffix("\n").split("\n"):
            heading = line.startswith(("--- ", "+++ "))
            yield self._paint(_BOLD if heading else _DIFF.get(line[:1], ""), visible(line))

    def _source(self, finding: Finding) -> str | None:
        if (finding.path, finding.line) in self._report.withheld:
            return None
        lines = self._lines.get(finding.path)
        if lines is None:
            text = self._report.sources.get(finding.path)
            lines = self._lines[finding.path] = [] if text is None else text.split("\n")
        line = lines[finding.line - 1].removesuffix("\r") if 0 < finding.line <= len(lines) else None
        return None if line is None or secret_text(line) else line

    def _paint(self, color: str, text: str) -> str:
        return f"\x1b[{color}m{text}\x1b[0m" if self._report.color and color and text else text


def _summary(report: Report) -> str:
    files = counted(report.checked, "file")
    counts = [counted(report.count(severity), severity.value) for severity in Severity if report.count(severity)]
    if counts:
        summary = f"{', '.join(counts)} in {files}"
    elif report.diff:
        summary = f"drift, and no other findings in {files}"
    else:
        summary = f"{files} checked, no findings"
    return f"{summary}, {counted(len(report.skipped), 'check')} skipped" if report.skipped else summary


WIDEST = 100
# How much of that lies before the column: what leads to a value tells more than what follows it.
_BEFORE = 60
_CUT = "..."


class Excerpt(NamedTuple):
    """Printable text, at most `WIDEST` columns and two ellipses wide, and how many columns precede the caret."""

    text: str
    caret: int


def excerpt(line: str, column: int) -> Excerpt:
    """Show `line` around `column`, which counts characters from 1; a column past the end points behind the line."""
    at = max(0, min(column - 1, len(line)))
    if len(line) <= WIDEST and line.isascii() and line.isprintable():  # as nearly all are
        return Excerpt(line, at)
    # Hardly a character is less than a column wide, so that no more than these are ever shown. The whole line would
    # be too much to measure: it may be as long as the file.
    head = [visible_character(character) for character in line[max(0, at - WIDEST) : at]]
    tail = [visible_character(character) for character in line[at : at + WIDEST]]
    if _total(head) + _total(tail) > WIDEST:
        head = _fitting(head[::-1], _BEFORE)[::-1]
        tail = _fitting(tail, WIDEST - _total(head))
    left = _CUT if len(head) < at else ""
    right = _CUT if at + len(tail) < len(line) else ""
    return Excerpt(left + "".join(head) + "".join(tail) + right, len(left) + _total(head))


def _total(characters: list[str]) -> int:
    return sum(map(width, characters))


def _fitting(characters: list[str], room: int) -> list[str]:
    for index, character in enumerate(characters):
        room -= width(character)
        if room < 0:
            return characters[:index]
    return characters
