"""All overlays together as one project: names, folders, and what is said once instead of in each profile. Pure."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Sequence

from aegisgen.adopt.infer import Adopted, label
from aegisgen.profile.model import OVERLAY
from aegisgen.profile.target import overlay_folder
from aegisgen.record import Record, replace

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


class Plan(Record):
    """A project: what its files say, by path, and the overlays that they render."""

    root: str
    adopted: tuple[Adopted, ...]
    project: dict[str, object]
    profiles: dict[str, dict[str, object]]
    left: tuple[tuple[str, str], ...]
    """Overlays, as the user knows them, that do not fit into the same project, and why."""


def plan(inferred: Sequence[Adopted]) -> Plan:
    """Return the project that renders these overlays; there is at least one."""
    directories = [os.path.abspath(overlay.original.directory) for overlay in inferred]  # noqa: PTH100 -- no symlinks followed
    bases = [os.path.abspath(overlay.base) if overlay.base else "" for overlay in inferred]  # noqa: PTH100
    root = _root(directories, [base for base in bases if base])
    relative = [posixpath.relpath(directory, root) for directory in directories]
    adopted: list[Adopted] = []
    left: list[tuple[str, str]] = []
    for overlay, directory, base in zip(inferred, relative, bases, strict=True):
        environment, service = _names(overlay, directory, posixpath.basename(base), relative)
        base_ = posixpath.relpath(base, root) if base else ""
        named = replace(overlay, environment=environment, service=service, directory=directory, base=base_)
        if reason := _in_the_way(named, adopted):
            left.append((overlay.original.directory.as_posix(), reason))
        else:
            adopted.append(named)
    project, profiles = _contents(adopted)
    return Plan(root, tuple(adopted), project, profiles, tuple(left))


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


def _names(overlay: Adopted, directory: str, base: str, directories: list[str]) -> tuple[str, str]:
    """Return environment and service, as the overlay's path, the last part of its base's and its workload tell."""
    parts = directory.split("/")
    at = _environment_at(parts, directories)
    rest = [part for index, part in enumerate(parts) if index != at and part.lower() not in _SHELVES]
    workload = str(_field(overlay.settings, "workload", "name"))
    if base in rest or workload in rest:
        service = base if base in rest else workload
        rest.remove(service)
    elif rest:
        service = rest.pop()
    else:
        service = base if base and base not in _SHELVES else workload
    # what is left over, such as a region, is part of the environment
    environment = "-".join([parts[at], *rest])
    return label(environment) or "environment", label(service) or "app"


def _environment_at(parts: list[str], folders: list[str]) -> int:
    known = [index for index, part in enumerate(parts) if part.lower() not in _SHELVES and _ENVIRONMENT.match(part)]
    if known:
        return known[0]
    shelved = [index + 1 for index, part in enumerate(parts[:-1]) if part.lower() in _SHELVES]
    # the one part by which a folder differs from another
    varying = [
        next(index for index in range(len(parts)) if other[index] != parts[index])
        for other in (folder.split("/") for folder in folders)
        if len(other) == len(parts) and sum(theirs != mine for theirs, mine in zip(other, parts, strict=True)) == 1
    ]
    varying = [index for index in varying if parts[index].lower() not in _SHELVES]
    return next(iter(varying or shelved[-1:]), len(parts) - 1)


def _in_the_way(overlay: Adopted, others: Sequence[Adopted]) -> str:
    """Say why an overlay does not fit into the project of the others, nothing where it does."""
    for other in others:
        same_service = other.service == overlay.service
        if same_service and other.settings["workload"] != overlay.settings["workload"]:
            return f"{overlay.service} is another workload there than in {other.original.directory}"
        if other.environment != overlay.environment:
            continue
        if same_service:
            return f"{other.original.directory} is {overlay.service} in {overlay.environment} already"
        for field in ("namespace", "name_prefix", "name_suffix"):
            mine, theirs = getattr(overlay, field), getattr(other, field)
            if mine != theirs:
                what = field.replace("_", " ")
                return f"its {what} is {mine or 'none'}, that of {other.original.directory} {theirs or 'none'}"
    return ""


def _contents(adopted: Sequence[Adopted]) -> tuple[dict[str, object], dict[str, dict[str, object]]]:
    """Return what the project says of each service, and what each profile says, in the order of their files."""
    services: dict[str, object] = {}
    own: dict[tuple[str, str], dict[str, object]] = {}
    for name in sorted({overlay.service for overlay in adopted}):
        members = [overlay for overlay in adopted if overlay.service == name]
        shared = _common([{key: member.settings.get(key) for key in _SHARED} for member in members])
        first, workload = members[0], members[0].settings["workload"]
        if len(members) == 1:
            shared = {key: shared[key] for key in ("imagePullSecrets", "migrations", "database") if key in shared}
            shared["image"] = {"name": _field(first.settings, "image", "name")}
        service: dict[str, object] = {"workload": workload}
        if first.base and first.base != f"base/{name}":
            service["base"] = first.base
        pattern = _pattern(members)
        if pattern and pattern != OVERLAY:
            service["overlay"] = pattern
        services[name] = {**service, **_tidy(shared)}
        for member in members:
            rest = _without(member.settings, {**shared, "workload": workload})
            own[member.environment, name] = rest if pattern else {**rest, "overlay": member.directory}
    environments = sorted({overlay.environment for overlay in adopted})
    return services, {environment: _profile(environment, adopted, own) for environment in environments}


def _pattern(members: Sequence[Adopted]) -> str:
    """Return the `overlay` that means the folder of every environment; empty where there is none."""
    first = members[0]
    parts = first.directory.split("/")
    candidates = [
        "/".join([*parts[:at], "{environment}", *parts[at + 1 :]])
        for at, part in enumerate(parts)
        if part == first.environment
    ]
    for pattern in (OVERLAY, *candidates):
        if all(overlay_folder(pattern, member.environment, member.service) == member.directory for member in members):
            return pattern
    return ""


def _profile(
    environment: str, adopted: Sequence[Adopted], own: dict[tuple[str, str], dict[str, object]]
) -> dict[str, object]:
    members = [overlay for overlay in adopted if overlay.environment == environment]
    first = members[0]
    spec: dict[str, object] = {"namespace": first.namespace or environment}
    if first.name_prefix:
        spec["namePrefix"] = first.name_prefix
    if first.name_suffix:
        spec["nameSuffix"] = first.name_suffix
    services = {member.service: _tidy(own[environment, member.service]) for member in members}
    if len(members) == 1:
        only = services[first.service]
        services[first.service] = {key: only.pop(key) for key in _OF_SERVICE if key in only}
        spec |= only
    if services := {name: service for name, service in services.items() if service}:
        spec["services"] = services
    return spec


def _tidy(settings: dict[str, object]) -> dict[str, object]:
    """Put an image that is only a name on one word, and fields into the order in which people read them."""
    result = {key: settings[key] for key in _ORDER if key in settings}
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


def _without(layer: dict[str, object], shared: dict[str, object]) -> dict[str, object]:
    """Return what is left of a layer if a weaker one says `shared`."""
    result: dict[str, object] = {}
    for key, value in layer.items():
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
