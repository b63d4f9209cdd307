"""Tells that an object conforms to a schema of the bundle, without the engine: to import it and to have it compile the
schemas is a quarter of what it costs to check one service.

This knows the bundle's few keywords and says yes only where there is nothing to think about. No means that the engine
is to be asked, which alone finds fault; a test holds every yes to the engine's own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aegisgen.kube.violations import Node

_KEYWORDS = frozenset(
    {"$defs", "$ref", "$schema", "additionalProperties", "enum", "items", "maximum", "maxLength", "minimum"}
    | {"minLength", "pattern", "properties", "required", "title", "type"}
)
_ONLY_NEEDED = frozenset({"minItems", "minProperties"})  # which a patch need not have
_TYPES = {
    str: frozenset({"string"}),
    bool: frozenset({"boolean"}),
    int: frozenset({"integer", "number"}),
    type(None): frozenset({"null"}),
    list: frozenset({"array"}),
    dict: frozenset({"object"}),
}


def conforms(value: object, root: Node, *, patch: bool = False) -> bool:
    """Tell whether a whole object surely conforms; with `patch` as a strategic merge patch without directives."""
    return _conforms(value, root, root, patch=patch, nullable=False)


def _conforms(value: object, node: Node, root: Node, *, patch: bool, nullable: bool) -> bool:
    """`nullable`: null deletes the field, whatever else its schema says."""
    if nullable and value is None and "type" in node:
        return True
    if not (_understood(node, patch=patch) and _is_of_type(value, node) and value in node.get("enum", (value,))):
        return False
    if "$ref" in node:
        target = root["$defs"].get(node["$ref"].removeprefix("#/$defs/"))
        if target is None or not _conforms(value, target, root, patch=patch, nullable=patch):
            return False
    if isinstance(value, dict):
        return _mapping(value, node, root, patch=patch)
    if isinstance(value, list):
        inner = node.get("items")
        return inner is None or all(_conforms(each, inner, root, patch=patch, nullable=False) for each in value)
    return _scalar(value, node)


def _understood(node: Node, *, patch: bool) -> bool:
    unknown = node.keys() - _KEYWORDS
    return not unknown or (patch and unknown <= _ONLY_NEEDED)


def _is_of_type(value: object, node: Node) -> bool:
    # Not a subclass of them, and no float: of those JSON does not know all, and takes some for integers.
    types = _TYPES.get(type(value))
    if types is None:
        return False
    named = node.get("type")
    return named is None or not types.isdisjoint([named] if isinstance(named, str) else named)


def _scalar(value: object, node: Node) -> bool:
    if isinstance(value, str):
        return _text(value, node)
    if isinstance(value, int) and not isinstance(value, bool):
        return node.get("minimum", value) <= value <= node.get("maximum", value)
    return True


def _text(value: str, node: Node) -> bool:
    if not node.get("minLength", 0) <= len(value) <= node.get("maxLength", len(value)):
        return False
    pattern = node.get("pattern")
    if pattern is None:
        return True
    # Engines differ in what they take for a letter or for the end of a line.
    return value.isascii() and value.isprintable() and re.search(pattern, value) is not None


def _mapping(value: dict[str, object], node: Node, root: Node, *, patch: bool) -> bool:
    if not patch and not all(map(value.__contains__, node.get("required", ()))):
        return False
    known = node.get("properties", {})
    others = node.get("additionalProperties", True)
    for key, each in value.items():
        inner = known.get(key, others)
        if not isinstance(key, str) or inner is False or (patch and key.startswith("$")):
            return False
        if inner is not True and not _conforms(each, inner, root, patch=patch, nullable=patch):
            return False
    return True
