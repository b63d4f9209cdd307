"""Which database the containers of a build talk to, as far as its ConfigMaps say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from aegisgen.kube.shape import mapping, sequence, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aegisgen.kube.resource import Resource
    from aegisgen.rules.context import Context
    from aegisgen.rules.references import Container, Pod

    Path = tuple[str | int, ...]

# Not the user: a migration may well have one of its own, with more rights.
_ADDRESS = re.compile(
    r"(?:.*_)?(?:DATABASE|DB|PG|POSTGRES(?:QL)?|MYSQL|MARIADB|MONGO(?:DB)?)_?(?:HOST(?:NAME)?|PORT|NAME|DATABASE|DB|SCHEMA)\Z",
    re.IGNORECASE,
)


class Setting(NamedTuple):
    """A value that a container finds in its environment, and the field that gives it."""

    value: str
    resource: Resource
    path: Path


class Difference(NamedTuple):
    """A setting that two containers do not agree on."""

    name: str
    migration: str
    application: str
    resource: Resource
    path: Path


def differing_settings(
    context: Context, migration: tuple[Pod, Container], application: tuple[Pod, Container]
) -> Iterator[Difference]:
    """Yield the parts of the database's address that both containers know and that differ."""
    own = _settings(context, *migration)
    if not own:
        return
    theirs = _settings(context, *application)
    for name, setting in own.items():
        other = theirs.get(name)
        if other and other.value != setting.value:
            yield Difference(name, setting.value, other.value, setting.resource, setting.path)


def _settings(context: Context, pod: Pod, container: Container) -> dict[str, Setting]:
    """Read a container's environment as the kubelet does: `env` over `envFrom`, the later over the earlier."""
    found: dict[str, Setting] = {}
    for item in sequence(container.fields.get("envFrom")):
        source = mapping(item)
        config = _config_map(context, pod, text(mapping(source.get("configMapRef")).get("name")))
        prefix = text(source.get("prefix"))
        for key, value in mapping(config.data.get("data")).items() if config else ():
            if config and isinstance(value, str) and _ADDRESS.match(prefix + key):
                found[prefix + key] = Setting(value, config, ("data", key))
    for index, item in enumerate(sequence(container.fields.get("env"))):
        entry = mapping(item)
        name = text(entry.get("name"))
        if _ADDRESS.match(name):
            found.pop(name, None)
            path: Path = (*container.path, "env", index)
            setting = _given(context, pod, entry, path)
            if setting:
                found[name] = setting
    return found


def _given(context: Context, pod: Pod, entry: dict[str, object], path: Path) -> Setting | None:
    value = entry.get("value")
    if isinstance(value, str):
        return None if "$(" in value else Setting(value, pod.resource, (*path, "value"))
    source = mapping(mapping(entry.get("valueFrom")).get("configMapKeyRef"))
    config = _config_map(context, pod, text(source.get("name")))
    key = text(source.get("key"))
    known = mapping(config.data.get("data")).get(key) if config else None
    return Setting(known, config, ("data", key)) if config and isinstance(known, str) else None


def _config_map(context: Context, pod: Pod, name: str) -> Resource | None:
    if not name:
        return None
    namespace = context.namespace_of(pod.resource)
    for config in context.of_kind("ConfigMap"):
        if config.identity.name == name and context.namespace_of(config) == namespace:
            return config
    return None
