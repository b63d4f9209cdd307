"""Lines of plain YAML: one line, the lines behind a `|`, brackets on one line. See `yamlplain`."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Final, NamedTuple

from aegisgen.yamlscalars import scalar, tag_of

_PARTS = re.compile(r"(?P<indent> *)(?P<dash>- +)?(?:(?P<key>[A-Za-z0-9_.$/][A-Za-z0-9_.$/-]*):( +|\Z))?(?P<rest>.*)\Z")
# Nothing that was taken is given back, so that no line takes longer than it is long. By atomic groups: possessive
# quantifiers of a group match too much before Python 3.11.5 (python/cpython#106052).
_VALUE = re.compile(
    r'(?:"(?P<double>(?>(?:[^"\\]|\\["\\nt])*))"'
    r"|'(?P<single>(?>(?:[^']|'')*))'"
    r"|(?P<word>(?:[A-Za-z0-9_.$/(+~<=;^\\]|-(?=[^ ]))(?>(?:[^ :#]++|:(?=[^ ])|(?<=[^ ])#| ++(?=[^ #]))*))"
    r"|(?P<literal>\|[-+]?)"
    r"|(?P<flow>[\[{].*[\]}])"
    r") *(?:(?<= )#.*)?\Z"
)
# What may stand between the brackets of one line. A word takes in single blanks, and colons in the middle.
_TOKEN = re.compile(
    r" *(?:(?P<open>[\[{])|(?P<close>[\]}])|(?P<comma>,)"
    r"|(?P<key>[A-Za-z0-9_.$/][A-Za-z0-9_.$/-]*): +"
    r'|"(?P<double>[^"\\]*)"'
    r"|'(?P<single>[^']*)'"
    r"|(?P<word>(?:[A-Za-z0-9_.$/+=~]|-(?=[A-Za-z0-9]))"
    r"(?:[A-Za-z0-9_.$/+=~@%*-]|:(?=[A-Za-z0-9/])| (?=[A-Za-z0-9]))*)(?= *[,\]}]))"
)
SKIPPED, VALUED, OPEN, LITERAL, FLOW, FOREIGN = range(6)
PRINTABLE = bytes(range(ord(" "), ord("~") + 1)) + b"\n"
# A longer line is hardly met a second time, and is not worth keeping.
_MAX_KEPT, _MAX_LINES = 160, 16384
# By how they begin; larger ones, and more of them, are not worth the memory.
_BLOCKS: dict[str, tuple[str, str]] = {}
_HEAD, _MAX_BLOCK, _MAX_BLOCKS = 200, 65536, 64
_SHORT = re.compile(r"\n +(?=\n)")
# The bounds of a double, beyond which there are no numbers in JSON.
_TOO_LARGE = 2**1023
# Keys may be no longer than this in YAML; lists and mappings may be nested deeper, but the other reader counts that.
MAX_KEY, MAX_DEPTH = 1000, 100


class _Line(NamedTuple):
    """One line: its indentation, where its list item begins (-1: it is none), its key, and what follows that."""

    kind: int
    indent: int = 0
    item: int = -1
    key: str | None = None
    at: int = 0
    """The column of the value, or right behind the colon where there is none."""
    value: object = None


# At no indentation that anything else is at.
_NOTHING: Final = _Line(SKIPPED, -2)
_UNREADABLE: Final = _Line(FOREIGN, -2)
# Lines that were met, each as a plain tuple, which is unpacked faster.
_Plain = tuple[int, int, int, str | None, int, object]
LINES: dict[str, _Plain] = {}

# Line and column of a key, then of its value, both from 0; an item of a list has one place twice.
Marks = dict[int, dict[str | int, tuple[int, int, int, int]]]


def line_of(line: str) -> _Plain:
    """Take a line apart. Manifests hold the same lines over and over, and so they are kept."""
    kind, indent, item, key, at, value = _apart(line)
    found = (kind, indent, item, key, at, value)
    if len(line) <= _MAX_KEPT:
        if len(LINES) >= _MAX_LINES:
            LINES.clear()
        LINES[line] = found
    return found


def _apart(line: str) -> _Line:
    match = _PARTS.match(line)
    if match is None:  # it always matches; mypy wants to know
        return _UNREADABLE
    indent, dash, key, _, rest = match.groups()
    if key is None and not dash:
        return _NOTHING if not rest or rest[0] == "#" else _UNREADABLE
    column = len(indent)
    item = column + len(dash) if dash else -1
    if rest and rest[0] != "#":
        return _valued(_Line(VALUED, column, item, key, match.start("rest")), rest)
    if key is None or len(key) > MAX_KEY:  # a dash alone, which is rare
        return _UNREADABLE
    return _Line(OPEN, column, item, key, max(column, item) + len(key) + 1)


def _valued(line: _Line, rest: str) -> _Line:  # noqa: PLR0911
    found = _VALUE.match(rest)
    if found is None or len(line.key or "") > MAX_KEY:
        return _UNREADABLE
    kind = found.lastgroup or ""
    written = found[kind]
    if kind == "literal":
        return line._replace(kind=LITERAL, value=written[1:])
    if kind == "flow":  # read where it is used: what is kept here must not be changed by anybody
        return line._replace(kind=FLOW, value=written)
    if kind == "double":
        return line._replace(value=json.loads(f'"{written}"') if "\\" in written else written)
    if kind == "single":
        return line._replace(value=written.replace("''", "'"))
    try:
        return line._replace(value=_word(written))
    except ValueError:
        return _UNREADABLE


def _word(written: str) -> object:
    """Return what a word means. Raises ValueError where that is nothing, or a number that JSON has not."""
    value = scalar(tag_of(written), written)
    if isinstance(value, int | float) and not -_TOO_LARGE < value < _TOO_LARGE:  # nan is neither
        raise ValueError(written)
    return value


def literal(text: str, start: int, level: int, chomping: str) -> tuple[int, str | None]:
    """Read the lines behind a `|`, and return where they end; None: not plain."""
    first = start
    while text.startswith("\n", first):
        first += 1
    line = text[first : text.find("\n", first)]
    margin = len(line) - len(line.lstrip(" "))
    if margin <= level or margin == len(line):
        return start, None
    end, content = _block(text, first, margin, chomping)
    return end, content if content is None or first == start else "\n" * (first - start) + content


def _block(text: str, start: int, margin: int, chomping: str) -> tuple[int, str | None]:
    """Read lines with a margin, and return where they end and what they hold without it; None: not plain.

    Scripts are the same in many files. Where a text goes on like one before, it is that one: it need not be read again,
    and whoever looks at it later knows it, too.
    """
    below = _outdented(margin)
    head = chomping + text[start : start + _HEAD]
    if known := _BLOCKS.get(head):
        written, content = known
        end = start + len(written)
        if text.startswith(written, start) and (end == len(text) or below.match(text, end - 1)):
            return end, content
    found = below.search(text, start)
    end = found.end() if found else len(text)
    written = text[start:end]
    if written.encode().translate(None, PRINTABLE):
        return end, None
    if _SHORT.search(written):
        content = "\n".join(line[margin:] for line in written.split("\n"))
    else:
        content = written[margin:].replace("\n" + " " * margin, "\n")
    if chomping != "+":
        content = content.rstrip("\n") + ("" if chomping else "\n")
    if len(written) <= _MAX_BLOCK:
        if len(_BLOCKS) >= _MAX_BLOCKS:
            _BLOCKS.clear()
        _BLOCKS[head] = written, content
    return end, content


@lru_cache(maxsize=64)
def _outdented(margin: int) -> re.Pattern[str]:
    return re.compile(f"\\n(?= {{0,{margin - 1}}}[^ \\n])")


def flow(text: str, line: int, column: int, marks: Marks | None) -> dict[str, object] | list[object] | None:  # noqa: PLR0911, PLR0912
    """Read a list or mapping in brackets on one line, None where it is not plain."""
    outer: list[dict[str, object] | list[object]] = []
    top: dict[str, object] | list[object] | None = None
    key: str | None = None
    key_at = at = 0
    complete = False
    place = 0
    while match := _TOKEN.match(text, place):
        kind, at, place = match.lastgroup or "", column + match.start(match.lastgroup or 0), match.end()
        written = match[kind]
        if kind == "comma":
            if not complete:
                return None
            complete = False
            continue
        if kind == "close":
            # neither a comma nor a key may be left open, and an empty pair has neither
            if (not complete and top) or key is not None or (written == "]") != isinstance(top, list):
                return None
            if not outer:
                return top if place == len(text) else None
            top, complete = outer.pop(), True
            continue
        if complete:
            return None
        if kind == "key":
            if key is not None or not isinstance(top, dict) or written in top:
                return None
            key, key_at = written, at
            continue
        value: object = written
        if kind == "open":
            value = {} if written == "{" else []
        elif kind == "word":
            try:
                value = _word(written)
            except ValueError:
                return None
        if kind in ("double", "single"):
            at -= 1
        if isinstance(top, list):
            top.append(value)
            if marks is not None:
                marks.setdefault(id(top), {})[len(top) - 1] = (line, at, line, at)
        elif isinstance(top, dict):
            if key is None:
                return None
            top[key] = value
            if marks is not None:
                marks.setdefault(id(top), {})[key] = (line, key_at, line, at)
            key = None
        complete = True
        if isinstance(value, dict | list):
            if top is not None:
                outer.append(top)
            top, complete = value, False
            if len(outer) > MAX_DEPTH:
                return None
    return None
