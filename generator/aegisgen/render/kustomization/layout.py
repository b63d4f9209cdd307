"""Where the parts of a YAML text stand, by character: what an edit needs that keeps every other byte."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator

import yaml

from aegisgen.record import Record

# YAML 1.1 breaks lines at all of these, and both libyaml and kustomize's reader do as it says.
_BREAKS = "\n\r\x85\u2028\u2029"
_BREAK = re.compile(f"\r\n|[{_BREAKS}]")
BLANK = " \t" + _BREAKS


class UnsafeError(Exception):
    """The text cannot be edited safely; `index` is the character at which the reason stands, if it is known."""

    def __init__(self, reason: str, index: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.index = index


class Node(Record):
    """A part of the text: `text[start:end]`, without the comments and blank lines that follow.

    `kind` is scalar, list, mapping or alias. `style` is the quote or the block indicator of a scalar (empty for a plain
    one) and `flow` or `block` for a collection. The children of a mapping are its keys and values by turns.
    """

    kind: str
    start: int
    end: int
    style: str = ""
    value: str = ""
    children: tuple[Node, ...] = ()

    def pairs(self) -> tuple[tuple[Node, Node], ...]:
        """The keys and values of a mapping."""
        return tuple(zip(self.children[::2], self.children[1::2], strict=True))


class Layout(Record):
    """The parts of one document. `root` is None where it holds nothing; `end` is its `...` or the end of the text."""

    text: str
    root: Node | None
    end: int
    dashes: tuple[int, ...]
    commas: tuple[int, ...]

    def pair(self, key: str) -> tuple[Node, Node] | None:
        """Return the node of a top-level key and that of its value; None where the text does not spell the key."""
        pairs = self.root.pairs() if self.root else ()
        return next(((name, value) for name, value in pairs if name.kind == "scalar" and name.value == key), None)

    def dash(self, item: Node) -> int:
        """Return where the `-` of an item of a block list stands."""
        return self.dashes[bisect_left(self.dashes, item.start) - 1]

    def comma(self, start: int, end: int) -> int | None:
        """Return the first comma of a flow collection in `text[start:end]`."""
        at = bisect_left(self.commas, start)
        return self.commas[at] if at < len(self.commas) and self.commas[at] < end else None

    def line_start(self, index: int) -> int:
        """Return where the line of the character at `index` begins."""
        return max(self.text.rfind(character, 0, index) for character in _BREAKS) + 1

    def line_end(self, index: int) -> int:
        """Return where the line of the character at `index` ends, before its line break."""
        found = _BREAK.search(self.text, index)
        return found.start() if found else len(self.text)

    def column(self, index: int) -> int:
        """Return how many characters stand before `index` on its line."""
        return index - self.line_start(index)

    def starts_line(self, index: int) -> bool:
        """Whether only white space stands before `index` on its line."""
        return not self.text[self.line_start(index) : index].strip(" \t")

    def after_break(self, index: int) -> int | None:
        """Return where the next line begins, given the end of a line; None at the end of the text."""
        found = _BREAK.match(self.text, index)
        return found.end() if found else None

    def before_break(self, index: int) -> int:
        """Return where the previous line ends, given the start of a line; 0 on the first line."""
        return max(0, index - (2 if self.text.startswith("\r\n", max(0, index - 2)) else 1))

    def newline(self, index: int) -> str:
        """Return the line break for a new line at `index`: that of its line, else the first of the text."""
        found = _BREAK.match(self.text, index) or _BREAK.search(self.text)
        return found[0] if found and found[0] in {"\r\n", "\r"} else "\n"

    def content_end(self, node: Node) -> int:
        """Return the end of the last line of a node in block style, its comment included, before the line break."""
        while node.style == "block" and node.children:
            node = node.children[-1]
        if node.kind == "scalar" and node.style in {"|", ">"} and self.line_start(node.end) == node.end:
            # libyaml counts all blank lines that follow; they belong to the text under `|+` and where they hold spaces.
            kept = node.value.endswith("\n\n") or not node.value.rstrip("\n") or node.value.rstrip("\n")[-1] in " \t"
            return self.before_break(node.end) if kept else len(self.text[: node.end].rstrip(BLANK))
        return self.line_end(node.end)


def lines(text: str) -> list[str]:
    """Cut a text at its line breaks, which are left out."""
    return _BREAK.split(text)


def read(text: str) -> Layout:
    """Locate the parts of a text that holds at most one document and no byte order mark.

    Raises yaml.YAMLError where it is not YAML, UnsafeError where there is a second document.
    """
    dashes, commas = [], []
    for token in yaml.scan(text, Loader=yaml.CSafeLoader):
        if isinstance(token, yaml.BlockEntryToken):
            dashes.append(_start(token))
        elif isinstance(token, yaml.FlowEntryToken):
            commas.append(_start(token))
    root, end, documents = None, len(text), 0
    events = yaml.parse(text, Loader=yaml.CSafeLoader)
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise UnsafeError("a second YAML document, expected one", _start(event))
            root = _node(next(events), events)
        elif isinstance(event, yaml.DocumentEndEvent) and event.explicit:
            end = _start(event)
    if root and root.kind == "scalar" and root.start == root.end:
        root = None
    return Layout(text, root, end, tuple(dashes), tuple(commas))


def _node(event: yaml.Event, events: Iterator[yaml.Event]) -> Node:
    start, end = _start(event), _end(event)
    if isinstance(event, yaml.ScalarEvent):
        return Node("scalar", start, end, event.style or "", event.value)
    if not isinstance(event, yaml.CollectionStartEvent):
        return Node("alias", start, end)
    kind = "list" if isinstance(event, yaml.SequenceStartEvent) else "mapping"
    children = []
    while not isinstance(inner := next(events), yaml.CollectionEndEvent):
        children.append(_node(inner, events))
    # A block collection ends for libyaml where the next thing begins, and so does the mapping in `[a: b]`.
    end = _end(inner) if event.flow_style and _end(inner) > _start(inner) else children[-1].end
    return Node(kind, start, end, "flow" if event.flow_style else "block", "", tuple(children))


def _start(event: yaml.Event | yaml.Token) -> int:
    return event.start_mark.index if event.start_mark else 0


def _end(event: yaml.Event) -> int:
    return event.end_mark.index if event.end_mark else 0
