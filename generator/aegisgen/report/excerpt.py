"""One line of a file, cut to what a terminal shows, and where the caret goes under it."""

from __future__ import annotations

from typing import NamedTuple

from aegisgen.output.visible import visible_character, width

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
