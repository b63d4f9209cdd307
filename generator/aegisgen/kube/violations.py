"""What a schema forbids, in words. Pure; the same words for every engine that finds the fault."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypedDict, cast

from aegisgen.kube.resource import value_at
from aegisgen.yaml.source import kind_of

Place = tuple[str | int, ...]


class Violation(NamedTuple):
    """One thing that a schema forbids.

    `path` leads to the offending value, to an unknown key, or to the mapping from which a required field is missing.
    `message` never repeats a value, which may be a secret.
    """

    path: Place
    message: str


class Fault(NamedTuple):
    """What an engine found: where, and which keyword of the schema says so.

    `names` are the unknown keys (`additionalProperties`) or the missing fields (`required`), else empty.
    """

    path: Place
    keyword: str
    names: tuple[str, ...] = ()


Node = TypedDict(
    "Node",
    {
        "$defs": dict[str, "Node"],
        "$ref": str,
        "additionalProperties": "Node | bool",
        "enum": list[str | None],
        "items": "Node",
        "maxItems": int,
        "maxLength": int,
        "maxProperties": int,
        "maximum": int,
        "minItems": int,
        "minLength": int,
        "minProperties": int,
        "minimum": int,
        "pattern": str,
        "patternProperties": dict[str, "Node"],
        "properties": dict[str, "Node"],
        "required": list[str],
        "title": str,
        "type": str | list[str],
    },
    total=False,
)
"""The part of JSON Schema that the bundle uses."""

_TYPE_NAMES = {
    "array": "a list",
    "boolean": "a boolean",
    "integer": "an integer",
    "null": "null",
    "number": "a number",
    "object": "a mapping",
    "string": "a string",
}
_LIMITS: tuple[tuple[str, str], ...] = (
    ("minimum", "at least {}"),
    ("maximum", "at most {}"),
    ("minItems", "at least {} items"),
    ("maxItems", "at most {} items"),
    ("minLength", "at least {} characters"),
    ("maxLength", "at most {} characters"),
    ("minProperties", "at least {} fields"),
    ("maxProperties", "at most {} fields"),
)


def explain(schema: Node, data: object, faults: Iterable[Fault]) -> list[Violation]:
    """Put an engine's faults into words, sorted by place; a wrong type silences what else is wrong with the value."""
    ordered = sorted(set(faults), key=lambda fault: (_sortable(fault.path), fault.keyword, fault.names))
    wrong_type = {fault.path for fault in ordered if fault.keyword == "type"}
    telling = (fault for fault in ordered if fault.keyword == "type" or fault.path not in wrong_type)
    result = {violation: None for fault in telling for violation in _words(fault, subschemas(schema, fault.path), data)}
    return sorted(result, key=lambda violation: (_sortable(violation.path), violation.message))


def subschemas(root: Node, path: Sequence[str | int]) -> list[Node]:
    """Return every part of a schema that describes the value at `path`."""
    nodes = _resolved(root, [root])
    for part in path:
        nodes = _resolved(root, [child for node in nodes for child in _children(node, part)])
    return nodes


def _resolved(root: Node, nodes: list[Node]) -> list[Node]:
    result: list[Node] = []
    while nodes:
        result += nodes
        nodes = [root["$defs"][node["$ref"].removeprefix("#/$defs/")] for node in nodes if "$ref" in node]
    return result


def _children(node: Node, part: str | int) -> Iterator[Node]:
    if isinstance(part, int):
        if "items" in node:
            yield node["items"]
        return
    extra = node.get("additionalProperties")
    matching = [value for pattern, value in node.get("patternProperties", {}).items() if re.search(pattern, part)]
    if part in node.get("properties", {}):
        yield node["properties"][part]
    elif matching:
        yield from matching
    elif extra is not None and not isinstance(extra, bool):
        yield extra


def _words(fault: Fault, nodes: list[Node], data: object) -> Iterator[Violation]:
    path, keyword = fault.path, fault.keyword
    if keyword == "additionalProperties":
        fields = sorted({name for node in nodes for name in node.get("properties", {})})
        for name in fault.names:
            yield Violation((*path, name), "unknown field" + _suggestion(name, fields))
    elif keyword == "required":
        for name in fault.names:
            yield Violation(path, f"required field '{name}' is missing")
    elif keyword == "type":
        yield Violation(path, f"expected {_expected_types(nodes)}, got {kind_of(value_at(data, path))}")
    else:
        yield Violation(path, _expectation(keyword, nodes))


def _suggestion(name: str, fields: list[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 -- start-up time

    lower = {field.lower(): field for field in reversed(fields)}
    close = get_close_matches(name.lower(), lower, n=1, cutoff=0.7)
    return f", did you mean '{lower[close[0]]}'?" if close else ""


def _expected_types(nodes: list[Node]) -> str:
    stated = [node["type"] for node in nodes if "type" in node]
    allowed = [{types} if isinstance(types, str) else set(types) for types in stated]
    types = set.intersection(*allowed) if allowed else set()
    return " or ".join(_TYPE_NAMES[name] for name in sorted(types) if name != "null" or len(types) == 1)


def _expectation(keyword: str, nodes: list[Node]) -> str:
    for node in nodes:
        if keyword == "enum" and "enum" in node:
            options = [f"'{option}'" for option in node["enum"] if option is not None]
            return f"expected {options[0]}" if len(options) == 1 else f"expected one of: {', '.join(options)}"
        if keyword == "pattern" and "pattern" in node:
            return f"expected {node.get('title') or 'text that matches ' + node['pattern']}"
        for limit, wording in _LIMITS:
            if keyword == limit and limit in node:
                number = cast("dict[str, int]", node)[limit]
                return f"expected {wording[:-1] if number == 1 and wording.endswith('s') else wording}".format(number)
    return "not what the schema allows here"


def _sortable(path: Place) -> tuple[tuple[int, str], ...]:
    return tuple((part, "") if isinstance(part, int) else (-1, part) for part in path)
