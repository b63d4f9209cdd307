"""The plain YAML that most manifests are written in, read line by line, several times as fast as any YAML there is.

Plain is: printable ASCII, block mappings and lists, keys without quotes, values on one line (in brackets, too)
or behind `|`. Whatever
else a text holds makes it not plain, an error included: `yamlnodes` reads it then, from the start, and finds the words
for what is wrong. So this module decides nothing alone; tests hold it to the other reader's every value and position.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from aegisgen.yamlscalars import scalar, tag_of

if TYPE_CHECKING:
    from collections.abc import Sequence

_LINE = re.compile(r"(?P<indent> *)(?P<dash>- +)?(?:(?P<key>[A-Za-z0-9_.$/][A-Za-z0-9_.$/-]*):( +|\Z))?(?P<rest>.*)\Z")
# Possessive, so that no line takes longer than it is long.
_VALUE = re.compile(
    r'(?:"(?P<double>(?:[^"\\]|\\["\\nt])*+)"'
    r"|'(?P<single>(?:[^']|'')*+)'"
    r"|(?P<word>(?:[A-Za-z0-9_.$/(+~<=;^\\]|-(?=[^ ]))(?:[^ :#]++|:(?=[^ ])|(?<=[^ ])#| ++(?=[^ #]))*+)"
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
    r"(?:[A-Za-z0-9_.$/+=~@%-]|:(?=[A-Za-z0-9/])| (?=[A-Za-z0-9]))*)(?= *[,\]}]))"
)
_SKIPPED, _VALUED, _OPEN, _LITERAL, _FLOW, _FOREIGN = range(6)
# A longer line is hardly met a second time, and is not worth keeping.
_MAX_KEPT = 160
# Keys may be no longer than this in YAML; lists and mappings may be nested deeper, but the other reader counts that.
_MAX_KEY, _MAX_DEPTH = 1000, 100


class _Line(NamedTuple):
    """One line: its indentation, where its list item begins (-1: it is none), its key, and what follows that."""

    kind: int
    indent: int = 0
    item: int = -1
    key: str | None = None
    at: int = 0
    """The column of the value, or right behind the colon where there is none."""
    value: object = None


_NOTHING: Final = _Line(_SKIPPED)
_UNREADABLE: Final = _Line(_FOREIGN)

# Line and column of a key, then of its value, both from 0; an item of a list has one place twice.
_Marks = dict[int, dict[str | int, tuple[int, int, int, int]]]


class Places:
    """Where the parts of a plain document stand."""

    def __init__(self, root: object, marks: _Marks, start: tuple[int, int]) -> None:
        self._root = root
        self._marks = marks
        self._start = start

    def find(self, path: Sequence[str | int], *, key: bool) -> tuple[int, int] | None:
        """Return line and column, from 0, of the value at `path` or of its key; of the last part that exists."""
        node, mark = self._root, self._start
        for index, part in enumerate(path):
            name: str | int = part if isinstance(node, list) else str(part)
            found = self._marks.get(id(node), {}).get(name)
            if found is None:
                break
            node = node[name]  # type: ignore[index]  # it has marks, and so parts
            mark = found[:2] if key and index == len(path) - 1 else found[2:]
        return mark


def read(text: str) -> dict[str, object] | list[object] | None:
    """Return the content of one document, None where it is not plain (an empty one is not, either)."""
    return _read(text, None)


def places(text: str) -> Places | None:
    """Return where everything stands in a plain document, None for any other."""
    marks: _Marks = {}
    root = _read(text, marks)
    if root is None:
        return None
    start = marks.pop(0)[0]
    return Places(root, marks, start[:2])


def _read(text: str, marks: _Marks | None) -> dict[str, object] | list[object] | None:  # noqa: PLR0911, PLR0912, PLR0915
    # One long loop: it runs once a line, and a call a line would cost as much as all that it does.
    if not text.endswith("\n") or not text.isascii() or not text.replace("\n", "").isprintable():
        return None
    lines = text.split("\n")
    lines.pop()
    last = len(lines)
    number = 1 if lines[0] == "---" else 0
    root: dict[str, object] | list[object] | None = None
    top: dict[str, object] | list[object] = {}
    level = -1
    outer: list[tuple[int, dict[str, object] | list[object]]] = []
    waiting: str | None = None
    while number < last:
        line = lines[number]
        kind, indent, item, key, at, value = _line(line) if len(line) <= _MAX_KEPT else _line.__wrapped__(line)
        number += 1
        if kind == _SKIPPED:
            continue
        if kind == _FOREIGN:
            return None
        if root is None or (waiting is not None and (indent >= level if item >= 0 else indent > level)):
            new: dict[str, object] | list[object] = {} if item < 0 else []
            if root is None:
                root = new
                if marks is not None:
                    marks[0] = {0: (number - 1, indent, 0, 0)}
            else:
                if marks is not None:
                    before = marks[id(top)][waiting or ""]
                    marks[id(top)][waiting or ""] = (before[0], before[1], number - 1, indent)
                top[waiting] = new  # type: ignore[index,call-overload]  # only a mapping waits
                outer.append((level, top))
                if len(outer) > _MAX_DEPTH:
                    return None
            top, level = new, indent
        else:
            while indent < level or (indent == level and item < 0 and type(top) is list):
                if not outer:
                    return None
                level, top = outer.pop()
        waiting = None
        if indent != level:
            return None
        if type(top) is list:
            if item < 0:
                return None
            if key is not None:
                new = {}
                top.append(new)
                if marks is not None:
                    marks.setdefault(id(top), {})[len(top) - 1] = (number - 1, item, number - 1, item)
                outer.append((level, top))
                top, level = new, item
        elif item >= 0 or key is None:
            return None
        if kind == _LITERAL:
            end, value = _literal(lines, number, level, str(value))
            if value is None:
                return None
        else:
            end = number
            if kind == _FLOW:
                value = _flow(str(value), number - 1, at, marks)
                if value is None:
                    return None
        if type(top) is list:
            top.append(value)
            if marks is not None:
                marks.setdefault(id(top), {})[len(top) - 1] = (number - 1, at, number - 1, at)
        else:
            if key is None or key in top:
                return None
            top[key] = value  # type: ignore[call-overload]  # mypy loses what the first branch told it
            if marks is not None:
                column = indent if item < 0 else item
                marks.setdefault(id(top), {})[key] = (number - 1, column, number - 1, at)
            if kind == _OPEN:
                waiting = key
        number = end
    return root


@lru_cache(maxsize=16384)
def _line(line: str) -> _Line:
    """Take a line apart. Manifests hold the same lines over and over."""
    match = _LINE.match(line)
    if match is None:  # it always matches; mypy wants to know
        return _UNREADABLE
    indent, dash, key, _, rest = match.groups()
    if key is None and not dash:
        return _NOTHING if not rest or rest[0] == "#" else _UNREADABLE
    column = len(indent)
    item = column + len(dash) if dash else -1
    if rest and rest[0] != "#":
        return _valued(_Line(_VALUED, column, item, key, match.start("rest")), rest)
    if key is None or len(key) > _MAX_KEY:  # a dash alone, which is rare
        return _UNREADABLE
    return _Line(_OPEN, column, item, key, max(column, item) + len(key) + 1)


def _valued(line: _Line, rest: str) -> _Line:  # noqa: PLR0911
    found = _VALUE.match(rest)
    if found is None or len(line.key or "") > _MAX_KEY:
        return _UNREADABLE
    kind = found.lastgroup or ""
    written = found[kind]
    if kind == "literal":
        return line._replace(kind=_LITERAL, value=written[1:])
    if kind == "flow":  # read where it is used: what is kept here must not be changed by anybody
        return line._replace(kind=_FLOW, value=written)
    if kind == "double":
        return line._replace(value=json.loads(f'"{written}"') if "\\" in written else written)
    if kind == "single":
        return line._replace(value=written.replace("''", "'"))
    try:
        return line._replace(value=scalar(tag_of(written), written))
    except ValueError:
        return _UNREADABLE


def _literal(lines: list[str], start: int, level: int, chomping: str) -> tuple[int, str | None]:
    """Read the lines behind a `|`, and return the number of the first one that is no part of it; None: not plain."""
    first = start
    while first < len(lines) and not lines[first]:
        first += 1
    if first == len(lines):
        return first, None
    margin = len(lines[first]) - len(lines[first].lstrip(" "))
    if margin <= level or margin == len(lines[first]):
        return first, None
    indent = " " * margin
    end = first + 1
    while end < len(lines) and (lines[end].startswith(indent) or not lines[end].strip(" ")):
        end += 1
    content = [line[margin:] for line in lines[start:end]]
    blank = 0
    while not content[-1]:
        content.pop()
        blank += 1
    text = "\n".join(content)
    if chomping == "-":
        return end, text
    return end, text + "\n" * (1 + blank if chomping else 1)


def _flow(text: str, line: int, column: int, marks: _Marks | None) -> dict[str, object] | list[object] | None:  # noqa: PLR0911, PLR0912
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
                value = scalar(tag_of(written), written)
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
            if len(outer) > _MAX_DEPTH:
                return None
    return None
