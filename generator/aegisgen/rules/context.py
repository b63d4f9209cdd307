"""Everything that the rules look at, gathered once for one build."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from aegisgen.argocd.application import application_settings
from aegisgen.argocd.hooks import Hook, hook_of
from aegisgen.errors import Severity
from aegisgen.kube.overlay import Overlay
from aegisgen.kube.resource import Resource
from aegisgen.kube.shape import mapping, sequence, text
from aegisgen.kube.versions import DEFAULT_VERSION
from aegisgen.record import Record
from aegisgen.rules.needs import Need, needs_of
from aegisgen.rules.references import Container, Pod, pod_of

PodSecurity = Literal["privileged", "baseline", "restricted"]


class Settings(Record):
    """What a project decides about the rules.

    `severities` holds what differs from the rules' own; None switches a rule off. `pod_security` is the level of the
    Pod Security Standards that pods must meet.
    """

    kubernetes_version: str = DEFAULT_VERSION
    pod_security: PodSecurity = "baseline"
    severities: Mapping[str, Severity | None] = {}


class Context(Record):
    """One build: what one Application deploys, or the manifests of one directory.

    `applications` are those that deploy this build, wherever they are written. `generated` are files with aegisgen's
    header in the overlay's directories. The rest is found in `resources` by `context_of`.
    """

    resources: tuple[Resource, ...]
    overlay: Overlay | None
    applications: tuple[Resource, ...]
    generated: tuple[str, ...]
    settings: Settings
    hooks: tuple[tuple[Resource, Hook], ...]
    pods: tuple[Pod, ...]
    needs: tuple[Need, ...]
    namespace: str
    """Where objects without a namespace go: the destination of the Application, where there is one."""

    def of_kind(self, *kinds: str) -> Iterable[Resource]:
        """Yield the resources of some kinds."""
        return (resource for resource in self.resources if resource.identity.kind in kinds)

    def containers(self) -> Iterator[tuple[Pod, Container]]:
        """Yield every container with its pod."""
        return ((pod, container) for pod in self.pods for container in pod.containers)

    def namespace_of(self, resource: Resource) -> str:
        """Return the namespace in which a resource lives."""
        return resource.identity.namespace or self.namespace


def context_of(
    resources: Iterable[Resource],
    *,
    overlay: Overlay | None = None,
    applications: Iterable[Resource] = (),
    generated: Iterable[str] = (),
    settings: Settings | None = None,
    whole: bool = True,
) -> Context:
    """Gather what the rules look at: `resources` as composed, or as they stand where nothing composes them.

    Not `whole`: these are some of a build's resources, and what they need of each other is not known.
    """
    resources, applications = tuple(resources), tuple(applications)
    hooks = tuple((resource, hook) for resource in resources if (hook := hook_of(resource)))
    hook_by_resource = {id(resource): hook for resource, hook in hooks}
    pods = tuple(pod for resource in resources if (pod := pod_of(resource, hook_by_resource.get(id(resource)))))
    deployed_to = (known.namespace for application in applications if (known := application_settings(application)))
    namespace = next(filter(None, deployed_to), "")
    return Context(
        resources=resources,
        overlay=overlay,
        applications=applications,
        generated=tuple(generated),
        settings=settings or Settings(),
        hooks=hooks,
        pods=pods,
        needs=needs_of(resources, pods, namespace) if whole else (),
        namespace=namespace,
    )


def deploying(directory: str, applications: Iterable[Resource]) -> tuple[Resource, ...]:
    """Return the Applications whose source is `directory`.

    An Application knows paths from the root of its repository, which is not known here: they agree where one ends with
    the other.
    """
    own = posixpath.normpath(directory)
    return tuple(
        application
        for application in applications
        if any(f"/{own}".endswith(f"/{path}") or f"/{path}".endswith(f"/{own}") for path in source_paths(application))
    )


def source_paths(application: Resource) -> list[str]:
    """Return the folders that an Application deploys, as it names them, normalized."""
    sources = [application.at("spec", "source"), *sequence(application.at("spec", "sources"))]
    return [posixpath.normpath(path) for source in sources if (path := text(mapping(source).get("path")))]
