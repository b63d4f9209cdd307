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
    found: list[str] = []
    start = place = depth = 0
    while match := _TOKEN.search(text, place):
        place = match.end()
        kind = match.lastgroup
        if kind == "comment" and match[0] == "/*":
            place = _end_of_comment(text, place)
        elif kind == "dollar":
            close = text.find(match[0], place)
            place = len(text) if close < 0 else close + len(match[0])
        elif kind == "atomic":
            depth += 1
        elif kind == "case":
            depth += depth > 0
        elif kind == "end":
            depth = max(depth - 1, 0)
        elif kind == "semicolon" and not depth:
            found.append(text[start : match.start()].strip())
            start = place
    found.append(text[start:].strip())
    return tuple(one for one in found if not _is_blank(one))


def _end_of_comment(text: str, place: int) -> int:
    depth = 1
    while depth:
        match = _COMMENT.search(text, place)
        if not match:
            return len(text)
        depth += 1 if match[0] == "/*" else -1
        place = match.end()
    return place


def _is_blank(text: str) -> bool:
    while match := _TOKEN.match(text):
        if match.lastgroup != "comment":
            return False
        end = _end_of_comment(text, match.end()) if match[0] == "/*" else match.end()
        text = text[end:].lstrip()
    return not text
