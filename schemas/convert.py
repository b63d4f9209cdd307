"""Upstream schemas in, the bundle's schemas out. Pure: reads and writes nothing.

Every schema of the bundle is JSON Schema 2020-12, strict and self-contained, and says only what jsonschema_rs,
jsonschema and kubeconform understand alike: no `format` (only some assert it), no `anyOf` (its errors have no place).

`null` follows the API server: legal for an optional field, which is then unset, and illegal for a required one and in
a list. (For custom resources: PruneNonNullableNullsWithoutDefaults in apiextensions-apiserver.)
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

# What the API server parses beyond the JSON type. The title is what messages call it.
QUANTITY = {  # resource.ParseQuantity in k8s.io/apimachinery, which also trims blanks
    "type": ["string", "number", "null"],
    "pattern": r"^\s*[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?\s*$",
    "title": "a quantity such as 500m or 512Mi",
}
TIME = {  # RFC 3339, time.Time's JSON form
    "type": ["string", "null"],
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$",
    "title": "a time such as 2026-01-31T12:00:00Z",
}
BASE64 = {  # []byte in Go's JSON; line breaks are skipped
    "type": ["string", "null"],
    "pattern": r"^N(?:D{4})*(?:D{2}=N=N|D{3}=N)?$".replace("D", r"(?:[A-Za-z0-9+/]N)").replace("N", r"[\r\n]*"),
    "title": "base64 text",
}
INT_OR_STRING = {"type": ["integer", "string", "null"]}
INT32 = {"minimum": -(2**31), "maximum": 2**31 - 1}

_WELL_KNOWN = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": QUANTITY,
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": TIME,
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": TIME,
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": INT_OR_STRING,
}
_OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_LIST_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta"
_KEPT = ("enum", "required", "pattern", "uniqueItems", "minimum", "maximum", "minItems", "maxItems")
_KEPT += ("minLength", "maxLength", "minProperties", "maxProperties")
_WORTH_SHARING = 150  # characters


def kubernetes(source: Schema, definitions: dict[str, Schema]) -> Schema:
    """Convert one kind of the `-local-strict` family, which refers to `definitions` (those of `_definitions.json`)."""
    root = _Kubernetes(definitions).root(source)
    root["required"] = sorted({*root.get("required", ()), "apiVersion", "kind"})
    return root


def kubernetes_list(definitions: dict[str, Schema]) -> Schema:
    """Build the schema of `v1` `List`, which no OpenAPI document has; its items are validated by their own kinds."""
    text = {"type": "string"}
    properties = {
        "apiVersion": text | {"enum": ["v1"]},
        "kind": text | {"enum": ["List"]},
        "metadata": {"$ref": f"#/$defs/{_LIST_META}"},
        "items": {"type": "array", "items": {"type": "object"}},
    }
    envelope = {"type": "object", "properties": properties, "additionalProperties": False, "required": ["items"]}
    return kubernetes(envelope, definitions)


def custom_resource(definition: Schema, version: str, definitions: dict[str, Schema]) -> Schema:
    """Convert one version of a CustomResourceDefinition; `definitions` lend it Kubernetes' ObjectMeta."""
    spec = definition["spec"]
    (schema,) = (item["schema"]["openAPIV3Schema"] for item in spec["versions"] if item["name"] == version)
    root = _structural(schema, optional=False)
    meta = _Kubernetes(definitions).root(definitions[_OBJECT_META])
    shared = _share_repeated(root)
    root["properties"]["apiVersion"] = {"type": "string", "enum": [f"{spec['group']}/{version}"]}
    root["properties"]["kind"] = {"type": "string", "enum": [spec["names"]["kind"]]}
    root["properties"]["metadata"] = {"$ref": "#/$defs/ObjectMeta"}
    root["required"] = sorted({*root.get("required", ()), "apiVersion", "kind"})
    object_meta = {key: value for key, value in meta.items() if key not in ("$schema", "$defs")}
    root["$defs"] = shared | meta.get("$defs", {}) | {"ObjectMeta": object_meta | {"type": ["object", "null"]}}
    return {"$schema": DIALECT, **root}


class _Kubernetes:
    """Converts from `definitions` and remembers which of them are needed."""

    def __init__(self, definitions: dict[str, Schema]) -> None:
        self._definitions = definitions
        self._used: dict[str, Schema] = {}

    def root(self, source: Schema) -> Schema:
        root = self._convert(source, optional=False)
        return {"$schema": DIALECT, **root, "$defs": self._used} if self._used else {"$schema": DIALECT, **root}

    def _convert(self, source: Schema, *, optional: bool) -> Schema:
        if "$ref" in source:
            return self._reference(source["$ref"].rpartition("/")[2], optional=optional)
        if source.get("format") == "byte":
            self._used["base64"] = BASE64
            return _narrowed("base64", BASE64, optional=optional)
        result = {key: source[key] for key in _KEPT if key in source}
        if "type" in source:
            result["type"] = _types(source["type"], optional=optional)
        if source.get("format") == "int32":
            result |= INT32
        if "properties" in source:
            required = source.get("required", ())
            result["properties"] = {
                # the only enums are those that pin apiVersion and kind
                name: self._convert(value, optional=name not in required and "enum" not in value)
                for name, value in source["properties"].items()
            }
        if "items" in source:
            result["items"] = self._convert(source["items"], optional=False)
        extra = source.get("additionalProperties")
        if extra is not None:
            result["additionalProperties"] = self._convert(extra, optional=True) if isinstance(extra, dict) else extra
        return result

    def _reference(self, name: str, *, optional: bool) -> Schema:
        short = _short(name)
        if short not in self._used:
            self._used[short] = {}  # breaks the recursion of JSONSchemaProps
            self._used[short] = _WELL_KNOWN.get(name) or self._convert(self._definitions[name], optional=True)
        return _narrowed(short, _WELL_KNOWN.get(name) or self._definitions[name], optional=optional)


