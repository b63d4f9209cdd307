"""What types cannot say: fields that need, exclude or contradict each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from aegisgen.errors import Problem
from aegisgen.kube.resource import value_at
from aegisgen.profile.agreement import (
    application,
    approval,
    migrations,
    needs,
    notifications,
    rollback,
    runbook,
    security,
)
from aegisgen.profile.layers import Layer, missing, problem
from aegisgen.profile.sources import ProfileSource, ProjectSource
from aegisgen.profile.target import Target
from aegisgen.profile.types import seconds

# Argo CD can miss a Job that vanishes as soon as it has finished, and then waits for it for ever (argo-cd issue 21055).
MIN_TTL = 600
# A Job's name becomes the label `job-name` of its pods (Kubernetes: label values have at most 63 characters).
MAX_JOB_NAME = 63

# Folders of the project that hold something else than overlays.
_TAKEN = frozenset({"profiles", "templates", "apps"})
_OF_STRATEGY = {
    "hook": "presync-job",
    "job": "presync-job",
    "backup": "presync-job",
    "dryRun": "presync-job",
    "checks": "presync-job",
    "initContainer": "init-container",
}


def unknown_services(project: ProjectSource, profile: ProfileSource) -> Iterator[Problem]:
    """Yield a problem for each service that a profile tunes and the project does not have, and for a wrong name."""
    document, known = profile.document, list(project.value.services)
    top = Layer(document, (), document.data if isinstance(document.data, dict) else {})
    if profile.value.metadata.name != profile.name:
        message = f"not the file's name, expected {profile.name}"
        yield problem([top], ("metadata", "name"), message)
    for name in profile.value.spec.services:
        if name not in known:
            from aegisgen.profile.explain import closest, listed, nearest  # noqa: PLC0415 - slow to import

            message = f"no such service in the project, expected one of {listed(known)}{closest(name, known)}"
            for other in nearest(name, known):
                home = project.home(other)
                if home is not project.document:
                    line, column = home.position(("services", other), key=True)
                    message += f" ({home.source}:{line}:{column})"
            yield problem([top], ("spec", "services", name), message)


def disagreements(target: Target, layers: list[Layer]) -> Iterator[Problem]:
    """Yield everything that is wrong with a service as it was resolved."""
    yield from _strategy_fields(target, layers)
    yield from _overlay(target, layers)
    yield from _image(target, layers)
    yield from _unmergeable(layers)
    yield from _database(target, layers)
    yield from migrations.problems(target, layers)
    for step in (security, approval, application, notifications, rollback, runbook):
        yield from step.problems(target, layers)
    if target.settings.strategy == "presync-job":
        yield from _job(target, layers)
        yield from needs.problems(target, layers)
    elif target.settings.init_container.name == target.settings.workload.container:
        yield problem(layers, ("initContainer", "name"), "the application container's name, expected another")
    if target.settings.workload.kind == "DaemonSet" and isinstance(target.settings.replicas, int):
        yield problem(layers, ("replicas",), "a DaemonSet has none, expected no such field")


def _strategy_fields(target: Target, layers: list[Layer]) -> Iterator[Problem]:
    """A project may describe both strategies; a profile, which chose one, may not."""
    chosen = {layer.path: layer.data.get("strategy") for layer in layers}
    for layer in layers:
        if layer.path[0] != "spec":
            continue
        strategy = layer.data.get("strategy") or chosen.get(("spec",)) or target.settings.strategy
        for field, wanted in _OF_STRATEGY.items():
            if field in layer.data and strategy != wanted:
                message = f"belongs to the strategy {wanted}, but the strategy here is {strategy}; remove it"
                yield problem([layer], (field,), message)


def _overlay(target: Target, layers: list[Layer]) -> Iterator[Problem]:
    if "{" in target.directory or "}" in target.directory:
        message = "braces stand for {environment} and {service} only"
        yield problem(layers, ("overlay",), message)
    for layer in layers:
        if layer.path[0] != "spec" and "{environment}" not in str(layer.data.get("overlay", "{environment}")):
            message = "the same folder for all environments, expected {environment} in it"
            yield problem([layer], ("overlay",), message)
    if target.directory in _TAKEN or target.directory.startswith(tuple(f"{name}/" for name in _TAKEN - {"apps"})):
        yield problem(layers, ("overlay",), f"{target.directory} is aegisgen's own, expected another folder")


def _image(target: Target, layers: list[Layer]) -> Iterator[Problem]:
    if not target.settings.image.name:
        yield missing(layers, ("image", "name"), "missing, expected an image such as ghcr.io/example/api")


def _unmergeable(layers: list[Layer]) -> Iterator[Problem]:
    """Kustomize 5.7 fails on its own output where a merged value begins with a tab and has several lines."""
    for layer in layers:
        entries = value_at(layer.data, ("config",))
        for key, value in (entries if isinstance(entries, dict) else {}).items():
            if isinstance(value, str) and value.startswith("\t") and "\n" in value:
                message = (
                    "several lines of which the first begins with a tab, expected spaces: Kustomize cannot merge it"
                )
                yield problem([layer], ("config", key), message)


def _database(target: Target, layers: list[Layer]) -> Iterator[Problem]:
    database, config = target.settings.database, target.settings.config
    taken: dict[str, str] = dict.fromkeys(target.settings.migrations.env, "migrations.env")
    for field, keys in (("config", database.config.keys), ("secret", database.secret.keys)):
        for key in keys:
            if key in taken:
                message = f"{key} comes from {taken[key]} as well, expected one source for each variable"
                yield problem(layers, ("database", field, "keys"), message)
            taken[key] = f"database.{field}"
    for field, source in (("config", database.config), ("secret", database.secret)):
        for variable in source.rename:
            if variable not in source.keys:
                message = f"{variable} is none of database.{field}.keys, expected a variable that is listed there"
                yield problem(layers, ("database", field, "rename", variable), message)
    if target.migration_config_name != target.config_name:
        if database.config.every:
            message = "the PreSync Job's own ConfigMap has `keys` only; list what it reads there, or say from: shared"
            yield problem(layers, ("database", "config", "every"), message)
        yield from _missing_config(target, layers, config)


def _missing_config(target: Target, layers: list[Layer], config: Mapping[str, str]) -> Iterator[Problem]:
    absent = [key for key in target.settings.database.config.keys if key not in config]
    if absent:
        message = (
            f"{', '.join(absent)} missing, expected a value: the PreSync Job runs before the application's ConfigMap "
            "is applied and reads one of its own; say it here or in the project, or set database.config.from: shared"
        )
        yield problem(layers, ("config",), message)


def _job(target: Target, layers: list[Layer]) -> Iterator[Problem]:
    settings = target.settings
    name = f"{target.name_prefix}{target.job_name}{target.name_suffix}"
    if len(name) > MAX_JOB_NAME:
        message = f"the Job's name {name} has {len(name)} characters, expected at most {MAX_JOB_NAME}"
        yield problem(layers, ("workload", "name"), message)
    if seconds(settings.job.ttl) < MIN_TTL:
        message = "too short, expected at least 10m: Argo CD waits for ever for a Job that vanished before it looked"
        yield problem(layers, ("job", "ttl"), message)
