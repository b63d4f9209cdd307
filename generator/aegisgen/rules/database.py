"""Which database the containers of a build talk to, as far as its ConfigMaps say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from aegisgen.kube.resource import Resource
from aegisgen.kube.shape import mapping, sequence, text, texts
from aegisgen.record import Record
from aegisgen.rules.context import Context
from aegisgen.rules.images import image_of
from aegisgen.rules.references import Container, Pod

Path = tuple[str | int, ...]

# Not the user: a migration may well have one of its own, with more rights.
_ADDRESS = re.compile(
    r"(?:.*_)?(?:DATABASE|DB|PG|POSTGRES(?:QL)?|MYSQL|MARIADB|MONGO(?:DB)?)_?(?:HOST(?:NAME)?|PORT|NAME|DATABASE|DB|SCHEMA)\Z",
    re.IGNORECASE,
)

# A database, or a proxy to one, in the migration's own pod; where a proxy leads to is not to be seen here.
_OWN = frozenset({"127.0.0.1", "::1", "localhost"})


@lru_cache(maxsize=1024)
def _is_address(name: str) -> bool:
    return bool(_ADDRESS.match(name))


class Setting(Record):
    """A value that a container finds in its environment, and the field that gives it."""

    value: str
    resource: Resource
    path: Path


class Difference(Record):
    """A part of the database's address that a migration and its application do not agree on."""

    name: str
    migration: str
    application: str
    workload: Resource
    resource: Resource
    path: Path


def differences(
    context: Context, migrations: Sequence[tuple[Pod, Container]], workloads: Sequence[Pod]
) -> Iterator[Difference]:
    """Yield where migrations and the workloads they serve know different addresses of the database."""
    configs = _Configs(context)
    near = _Workloads(context, workloads, configs)
    for pod, container in migrations:
        own = configs.settings(pod, container)
        if not own:
            continue
        theirs = near.served_by(pod, container)
        for name, setting in own.items():
            known = theirs.get(name)
            if known and setting.value not in known and setting.value not in _OWN:
                yield Difference(name, setting.value, *next(iter(known.items())), setting.resource, setting.path)


# The values that a setting has among some workloads, each with the first workload that has it.
_Values = dict[str, dict[str, "Resource"]]


class _Workloads:
    def __init__(self, context: Context, workloads: Sequence[Pod], configs: _Configs) -> None:
        self._context = context
        self._configs = configs
        self._by_namespace: dict[str, list[Pod]] = {}
        self._by_image: dict[tuple[str, str], list[Pod]] = {}
        self._values: dict[tuple[str, str], _Values] = {}
        for workload in workloads:
            namespace = context.namespace_of(workload.resource)
            self._by_namespace.setdefault(namespace, []).append(workload)
            for repository in dict.fromkeys(image_of(own.image).repository for own in workload.application):
                self._by_image.setdefault((namespace, repository), []).append(workload)

    def served_by(self, pod: Pod, container: Container) -> _Values:
        """Return the settings of what a migration is for: its own pod, or those of its image, or the only one."""
        if pod.hook is None:
            return self._settings([pod])
        place = (self._context.namespace_of(pod.resource), image_of(container.image).repository)
        if place not in self._values:
            near = self._by_namespace.get(place[0], [])
            self._values[place] = self._settings(self._by_image.get(place) or (near if len(near) == 1 else []))
        return self._values[place]

    def _settings(self, workloads: Sequence[Pod]) -> _Values:
        values: _Values = {}
        for workload in workloads:
            for container in workload.application:
                for name, setting in self._configs.settings(workload, container).items():
                    values.setdefault(name, {}).setdefault(setting.value, workload.resource)
        return values


class _Configs:
    """The environment of containers, read as the kubelet does from the ConfigMaps of the build."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._maps = {
            (context.namespace_of(config), config.identity.name): config for config in context.of_kind("ConfigMap")
        }

    def settings(self, pod: Pod, container: Container) -> dict[str, Setting]:
        """Return the database settings of a container: `env` over `envFrom`, the later over the earlier."""
        found: dict[str, Setting] = {}
        for item in sequence(container.fields.get("envFrom")):
            source = mapping(item)
            config = self._config(pod, mapping(source.get("configMapRef")))
            prefix = text(source.get("prefix"))
            for key, value in texts(config.data.get("data")).items() if config else ():
                if config and _is_address(prefix + key):
                    found[prefix + key] = Setting(value, config, ("data", key))
        for index, item in enumerate(sequence(container.fields.get("env"))):
            entry = mapping(item)
            name = text(entry.get("name"))
            if _is_address(name):
                found.pop(name, None)
                setting = self._given(pod, entry, (*container.path, "env", index))
                if setting:
                    found[name] = setting
        return found

    def _given(self, pod: Pod, entry: dict[str, object], path: Path) -> Setting | None:
        value = entry.get("value")
        if isinstance(value, str):
            return None if "$(" in value else Setting(value, pod.resource, (*path, "value"))
        source = mapping(mapping(entry.get("valueFrom")).get("configMapKeyRef"))
        config = self._config(pod, source)
        key = text(source.get("key"))
        known = mapping(config.data.get("data")).get(key) if config else None
        return Setting(known, config, ("data", key)) if config and isinstance(known, str) else None

    def _config(self, pod: Pod, source: dict[str, object]) -> Resource | None:
        return self._maps.get((self._context.namespace_of(pod.resource), text(source.get("name"))))
