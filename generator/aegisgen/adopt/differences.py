"""What Kustomize makes of a tree before and after: object by object, field by field, and why. Pure."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence

from aegisgen.adopt.find import Original
from aegisgen.adopt.reasons import Subject, reason_for
from aegisgen.argocd.hooks import HELM_HOOK
from aegisgen.kube.credentials import secret_text, secret_value
from aegisgen.kube.pods import WORKLOADS
from aegisgen.kube.resource import Identity, Resource, value_at
from aegisgen.kube.shape import mapping, sequence, text
from aegisgen.record import Record, replace

Path = tuple[str | int, ...]

# What tells the items of a list apart; containers, variables and the like are known by their names, not their places.
_KEYS = ("name", "mountPath", "containerPort", "key", "ip", "topologyKey")
_HIDDEN = "(not shown)"


class Difference(Record):
    """One field that is not what it was. `before` and `after` are None where it is not there."""

    resource: str
    """`Kind/name`, as composed before; for a new object, after."""
    field: str
    """Dotted, list items by name: `spec.template.spec.containers[api].image`; empty for a whole object."""
    before: object
    after: object
    reason: str
    """Why it is meant to differ; empty: it is not."""
    path: Path = ()
    """As `field`, in its parts."""


def differences(original: Original, after: Sequence[Resource], container: str) -> list[Difference]:
    """Return how an overlay's objects differ, by kind and name; `container` is the migration's name afterwards."""
    renamed = _counterparts(original, after)
    old = {each.identity: each for each in original.resources}
    new = {each.identity: each for each in after}
    result: list[Difference] = []
    for identity, resource in old.items():
        counterpart = new.get(renamed.get(identity, identity))
        subject = _subject(original, identity)
        if counterpart is None:
            reason = reason_for(subject, (), resource.data, None)
            result.append(Difference(str(identity), "", _object(resource), None, reason))
            continue
        mine, theirs = dict(resource.data), dict(counterpart.data)
        if identity == original.migration.resource.identity and original.migration.name != container:
            mine = _with_container(mine, original.migration.field, original.migration.place, container)
            path: Path = ("spec", "template", "spec", original.migration.field, f"[{container}]", "name")
            result.append(_difference(identity, subject, path, original.migration.name, container))
        result += [
            _difference(identity, subject, path, before, now) for path, before, now in _compare(mine, theirs, ())
        ]
    known = {*old, *renamed.values()}
    for identity, resource in new.items():
        if identity not in known:
            reason = reason_for(Subject(identity.kind, identity.name, "new"), (), None, resource.data)
            result.append(Difference(str(identity), "", None, _object(resource), reason))
    return result


def _counterparts(original: Original, after: Sequence[Resource]) -> dict[Identity, Identity]:
    """Pair what changed its name or namespace: generated names carry a hash, and a profile always has a namespace."""
    before = {resource.identity for resource in original.resources}
    migration = original.migration.resource.identity
    pairs: dict[Identity, Identity] = {}
    for identity in (resource.identity for resource in after):
        if (bare := replace(identity, namespace="")) in before:
            pairs[bare] = identity
        elif (identity.kind, identity.name) == (migration.kind, migration.name):
            pairs[migration] = identity
    return pairs


def _subject(original: Original, identity: Identity) -> Subject:
    role = "other"
    if identity == original.migration.resource.identity:
        role = "job" if identity.kind == "Job" else "workload"
    elif identity.kind in WORKLOADS:
        role = "workload"
    helm = role == "job" and HELM_HOOK in original.migration.resource.annotations
    return Subject(identity.kind, identity.name, role, original.migration.name, helm=helm)


def _difference(identity: Identity, subject: Subject, path: Path, before: object, after: object) -> Difference:
    reason = reason_for(subject, path, before, after)
    return Difference(
        str(identity), field_of(path), _shown(identity, path, before), _shown(identity, path, after), reason, path
    )


def _compare(before: object, after: object, path: Path) -> Iterator[tuple[Path, object, object]]:
    """Yield every field that differs; what is there on one side only is told as a whole."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(key for key in after if key not in before)]:
            yield from _compare(before.get(key), after.get(key), (*path, key))
        return
    mine, theirs = _by_name(before), _by_name(after)
    if path[-1:] == ("env",):  # a container without variables has an empty list of them
        mine, theirs = mine or {}, theirs or {}
    if mine is not None and theirs is not None:
        for name in [*mine, *(name for name in theirs if name not in mine)]:
            yield from _compare(mine.get(name), theirs.get(name), (*path, f"[{name}]"))
        return
    if repr(before) != repr(after):  # 1, 1.0 and true are equal to Python, and not to Kubernetes
        yield path, before, after


def path_in(data: object, path: Path) -> Path:
    """Return a difference's path with list items by their places, as far as it leads in the object before."""
    real: Path = ()
    for part in path:
        if isinstance(part, str) and part.startswith("["):
            items = _by_name(data) or {}
            if part[1:-1] not in items:
                break
            index = list(items).index(part[1:-1])
            data, real = sequence(data)[index], (*real, index)
        else:
            data, real = mapping(data).get(str(part)), (*real, part)
    return real


def _by_name(value: object) -> dict[str, object] | None:
    if not isinstance(value, list) or not value:
        return None
    for key in _KEYS:
        names = [str(mapping(item).get(key)) if key in mapping(item) else None for item in value]
        if None not in names and len(set(names)) == len(names):
            return dict(zip(map(str, names), value, strict=True))
    return None


def _with_container(data: dict[str, object], field: str, index: int, name: str) -> dict[str, object]:
    renamed = copy.deepcopy(data)
    mapping(value_at(renamed, ("spec", "template", "spec", field, index)))["name"] = name
    return renamed


def field_of(path: Path) -> str:
    """Write a path as people read it."""
    written = ""
    for part in path:
        written += str(part) if str(part).startswith("[") else f"{'.' if written else ''}{part}"
    return written


def _object(resource: Resource) -> object:
    return {"apiVersion": resource.identity.api_version, "kind": resource.identity.kind, "name": resource.identity.name}


def _shown(identity: Identity, path: Path, value: object) -> object:
    """Hide what is, or looks like, a secret."""
    if identity.kind == "Secret" and path and path[0] in {"data", "stringData"}:
        return None if value is None else _HIDDEN
    return _without_secrets(value, str(path[-2]).strip("[]") if len(path) > 1 and path[-1] == "value" else "")


def _without_secrets(value: object, name: str) -> object:
    if isinstance(value, dict):
        own = text(value.get("name"))
        return {key: _without_secrets(each, own if key == "value" else str(key)) for key, each in value.items()}
    if isinstance(value, list):
        return [_without_secrets(each, "") for each in value]
    if isinstance(value, str) and (secret_value(name, value) if name else secret_text(value)):
        return _HIDDEN
    return value
