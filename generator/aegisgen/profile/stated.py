"""What a profile states of the objects that come out of an overlay."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from aegisgen.profile.target import Target
from aegisgen.record import Record


class Stated(Record):
    """What must come out of an overlay. Empty or None: the profile says nothing of it, and the files decide."""

    namespace: str = ""
    name_prefix: str = ""
    name_suffix: str = ""
    image: str = ""
    """The name of the application's image; tag and digest are what this environment runs of it."""
    tag: str = ""
    digest: str = ""
    kind: str = ""
    workload: str = ""
    """The workload's kind and name in the base, and the container that runs the application."""
    container: str = ""
    replicas: int | None = None
    config_name: str = ""
    """The application's ConfigMap, as in the base, and entries of it."""
    config: Mapping[str, str] = {}
    base: str = ""
    """The folder that the overlay changes, relative to its own."""
    job: str = ""
    """The name of the Job that migrates; empty: a container of the workload does."""
    migration: str = ""
    """The container that migrates."""
    migration_config: Mapping[str, tuple[str, str]] = {}
    """By variable of the migration: the ConfigMap and the key that it comes from, before the names are composed."""
    pull_secrets: tuple[str, ...] = ()

    def composed(self, name: str) -> str:
        """Return a name as it comes out."""
        return f"{self.name_prefix}{name}{self.name_suffix}"

    @property
    def reference(self) -> str:
        """The image with its digest or tag; the name alone where the profile gives neither."""
        return f"{self.image}{f'@{self.digest}' if self.digest else f':{self.tag}' if self.tag else ''}"


def stated(target: Target) -> Stated:
    """Return what must come out of the target's overlay."""
    settings = target.settings
    job = settings.strategy == "presync-job"
    return Stated(
        namespace=target.namespace,
        name_prefix=target.name_prefix,
        name_suffix=target.name_suffix,
        image=settings.image.name or "",
        tag="" if settings.image.digest else settings.image.tag or "",
        digest=settings.image.digest or "",
        kind=settings.workload.kind,
        workload=settings.workload.name,
        container=settings.workload.container,
        replicas=settings.replicas if isinstance(settings.replicas, int) else None,
        config_name=target.config_name,
        config=settings.config,
        base=posixpath.relpath(settings.base, target.directory) if settings.base else "",
        job=target.job_name if job else "",
        migration="migration" if job else settings.init_container.name,
        migration_config={
            key: (target.migration_config_name, target.config_key(key)) for key in settings.database.config.keys
        },
        pull_secrets=tuple(settings.image_pull_secrets),
    )
