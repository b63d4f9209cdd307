"""Judges manifests by the bundled schemas. Reads the bundle, nothing else.

A null is legal for an optional field, as the API server has it; `schemas/convert.py` says what else the schemas hold.
"""

from __future__ import annotations

import json
import math
import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, cast

from aegisgen.bundle import bundled
from aegisgen.errors import UsageError
from aegisgen.kube.resource import value_at
from aegisgen.kube.versions import DEFAULT_VERSION, VERSIONS
from aegisgen.kube.violations import Fault, Node, Place, Violation, explain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from jsonschema_rs import ValidationError, Validator

__all__ = ["DEFAULT_VERSION", "VERSIONS", "Violation", "kustomization_violations", "violations"]

# Strategic merge patch, k8s.io/apimachinery pkg/util/strategicpatch
_DIRECTIVES: dict[str, Node] = {
    r"^\$patch$": {"type": "string", "enum": ["delete", "merge", "replace"]},
    r"^\$retainKeys$": {"type": "array"},
    r"^\$(setElementOrder|deleteFromPrimitiveList)/": {"type": "array"},
}
_PLAIN_NAME = re.compile(r"[a-z0-9-]+\Z")
_INDEX = re.compile(r"\+?[0-9]{1,20}\Z")
_KUSTOMIZE = "kustomize.config.k8s.io"
_UNREADABLE = {
    float: "a number that JSON cannot express",
    int: "a number that is too large",
    str: "text that is not valid Unicode",
}


def api_versions(kind: str, version: str) -> tuple[str, ...]:
    """Return the apiVersions under which a version of Kubernetes has a kind, as far as there are schemas."""
    if not _PLAIN_NAME.match(kind.lower()):
        return ()
    files = sorted((bundled("schemas") / "kubernetes" / f"v{version}").glob(f"{kind.lower()}-*.json"))
    schemas = [load(file)["properties"] for file in files]
    names = (
        name for schema in schemas if schema["kind"].get("enum") == [kind] for name in schema["apiVersion"]["enum"]
    )
    return tuple(name for name in names if name)


def violations(
    data: Mapping[str, object], *, version: str, patch: bool = False, readable: bool = False
) -> list[Violation] | None:
    """Return what the schema of a manifest's `apiVersion` and `kind` forbids in it, by place; None without a schema.

    A `List` is judged with its items, of which those without a schema pass. With `patch` the manifest is a strategic
    merge patch: nothing is required, null deletes any field, and directives such as `$patch` are legal. `readable`:
    it is known to hold nothing that JSON cannot express, so that nobody has to look. UsageError for a Kubernetes
    version that the bundle does not cover.
    """
    schema = schema_of(data, version)
    if schema is None:
        return None
    result = judge(schema, data, patch=patch, readable=readable)
    for prefix, item in list_items(data):
        inner = violations(item, version=version, patch=patch, readable=readable)
        result += [Violation(prefix + path, message) for path, message in inner or ()]
    return list(dict.fromkeys(result))  # what is unreadable in an item is so in the List, too


def kustomization_violations(data: Mapping[str, object]) -> list[Violation]:
    """Return what is wrong with the content of a kustomization file, in which apiVersion and kind are optional."""
    name = "component" if data.get("kind") == "Component" else "kustomization"
    return judge(bundled("schemas") / "kustomize" / f"{name}.json", data)


def list_items(data: Mapping[str, object]) -> list[tuple[Place, dict[str, object]]]:
    """Return the objects of a `v1` `List` with their paths; none where `data` is anything else."""
    items = data.get("items")
    if data.get("apiVersion") != "v1" or data.get("kind") != "List" or not isinstance(items, list):
        return []
    return [(("items", index), item) for index, item in enumerate(items) if isinstance(item, dict)]


def schema_of(data: Mapping[str, object], version: str) -> Path | None:
    """Find the schema of a manifest's `apiVersion` and `kind`; UsageError for an unknown Kubernetes version."""
    api_version, kind = data.get("apiVersion"), data.get("kind")
    return schema_file(api_version, kind, version) if isinstance(api_version, str) and isinstance(kind, str) else None


def schema_file(api_version: str, kind: str, version: str) -> Path | None:
    """Find the schema of a kind, whose name may differ in case; UsageError for an unknown Kubernetes version."""
    if version not in VERSIONS:
        message = f"no schemas for Kubernetes {version}; the bundled versions are {', '.join(VERSIONS)}"
        raise UsageError(message)
    return _find(api_version, kind, version)