def _narrowed(name: str, target: Schema, *, optional: bool) -> Schema:
    """Refer to a definition; all of them admit null, so where it is illegal the type stands beside the reference."""
    reference: Schema = {"$ref": f"#/$defs/{name}"}
    if not optional and "type" in target:
        reference["type"] = _types(target["type"], optional=False)
    return reference


def _short(name: str) -> str:
    for prefix in ("io.k8s.api.", "io.k8s.apimachinery.pkg.apis.", "io.k8s.apimachinery.pkg.", "io.k8s."):
        if name.startswith(prefix):
            return name.removeprefix(prefix)
    return name


def _types(value: str | list[str], *, optional: bool) -> str | list[str]:
    types = [name for name in ([value] if isinstance(value, str) else value) if name != "null"]
    if optional:
        return [*types, "null"]
    return types[0] if len(types) == 1 else types


def _structural(source: Schema, *, optional: bool) -> Schema:
    """Convert a structural schema, as CustomResourceDefinitions have them."""
    optional = optional or source.get("nullable", False)
    result = {key: source[key] for key in _KEPT if key in source}
    if "enum" in result and optional:
        result["enum"] = [*result["enum"], None]
    if source.get("x-kubernetes-int-or-string"):
        result["type"] = _types(INT_OR_STRING["type"], optional=optional)
        if "pattern" in source:
            result["title"] = QUANTITY["title"]
    elif "type" in source:
        result["type"] = _types(source["type"], optional=optional)
    result |= {"int32": INT32, "date-time": _text(TIME), "byte": _text(BASE64)}.get(source.get("format", ""), {})
    if "items" in source:
        result["items"] = _structural(source["items"], optional=False)
    if source.get("type") == "object":
        result |= _structural_object(source)
    return result


def _structural_object(source: Schema) -> Schema:
    required = source.get("required", ())
    result: Schema = {}
    if source.get("properties"):
        result["properties"] = {
            name: _structural(value, optional=name not in required) for name, value in source["properties"].items()
        }
    extra = source.get("additionalProperties")
    if isinstance(extra, dict):
        result["additionalProperties"] = _structural(extra, optional=True)
    elif not source.get("x-kubernetes-preserve-unknown-fields") and not extra:
        result["additionalProperties"] = False  # the API server would drop the field
    return result


def _text(known: Schema) -> Schema:
    return {"pattern": known["pattern"], "title": known["title"]}


def _share_repeated(root: Schema) -> dict[str, Schema]:
    """Move the objects that occur more than once into definitions, and return these. Changes `root`.

    An ApplicationSet repeats the Application's source dozens of times; shared it is a tenth of the size.
    """
    counts = Counter(json.dumps(node, sort_keys=True) for _, node in _objects("", root))
    names: dict[str, str] = {}
    shared: dict[str, Schema] = {}

    def share(name: str, node: Schema) -> Schema:
        text = json.dumps(node, sort_keys=True)
        if counts[text] > 1 and text in names:
            return {"$ref": f"#/$defs/{names[text]}"}
        if counts[text] > 1 and len(text) >= _WORTH_SHARING:
            names[text] = _unused(name, shared)
            shared[names[text]] = {}
            shared[names[text]] = _map_children(node, share)
            return {"$ref": f"#/$defs/{names[text]}"}
        return _map_children(node, share)

    root.update(_map_children(root, share))
    return shared


def _unused(name: str, taken: dict[str, Schema]) -> str:
    candidates = (f"{name}{number}" if number else name for number in range(len(taken) + 1))
    return next(candidate for candidate in candidates if candidate not in taken)


def _objects(name: str, node: Schema) -> list[tuple[str, Schema]]:
    found = [(name, node)] if "properties" in node else []
    for key, value in node.get("properties", {}).items():
        found += _objects(key, value)
    for key in ("items", "additionalProperties"):
        if isinstance(node.get(key), dict):
            found += _objects(name, node[key])
    return found


def _map_children(node: Schema, change: Any, name: str = "") -> Schema:
    result = dict(node)
    if "properties" in node:
        result["properties"] = {
            key: change(key, value) if "properties" in value else _map_children(value, change, key)
            for key, value in node["properties"].items()
        }
    for key in ("items", "additionalProperties"):
        value = node.get(key)
        if isinstance(value, dict):
            result[key] = change(name or "item", value) if "properties" in value else _map_children(value, change, name)
    return result
