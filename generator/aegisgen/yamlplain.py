"""The plain YAML that most manifests are written in, read line by line, several times as fast as any YAML there is.

Plain is: printable ASCII, block mappings and lists, keys without quotes, values on one line (in brackets, too) or
behind `|`, numbers that JSON has. Whatever else a text holds makes it not plain, an error included: `yamlnodes` reads
it then, from the start, and finds the words for what is wrong. So this module decides nothing alone; tests hold it to
the other reader's every value and position.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aegisgen.yamllines import (
    FLOW,
    FOREIGN,
    LINES,
    LITERAL,
    MAX_DEPTH,
    OPEN,
    PRINTABLE,
    SKIPPED,
    Marks,
    flow,
    line_of,
    literal,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


class Places:
    """Where the parts of a plain document stand."""

    def __init__(self, root: object, marks: Marks, start: tuple[int, int]) -> None:
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
    marks: Marks = {}
    root = _read(text, marks)
    if root is None:
        return None
    start = marks.pop(0)[0]
    return Places(root, marks, start[:2])


def _read(text: str, marks: Marks | None) -> dict[str, object] | list[object] | None:  # noqa: PLR0911, PLR0912, PLR0915
    # One long loop: it runs once a line, and a call a line would cost as much as all that it does.
    if not text.endswith("\n") or not text.isascii():
        return None
    known = LINES
    root: dict[str, object] | list[object] | None = None
    top: dict[str, object] | list[object] = {}
    level = -1
    ready = -1
    """The indentation at which a key goes into `top` without further ado."""
    outer: list[tuple[int, dict[str, object] | list[object]]] = []
    waiting: str | None = None
    place, number, size = (4, 1, len(text)) if text.startswith("---\n") else (0, 0, len(text))
    while place < size:
        # What stands behind a `|` is taken in one piece, so the lines end there.
        bar = text.find("|", place)
        end = size if bar < 0 else text.index("\n", bar) + 1
        lines = text[place : end - 1]
        if lines.encode().translate(None, PRINTABLE):
            return None
        place = end
        for line in lines.split("\n"):
            kind, indent, item, key, at, value = known.get(line) or line_of(line)
            number += 1
            if indent != ready or item >= 0:
                if kind == SKIPPED:
                    continue
                if kind == FOREIGN:
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
                        if len(outer) > MAX_DEPTH:
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
                ready = -1 if type(top) is list else level
            if kind == LITERAL:
                place, value = literal(text, end, level, str(value))
                if value is None:
                    return None
            elif kind == FLOW:
                value = flow(str(value), number - 1, at, marks)
                if value is None:
                    return None
            if type(top) is list:
                top.append(value)
                if marks is not None:
                    marks.setdefault(id(top), {})[len(top) - 1] = (number - 1, at, number - 1, at)
                continue
            if key is None or key in top:
                return None
            top[key] = value  # type: ignore[call-overload]  # mypy loses what the first branch told it
            if marks is not None:
                column = indent if item < 0 else item
                marks.setdefault(id(top), {})[key] = (number - 1, column, number - 1, at)
            if kind == OPEN:
                waiting, ready = key, -1
        number += text.count("\n", end, place)
    return root