def unreadable(data: object, path: Place = ()) -> Iterator[Violation]:
    """Yield the values that JSON, and so the API server, cannot take."""
    if isinstance(data, dict):
        for key, value in data.items():
            if not _is_unicode(key):
                yield Violation(path, _UNREADABLE[str])
            yield from unreadable(value, (*path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from unreadable(value, (*path, index))
    elif isinstance(data, float) and not math.isfinite(data):
        yield Violation(path, _UNREADABLE[float])
    elif isinstance(data, int) and data.bit_length() >= 1024:  # noqa: PLR2004  (where a double ends)
        yield Violation(path, _UNREADABLE[int])
    elif isinstance(data, str) and not _is_unicode(data):
        yield Violation(path, _UNREADABLE[str])


@cache
def load(path: Path) -> Node:
    """Read one schema of the bundle."""
    return cast("Node", json.loads(path.read_bytes()))


def judge(path: Path, data: Mapping[str, object], *, patch: bool = False, readable: bool = False) -> list[Violation]:
    """Judge one object by one schema file; the items of a List are left alone."""
    schema, validator = _validator(path, patch=patch)
    if not readable and (broken := list(unreadable(data))):
        return broken
    if validator.is_valid(data):
        return []
    return explain(schema, data, (_fault(error, data) for error in validator.iter_errors(data)))


@lru_cache(maxsize=1024)
def _find(api_version: str, kind: str, version: str) -> Path | None:
    group, _, revision = api_version.rpartition("/")
    parts = (kind.lower(), group.partition(".")[0], revision)
    name = "-".join(part for part in parts if part)
    if not _PLAIN_NAME.match(name):  # it becomes part of a path
        return None
    root = bundled("schemas")
    candidates = [
        root / folder / f"{name}.json"
        for folder in (f"kubernetes/v{version}", "argocd", "external-secrets", "monitoring")
    ]
    if group == _KUSTOMIZE:
        candidates = [root / "kustomize" / f"{kind.lower()}.json"]
    for path in candidates:
        # The name holds only the first part of the group; the schema knows the whole.
        if path.is_file() and load(path)["properties"]["apiVersion"].get("enum") == [api_version]:
            return path
    return None


@cache
def _validator(path: Path, *, patch: bool) -> tuple[Node, Validator]:
    from jsonschema_rs import Draft202012Validator  # noqa: PLC0415  (24 ms that most commands need not pay)

    schema = _patch_schema(load(path)) if patch else load(path)
    return schema, Draft202012Validator(cast("dict[str, object]", schema))


def _fault(error: ValidationError, data: object) -> Fault:
    from jsonschema_rs import ValidationErrorKind  # noqa: PLC0415  (see _validator)

    kind, path = error.kind, _whole(error.instance_path, data, error.instance)
    if isinstance(kind, ValidationErrorKind.AdditionalProperties):
        return Fault(path, kind.name, tuple(kind.unexpected))
    if isinstance(kind, ValidationErrorKind.Required):
        return Fault(path, kind.name, (kind.property,))
    return Fault(path, kind.name)


def _whole(parts: Sequence[str | int], data: object, instance: object) -> Place:
    """Fix the path to `instance`: jsonschema_rs leaves empty keys out and takes keys such as "0" for an index."""
    path: Place = ()
    for part in parts:
        while isinstance(data, dict) and _key(data, part) is None and "" in data:
            path, data = (*path, ""), data[""]
        key = _key(data, part) if isinstance(data, dict) else None
        path, data = (*path, part if key is None else key), value_at(data, (part if key is None else key,))
    while isinstance(data, dict) and "" in data and data != instance:
        path, data = (*path, ""), data[""]
    return path


def _key(data: dict[str, object], part: str | int) -> str | None:
    if isinstance(part, str):
        return part if part in data else None
    return next((key for key in (str(part), *data) if key in data and _INDEX.match(key) and int(key) == part), None)


def _patch_schema(root: Node) -> Node:
    """Relax a schema to what a strategic merge patch of the kind may hold."""
    result = _relaxed(root, optional=False)
    result["properties"] |= {name: root["properties"][name] for name in ("apiVersion", "kind")}
    result["$defs"] = {name: _relaxed(node, optional=True) for name, node in root.get("$defs", {}).items()}
    return result


def _relaxed(node: Node, *, optional: bool) -> Node:
    result = node.copy()
    for keyword in ("required", "minItems", "minProperties"):
        result.pop(keyword, None)  # type: ignore[misc]  # the keyword is not a literal
    if optional and "type" in node:
        types = [node["type"]] if isinstance(node["type"], str) else node["type"]
        result["type"] = sorted({*types, "null"})
    if optional and "enum" in node:
        result["enum"] = [*node["enum"], None]
    if "properties" in node:
        result["properties"] = {name: _relaxed(value, optional=True) for name, value in node["properties"].items()}
    if "items" in node:
        result["items"] = _relaxed(node["items"], optional=False)
    if "additionalProperties" in node:
        extra = node["additionalProperties"]
        result["additionalProperties"] = extra if isinstance(extra, bool) else _relaxed(extra, optional=True)
        result["patternProperties"] = _DIRECTIVES
    return result


def _is_unicode(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
