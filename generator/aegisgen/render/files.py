"""One resolved service in, the text of its files and their wiring out. Pure: no file, clock, process or network."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, NamedTuple

from aegisgen.profile.types import seconds
from aegisgen.render.kustomization import Patch, Wiring

if TYPE_CHECKING:
    from aegisgen.profile.model import Amounts
    from aegisgen.profile.resolve import Target
    from aegisgen.render.environment import Templates

PATCH = "deployment-patch.yaml"
JOB = "migration-job.yaml"
CONFIG = "migration-config.yaml"


class Overlay(NamedTuple):
    """What one overlay folder must hold."""

    directory: str
    files: dict[str, str]
    """The generated files, by name."""
    wiring: Wiring
    """Their entries in the folder's kustomization.yaml."""
    starter: str
    """The kustomization.yaml to begin with, where there is none yet."""


def render(target: Target, templates: Templates) -> Overlay:
    """Render everything that aegisgen owns of one service in one environment.

    Raises InputError where a template fails.
    """
    values = _values(target)
    runner = templates.render("runner/run.sh.j2", **values)
    names = _RENDERED[target.settings.strategy](target)
    files = {name: templates.render(f"{target.settings.strategy}/{name}.j2", runner=runner, **values) for name in names}
    workload = target.settings.workload
    if target.settings.strategy == "init-container":
        wiring = Wiring((), (Patch(PATCH, workload.kind, workload.name),))
    else:
        wiring = Wiring(tuple(names), ())
    return Overlay(target.directory, files, wiring, templates.render("kustomization.yaml.j2", **values))


def _presync_job(target: Target) -> list[str]:
    own_config = target.migration_config_name != target.config_name and target.settings.database.config.keys
    return [CONFIG, JOB] if own_config else [JOB]


# Which templates of its folder a strategy renders.
_RENDERED = {"init-container": lambda _: [PATCH], "presync-job": _presync_job}


def _values(target: Target) -> dict[str, object]:
    """Everything a template may name."""
    settings = target.settings
    return {
        "target": target,
        "amounts": _amounts,
        "seconds": seconds,
        "labels": _labels(target),
        "commands": _commands(target),
        "wait": seconds(settings.migrations.wait),
        "base": posixpath.relpath(settings.base, target.directory),
        "replicas": settings.replicas if isinstance(settings.replicas, int) else None,
        "literals": [_literal(key, value) for key, value in settings.config.items()],
    }


def _commands(target: Target) -> dict[str, list[str]]:
    migrations = target.settings.migrations
    return {
        step: [migrations.package_manager, "run", script]
        for step, script in (
            ("ping", migrations.scripts.ping),
            ("status", migrations.scripts.status),
            ("migrate", migrations.scripts.migrate),
        )
    }


def _labels(target: Target) -> dict[str, str]:
    """Labels of the hooks; deliberately none that the workload's Service or selector could match."""
    return {
        "app.kubernetes.io/name": target.job_name,
        "app.kubernetes.io/component": "migration",
        "app.kubernetes.io/managed-by": "aegisgen",
    }


def _amounts(amounts: Amounts) -> dict[str, str]:
    return {name: value for name in ("cpu", "memory") if isinstance(value := getattr(amounts, name), str)}


def _literal(key: str, value: str) -> str:
    """Return a Kustomize literal; Kustomize takes one pair of quotes off a value that stands in quotes."""
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
    return f'{key}="{value}"' if quoted else f"{key}={value}"
