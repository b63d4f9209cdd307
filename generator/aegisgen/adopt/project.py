"""All overlays together as one project: names, folders, and what is said once instead of in each profile. Pure."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Sequence
from typing import NamedTuple

from aegisgen.adopt.infer import Inferred, label
from aegisgen.profile.model import OVERLAY
from aegisgen.profile.target import overlay_folder

# How environments are usually called, and folders that only say what lies in them.
_ENVIRONMENT = re.compile(
    r"(?:.*[-_.])?(?:dev(?:el(?:opment)?)?|test(?:ing)?|qa|uat|int(?:egration)?|stag(?:e|ing)|pre-?prod|prod(?:uction)?|prd"
    r"|live|demo|sandbox|canary|local|perf|acc(?:eptance)?)(?:[-_.].*)?\Z",
    re.IGNORECASE,
)
_SHELVES = frozenset(
    {"overlays", "overlay", "environments", "environment", "envs", "env", "apps", "services", "base", "k8s",
     "kubernetes", "deploy", "deployment", "manifests", "kustomize", "argocd", "gitops", "infra", "clusters"}
)  # fmt: skip
# What a project says of a service; everything else is an environment's.
_SHARED = ("image", "imagePullSecrets", "migrations", "database", "resources", "config")

# The order in which people read fields; the last ones are said of one service even where there is no other.
_OF_SERVICE = ("overlay", "replicas", "config")
_ORDER = (
    "image", "imagePullSecrets", "strategy", "hook", "job", "initContainer", "migrations", "database", "resources",
    "security", *_OF_SERVICE,
)  # fmt: skip


class Placed(NamedTuple):
    """An overlay with its names; paths are relative to the project's folder."""

    inferred: Inferred
    environment: str
    service: str
    directory: str
    base: str


class Plan(NamedTuple):
    """A project: what its files say, by path, and the overlays that they render."""

    root: str
    placed: tuple[Placed, ...]
    project: dict[str, object]
    profiles: dict[str, dict[str, object]]
    left: tuple[tuple[str, str], ...]
    """Overlays, as the user knows them, that do not fit into the same project, and why."""


def plan(inferred: Sequence[Inferred]) -> Plan:
    """Return the project that renders these overlays; there is at least one."""
    directories = [os.path.abspath(each.found.directory) for each in inferred]  # noqa: PTH100 -- no symlinks followed
    bases = [os.path.abspath(each.base) if each.base else "" for each in inferred]  # noqa: PTH100
    root = _root(directories, [base for base in bases if base])
    named = _named(inferred, [posixpath.relpath(each, root) for each in directories], bases)
    placed: list[Placed] = []
    left: list[tuple[str, str]] = []
    for each, directory, base, (environment, service) in zip(inferred, directories, bases, named, strict=True):
        one = Placed(
            each,
            environment,
            service,
            posixpath.relpath(directory, root),
            posixpath.relpath(base, root) if base else "",
        )
        if reason := _in_the_way(one, placed):
            left.append((each.found.directory.as_posix(), reason))
        else:
            placed.append(one)
    project, profiles = _said(placed)
    return Plan(root, tuple(placed), project, profiles, tuple(left))


def _root(directories: list[str], bases: list[str]) -> str:
    """Return the deepest folder with all overlays and their bases in it, and none of the overlays itself."""
    root = os.path.commonpath([*directories, *bases])
    while root in directories or posixpath.basename(root) in {"overlays", "environments", "envs"}:
        root = posixpath.dirname(root)
    if len(directories) == 1 and not bases:
        parts = directories[0].split("/")
        if "overlays" in parts[:-1]:
            root = "/".join(parts[: parts.index("overlays")])
    return root


def _named(inferred: Sequence[Inferred], folders: list[str], bases: list[str]) -> list[tuple[str, str]]:
    named: list[tuple[str, str]] = []
    for each, folder, base in zip(inferred, folders, bases, strict=True):
        parts = folder.split("/")
        at = _environment_at(parts, folders)
        rest = [part for index, part in enumerate(parts) if index != at and part.lower() not in _SHELVES]
        workload = str(_field(each.settings, "workload", "name"))
        based = posixpath.basename(base)
        if based in rest or workload in rest:
            service = based if based in rest else workload
            rest.remove(service)
        elif rest:
            service = rest.pop()
        else:
            service = based if based and based not in _SHELVES else workload
        # what is left over, such as a region, is part of the environment
        environment = "-".join([parts[at], *rest])
        named.append((label(environment) or "environment", label(service) or "app"))
    return named


def _environment_at(parts: list[str], folders: list[str]) -> int:
    known = [index for index, part in enumerate(parts) if part.lower() not in _SHELVES and _ENVIRONMENT.match(part)]
    if known:
        return known[0]
    shelved = [index + 1 for index, part in enumerate(parts[:-1]) if part.lower() in _SHELVES]
    # the one part by which a folder differs from another
    varying = [
        next(index for index in range(len(parts)) if other[index] != parts[index])
        for other in (folder.split("/") for folder in folders)
        if len(other) == len(parts) and sum(one != part for one, part in zip(other, parts, strict=True)) == 1
    ]
    varying = [index for index in varying if parts[index].lower() not in _SHELVES]
    return next(iter(varying or shelved[-1:]), len(parts) - 1)


