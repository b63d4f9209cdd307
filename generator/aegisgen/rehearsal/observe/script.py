"""A script of SQL as its statements, as far as that can be told without PostgreSQL's grammar.

What may hide a semicolon: PostgreSQL's documentation, "Lexical Structure" (strings, dollar quotes, comments that nest),
and the bodies of functions between BEGIN ATOMIC and END.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"(?P<comment>--[^\n]*|/\*)"
    r"|(?P<escaped>\b[eE]'(?:[^'\\]|\\.|'')*'?)"
    r"|(?P<string>'(?:[^']|'')*'?|\"(?:[^\"]|\"\")*\"?)"
    r"|(?P<dollar>(?<!\w)\$(?:[A-Za-z_]\w*)?\$)"
    r"|(?P<atomic>\bbegin\s+atomic\b)|(?P<case>\bcase\b)|(?P<end>\bend\b)|(?P<semicolon>;)",
    re.IGNORECASE | re.DOTALL,
)
_COMMENT = re.compile(r"/\*|\*/")


def split(text: str) -> tuple[str, ...]:
    """Return the statements of `text` without their semicolons; comments stay where they are, blanks around go."""
    statements: list[str] = []
    start = place = depth = 0
    blank = True
    while match := _TOKEN.search(text, place):
        blank = blank and not text[place : match.start()].strip()
        place = match.end()
        kind = match.lastgroup
        if kind == "comment":
            place = _end_of_comment(text, place) if match[0] == "/*" else place
        elif kind == "semicolon" and not depth:
            statements += [] if blank else [text[start : match.start()].strip()]
            start, blank = place, True
        else:
            blank = False
        if kind == "dollar":
            close = text.find(match[0], place)
            place = len(text) if close < 0 else close + len(match[0])
        elif kind == "atomic":
            depth += 1
        elif kind == "case":
            depth += depth > 0
        elif kind == "end":
            depth = max(depth - 1, 0)
    blank = blank and not text[place:].strip()
    return tuple(statements if blank else [*statements, text[start:].strip()])


def _end_of_comment(text: str, place: int) -> int:
    depth = 1
    while depth:
        match = _COMMENT.search(text, place)
        if not match:
            return len(text)
        depth += 1 if match[0] == "/*" else -1
        place = match.end()
    return place
