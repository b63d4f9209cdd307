"""One line of a file, cut to what a terminal shows, and where the caret goes under it."""

from __future__ import annotations

from typing import NamedTuple

from aegisgen.report.visible import visible_character, width

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
    # A character is at least one column wide, but for combining marks: more than this many are never shown, and a
    # line may be as long as the file.
    first, last = max(0, at - WIDEST), at + WIDEST
    before = [visible_character(character) for character in line[first:at]]
    after = [visible_character(character) for character in line[at:last]]

    room = WIDEST
    whole = first == 0 and last >= len(line) and _total(before) + _total(after) <= WIDEST
    head = before if whole else _fitting(before[::-1], _BEFORE)[::-1]
    room -= _total(head)
    tail = after if whole else _fitting(after, room)
    left = _CUT if first or len(head) < len(before) else ""
    right = _CUT if last < len(line) or len(tail) < len(after) else ""
    return Excerpt(left + "".join(head) + "".join(tail) + right, len(left) + _total(head))


def _total(characters: list[str]) -> int:
    return sum(map(width, characters))


def _fitting(characters: list[str], room: int) -> list[str]:
    """Return as many characters from the start as `room` columns hold."""
    for index, character in enumerate(characters):
        room -= width(character)
        if room < 0:
            return characters[:index]
    return characters
