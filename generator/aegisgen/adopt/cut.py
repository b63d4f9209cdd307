"""Taking something out of a YAML text, and nothing else: every other byte stays. Pure."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from aegisgen.errors import Problem
from aegisgen.kube.resource import value_at
from aegisgen.render.kustomization.changes import Change
from aegisgen.render.kustomization.edit import Edit, edits_for, splice
from aegisgen.render.kustomization.entries import scalar
from aegisgen.render.kustomization.layout import Layout, Node, UnsafeError, read
from aegisgen.yaml.source import Document, parse

Path = tuple[str | int, ...]

# What a strategic merge patch says of the object it changes, beside what it changes.
_NAMING = frozenset({"apiVersion", "kind", "metadata"})


def without_document(text: str, line: int) -> str:
    """Return a stream without the document that begins on a line; empty where that was all."""
    start, end = _bounds(text, line)
    rest = text[:start] + text[end:]
    return rest if any(parse(rest, "")) else ""


def without_paths(text: str, line: int, paths: Sequence[Path], *, patch: bool) -> str:
    """Return a stream without these parts of the document that begins on a line.

    A list or mapping that is left empty goes as well, and with `patch` a document that changes nothing any more. Raises
    UnsafeError where the text gives no safe place for the cut.
    """
    start, end = _bounds(text, line)
    chunk = text[start:end]
    # later items first: the places of the earlier ones stay
    ordered = sorted(set(paths), key=lambda path: [(isinstance(part, int), part) for part in path], reverse=True)
    if patch and _says_nothing(_data_without(_only(chunk).data, ordered)):
        return without_document(text, line)
    for path in ordered:
        chunk = _without(chunk, path)
    return text[:start] + chunk + text[end:]


def without_entry(text: str, key: str, index: int) -> str:
    """Return a kustomization without one entry of a list. Raises UnsafeError where that cannot be done safely."""
    result = splice(text, edits_for(read(text), Change(key, index, None)))
    after, expected = _only(result).data, copy.deepcopy(_only(text).data)
    assert isinstance(expected, dict)  # noqa: S101 -- it has the list
    del expected[key][index]
    if after not in (expected, {name: value for name, value in expected.items() if name != key or value}):
        raise UnsafeError("cannot be edited without changing more than one entry")
    return result


def with_scalar(text: str, path: Path, value: str) -> str:
    """Return a kustomization in which a plain value is another one."""
    node = _chain(read(text), path)[-1]
    if node.kind != "scalar":
        raise UnsafeError("not a single value", node.start)
    return splice(text, [Edit(node.start, node.end, scalar(value))])


def with_block(text: str, path: Path, value: str) -> str:
    """Return a kustomization in which a block scalar holds another text. Raises UnsafeError for any other style."""
    layout = read(text)
    node = _chain(layout, path)[-1]
    if node.style != "|":
        raise UnsafeError("a patch in the kustomization that is no block of its own", node.start)
    body = layout.line_end(node.start) + 1
    first = text[body : layout.line_end(body)]
    indent = first[: len(first) - len(first.lstrip(" "))]
    lines = "".join(indent + line if line.strip() else line for line in value.rstrip("\n").splitlines(keepends=True))
    return splice(text, [Edit(body, layout.content_end(node), lines)])


def _without(chunk: str, path: Path) -> str:
    layout = read(chunk)
    nodes = _chain(layout, path)
    depth = len(path)
    while depth > 1 and len(nodes[depth - 1].children) == (2 if nodes[depth - 1].kind == "mapping" else 1):
        depth -= 1
    parent, last = nodes[depth - 1], path[depth - 1]
    if parent.style != "block":
        raise UnsafeError("a list or mapping on one line, expected one with a line for each item", parent.start)
    if isinstance(last, int):
        item = parent.children[last]
        start, end = layout.dash(item), layout.content_end(item)
    else:
        name, value = next((name, value) for name, value in parent.pairs() if name.value == last)
        start, end = name.start, layout.content_end(value)
    if not layout.starts_line(start):
        raise UnsafeError("a part that shares its line with another one", start)
    first = _with_comments(layout, start)
    following = layout.after_break(end)
    result = chunk[:first] + chunk[following if following is not None else end :]
    expected = copy.deepcopy(_only(chunk).data)
    _delete(expected, path[:depth])
    if _only(result).data != expected:
        raise UnsafeError("cannot be cut out without changing more", start)
    return result


def _with_comments(layout: Layout, start: int) -> int:
    """Return where the lines of a part begin, with the comments right above it that stand as far in as it does."""
    first, column = layout.line_start(start), layout.column(start)
    while first > 0:
        above = layout.line_start(layout.before_break(first))
        line = layout.text[above:first]
        if not line.lstrip().startswith("#") or len(line) - len(line.lstrip(" ")) != column:
            break
        first = above
    return first


def _chain(layout: Layout, path: Path) -> list[Node]:
    if layout.root is None:
        raise UnsafeError("nothing there")
    nodes = [layout.root]
    for part in path:
        node = nodes[-1]
        if isinstance(part, int) and node.kind == "list" and part < len(node.children):
            nodes.append(node.children[part])
            continue
        value = (
            next((value for name, value in node.pairs() if name.value == part), None)
            if node.kind == "mapping"
            else None
        )
        if value is None:
            raise UnsafeError("comes from an alias or a merge key", node.start)
        nodes.append(value)
    return nodes


def _data_without(data: object, paths: Sequence[Path]) -> object:
    result = copy.deepcopy(data)
    for path in paths:
        depth = len(path)
        _delete(result, path)
        while depth > 1 and not value_at(result, path[: depth - 1]):
            depth -= 1
            _delete(result, path[:depth])
    return result


def _delete(data: object, path: Path) -> None:
    match value_at(data, path[:-1]), path[-1]:
        case dict() as parent, key:
            del parent[key]
        case list() as items, int() as index:
            del items[index]
        case _:
            raise KeyError(path)


def _says_nothing(data: object) -> bool:
    """Tell whether a patch names its object and changes nothing; an empty list of operations does not either."""
    if isinstance(data, dict):
        metadata = data.get("metadata")
        names = set(metadata) if isinstance(metadata, dict) else set()
        return set(data) <= _NAMING and names <= {"name", "namespace"}
    return not data


def _bounds(text: str, line: int) -> tuple[int, int]:
    """Return where the document that begins on a line (from 1) begins and ends in the text."""
    following = next((document.line for document in parse(text, "") if document.line > line), None)
    return _offset(text, line), _offset(text, following) if following else len(text)


def _offset(text: str, line: int) -> int:
    return sum(map(len, text.split("\n")[: line - 1])) + line - 1


def _only(text: str) -> Document:
    document, *others = list(parse(text, "")) or [Document("", 1, "", None)]
    if others or isinstance(document, Problem):
        raise UnsafeError("not one YAML document")
    return document
