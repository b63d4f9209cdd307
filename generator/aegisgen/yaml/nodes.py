"""Any YAML text by way of libyaml's nodes: every feature, every error, every position."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import yaml

from aegisgen.errors import Problem
from aegisgen.record import Record
from aegisgen.yaml.scalars import STR, TAG, Dialect, scalar, tags
from aegisgen.yaml.scalars import key as key_of

# An alias is cheap to write and dear to follow: nine lines can stand for a billion nodes.
MAX_ALIASED_NODES = 20_000
# Deeper than any manifest, and shallow enough for the recursive reader below.
MAX_DEPTH = 200
# Beyond it JSON readers differ; a double ends at 2 ** 1024.
_LARGE = 2.0**1023


class _Mark(Protocol):
    line: int
    column: int


class _Loader(yaml.CSafeLoader):
    """Composes nodes; the words of plain scalars are resolved once each, which is most of the reading time."""

    def __init__(self, text: str, dialect: Dialect) -> None:
        super().__init__(text)
        self._tag_of = tags(dialect)

    def resolve(self, kind: type[yaml.Node], value: str | None, implicit: tuple[bool, bool]) -> str:
        if kind is yaml.ScalarNode:
            return self._tag_of(value or "") if implicit[0] else STR
        return TAG + ("seq" if kind is yaml.SequenceNode else "map")


class Places:
    """Where the parts of a document stand."""

    def __init__(self, text: str, dialect: Dialect) -> None:
        self._dialect = dialect
        self._root = _Loader(text, dialect).get_single_node()
        self._mappings: dict[int, dict[str, tuple[yaml.Node, _Mark]]] = {}

    def find(self, path: Sequence[str | int], *, key: bool) -> tuple[int, int] | None:
        """Return line and column, from 0, of the value at `path` or of its key; of the last part that exists."""
        node, mark = self._root, self._root.start_mark if self._root else None
        for index, part in enumerate(path):
            child = self._child(node, part)
            if child is None:
                break
            node, key_mark = child
            mark = key_mark if key and index == len(path) - 1 else node.start_mark
        return None if mark is None else (mark.line, mark.column)

    def _child(self, node: yaml.Node | None, part: str | int) -> tuple[yaml.Node, _Mark] | None:
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and 0 <= part < len(node.value):
            item = node.value[part]
            return item, item.start_mark
        return self._children(node).get(str(part)) if isinstance(node, yaml.MappingNode) else None

    def _children(self, node: yaml.MappingNode) -> dict[str, tuple[yaml.Node, _Mark]]:
        """Return the values of a mapping with the places of their keys, its own before those of merged mappings."""
        known = self._mappings.get(id(node))
        if known is None:
            known = self._mappings[id(node)] = {}
            for key, value in node.value:
                for name in (key.value, _key(key, self._dialect) if key.tag != STR else None):
                    if isinstance(name, str):
                        known.setdefault(name, (value, key.start_mark))
            for key, value in node.value:
                merged = value.value if isinstance(value, yaml.SequenceNode) else [value]
                for source in merged if key.tag == TAG + "merge" else ():
                    if isinstance(source, yaml.MappingNode):
                        known |= self._children(source) | known
        return known


class Content(Record):
    """What a document holds."""

    data: object
    is_json: bool
    """JSON can express all of it: there is no infinite number and none that is too large."""


def read(text: str, source: str, line: int, dialect: Dialect) -> Content | Problem:
    """Return the content of one document, or the Problem for which it has none; its first line is `line`."""
    try:
        return _load(text, dialect)
    except yaml.YAMLError as error:
        return _explain(error, source, line)
    except _TooDeepError:
        return Problem(source, line, 1, "", f"nested more than {MAX_DEPTH} levels deep")


class _TooDeepError(Exception):
    pass


def _load(text: str, dialect: Dialect) -> Content:
    if _may_be_deep(text):
        _check_depth(text)
    loader = _Loader(text, dialect)
    try:
        node = loader.get_single_node()
    finally:
        loader.dispose()
    if node is None:
        return Content(None, is_json=True)
    construction = _Construction(dialect, aliases="&" in text)
    return Content(construction.value(node), construction.is_json)


def _may_be_deep(text: str) -> bool:
    """Bound the nesting from above without parsing: brackets opened, dashes and indentation."""
    if text.count("[") + text.count("{") + text.count("- -") + text.count("? ") > MAX_DEPTH:
        return True
    return " " * MAX_DEPTH in text


def _check_depth(text: str) -> None:
    depth = 0
    try:
        for event in yaml.parse(text, yaml.CSafeLoader):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > MAX_DEPTH:
                    raise _TooDeepError
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
    except yaml.MarkedYAMLError as error:
        # libyaml's own limit: newer versions look ahead and reach it before the first event.
        if "nesting depth" in (error.problem or ""):
            raise _TooDeepError from None
        raise


class _Construction:
    """Plain data from nodes. With anchors in the text it also counts what aliases expand to."""

    def __init__(self, dialect: Dialect, *, aliases: bool) -> None:
        self.is_json = True
        self._dialect = dialect
        self._aliases = aliases
        self._seen: set[int] = set()
        self._open: set[int] = set()
        self._repeated = 0

    def value(self, node: yaml.Node) -> object:
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if self._aliases:
            return self._guarded(node)
        return self._collection(node)

    def _scalar(self, node: yaml.ScalarNode) -> object:
        if node.tag == STR:
            return node.value
        try:
            value = scalar(node.tag, node.value, self._dialect)
        except ValueError as error:
            raise _error(node, str(error)) from None
        if isinstance(value, float | int) and not abs(value) < _LARGE:  # not a number, too
            self.is_json = False
        return value

    def _guarded(self, node: yaml.Node) -> object:
        if id(node) in self._open:
            raise _error(node, "an anchor that contains itself")
        if id(node) in self._seen:
            self._repeated += 1 + len(node.value)
            if self._repeated > MAX_ALIASED_NODES:
                raise _error(node, f"aliases that expand to more than {MAX_ALIASED_NODES} nodes")
        self._seen.add(id(node))
        self._open.add(id(node))
        value = self._collection(node)
        self._open.remove(id(node))
        return value

    def _collection(self, node: yaml.Node) -> object:
        if isinstance(node, yaml.SequenceNode):
            if node.tag != TAG + "seq":
                raise _error(node, f"the unknown tag {node.tag}")
            return [self.value(item) for item in node.value]
        if node.tag != TAG + "map":
            raise _error(node, f"the unknown tag {node.tag}")
        return self._mapping(node)

    def _mapping(self, node: yaml.Node) -> dict[str, object]:
        result: dict[str, object] = {}
        merged: dict[str, object] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise _error(key_node, "a list or mapping as a key, expected a word")
            if key_node.tag == TAG + "merge":
                merged = {**self._merge(value_node), **merged}
                continue
            key = key_node.value if key_node.tag == STR else _key(key_node, self._dialect)
            if key in result:
                first = next(other for other, _ in node.value if _key(other, self._dialect) == key)
                lines = key_node.start_mark.line - first.start_mark.line
                above = f", first {lines} {'line' if lines == 1 else 'lines'} above" if lines else ""
                raise _error(key_node, f"the key {key!r} twice in one mapping{above}")
            result[key] = self.value(value_node)
        return {**merged, **result} if merged else result

    def _merge(self, node: yaml.Node) -> dict[str, object]:
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict[str, object] = {}
        for source in sources:
            value = self.value(source)
            if not isinstance(value, dict):
                raise _error(source, "a merge key '<<' that does not name a mapping")
            merged = {**value, **merged}
        return merged


def _key(node: yaml.Node, dialect: Dialect) -> str:
    """Return a key's text: every key of JSON, and so of Kubernetes, is a string."""
    try:
        return key_of(node.tag, node.value, dialect)
    except ValueError as error:
        raise _error(node, str(error)) from None


def _error(node: yaml.Node, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)


def _explain(error: yaml.YAMLError, source: str, first_line: int) -> Problem:
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        message = ", ".join(part for part in (error.context, error.problem) if part)
        message = message.replace("did not find expected <", "expected <")
        if mark is not None:
            return Problem(source, first_line + mark.line, mark.column + 1, "", f"not valid YAML: {message}")
        return Problem(source, first_line, 1, "", f"not valid YAML: {message}")
    reason = getattr(error, "reason", None) or str(error).splitlines()[0]
    return Problem(source, first_line, 1, "", f"not valid YAML: {reason}")