def _in_the_way(one: Placed, placed: Sequence[Placed]) -> str:
    """Say why an overlay does not fit into the project of the others, nothing where it does."""
    for other in placed:
        workloads = [each.inferred.settings["workload"] for each in (one, other)]
        if other.service == one.service and workloads[0] != workloads[1]:
            return f"{one.service} is another workload there than in {other.inferred.found.directory}"
        if other.environment != one.environment:
            continue
        if other.service == one.service:
            return f"{other.inferred.found.directory} is {one.service} in {one.environment} already"
        for field in ("namespace", "name_prefix", "name_suffix"):
            mine, theirs = getattr(one.inferred, field), getattr(other.inferred, field)
            if mine != theirs:
                what = field.replace("_", " ")
                return f"its {what} is {mine or 'none'}, that of {other.inferred.found.directory} {theirs or 'none'}"
    return ""


def _said(placed: Sequence[Placed]) -> tuple[dict[str, object], dict[str, dict[str, object]]]:
    """Return what the project says of each service, and what each profile says, in the order of their files."""
    services: dict[str, object] = {}
    own: dict[tuple[str, str], dict[str, object]] = {}
    for name in sorted({each.service for each in placed}):
        members = [each for each in placed if each.service == name]
        shared = _common([{key: each.inferred.settings.get(key) for key in _SHARED} for each in members])
        first = members[0]
        if len(members) == 1:
            shared = {key: shared[key] for key in ("imagePullSecrets", "migrations", "database") if key in shared}
        service: dict[str, object] = {"workload": first.inferred.settings["workload"]}
        if first.base and first.base != f"base/{name}":
            service["base"] = first.base
        pattern = _pattern(members)
        if pattern and pattern != OVERLAY:
            service["overlay"] = pattern
        if len(members) == 1:
            shared["image"] = {"name": _field(first.inferred.settings, "image", "name")}
        services[name] = {**service, **_tidy(shared)}
        for each in members:
            rest = _without(each.inferred.settings, {**shared, "workload": each.inferred.settings["workload"]})
            if not pattern:
                rest["overlay"] = each.directory
            own[each.environment, name] = rest
    return services, {environment: _profile(environment, placed, own) for environment in _environments(placed)}


def _environments(placed: Sequence[Placed]) -> list[str]:
    return sorted({each.environment for each in placed})


def _pattern(members: Sequence[Placed]) -> str:
    """Return the `overlay` that means the folder of every environment; empty where there is none."""
    first = members[0]
    candidates = [OVERLAY]
    parts = first.directory.split("/")
    candidates += [
        "/".join(["{environment}" if at == index else part for at, part in enumerate(parts)])
        for index, part in enumerate(parts)
        if part == first.environment
    ]
    for pattern in candidates:
        if all(overlay_folder(pattern, each.environment, each.service) == each.directory for each in members):
            return pattern
    return ""


def _profile(
    environment: str, placed: Sequence[Placed], own: dict[tuple[str, str], dict[str, object]]
) -> dict[str, object]:
    members = [each for each in placed if each.environment == environment]
    first = members[0].inferred
    spec: dict[str, object] = {"namespace": first.namespace or environment}
    if first.name_prefix:
        spec["namePrefix"] = first.name_prefix
    if first.name_suffix:
        spec["nameSuffix"] = first.name_suffix
    services: dict[str, object] = {}
    for each in members:
        said = own[environment, each.service]
        service: dict[str, object] = {}
        if len(members) == 1:
            service = {key: said.pop(key) for key in _OF_SERVICE if key in said}
            spec |= _tidy(said)
        else:
            service = dict(_tidy(said))
        if service:
            services[each.service] = service
    if services:
        spec["services"] = services
    return spec


def _tidy(said: dict[str, object]) -> dict[str, object]:
    """Put an image that is only a name on one word, and fields into the order in which people read them."""
    result = {key: said[key] for key in _ORDER if key in said}
    image = result.get("image")
    if isinstance(image, dict) and set(image) == {"name"}:
        result["image"] = image["name"]
    return result


def _common(layers: Sequence[dict[str, object]]) -> dict[str, object]:
    """Return what all of them say. An empty mapping says something, namely that there is nothing."""
    first = layers[0]
    result: dict[str, object] = {}
    for key, value in first.items():
        others = [layer.get(key) for layer in layers[1:]]
        if value is None:
            continue
        if all(other == value for other in others):
            result[key] = value
        elif isinstance(value, dict) and all(isinstance(other, dict) for other in others):
            inner = _common([value, *(other for other in others if isinstance(other, dict))])
            if inner:
                result[key] = inner
    return result


def _without(said: dict[str, object], shared: dict[str, object]) -> dict[str, object]:
    """Return what is left of a layer if a weaker one says `shared`."""
    result: dict[str, object] = {}
    for key, value in said.items():
        if key not in shared:
            result[key] = value
        elif value != shared[key]:
            weaker = shared[key]
            inner = _without(value, weaker) if isinstance(value, dict) and isinstance(weaker, dict) else value
            if inner != {}:
                result[key] = inner
    return result


def _field(settings: dict[str, object], *path: str) -> object:
    value: object = settings
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return value
