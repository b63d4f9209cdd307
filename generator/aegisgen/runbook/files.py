"""The runbooks that a project keeps: resolved services and their rendered overlays in, the texts of files out. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Sequence

from aegisgen.argocd.application import ApplicationSettings
from aegisgen.argocd.plan import Plan, plan
from aegisgen.errors import InputError, Problem
from aegisgen.kube.resource import Identity, Resource, resources_in
from aegisgen.kube.shape import mapping
from aegisgen.profile.agreement.application import application_name
from aegisgen.profile.steps.application import Application
from aegisgen.profile.target import Target
from aegisgen.record import replace
from aegisgen.render.environment import Templates
from aegisgen.render.files import Overlay
from aegisgen.render.places import runbook_of
from aegisgen.runbook.facts import facts
from aegisgen.runbook.guide import guide
from aegisgen.yaml.source import Document, parse, parse_one


def render_runbooks(targets: Sequence[Target], overlays: Sequence[Overlay], templates: Templates) -> list[Overlay]:
    """Return the folders with the runbooks of those services that have one; `overlays` are the services', in order.

    What only the composed overlay tells is left to the command: the drift check must not need Kustomize.
    Raises InputError where a template fails and where two runbooks would be one file.
    """
    refuse_twins(targets)
    folders: dict[str, dict[str, str]] = {}
    for target, overlay in zip(targets, overlays, strict=False):
        path = runbook_of(target)
        if path is None:
            continue
        folder, name = posixpath.split(path)
        text = _text(target, overlay, templates, markup=name.endswith(".html"))
        folders.setdefault(folder, {})[name] = text
    return [Overlay(folder, files, None, "") for folder, files in folders.items()]


def refuse_twins(targets: Iterable[Target]) -> None:
    """Raise InputError where two runbooks would be one file."""
    seen: set[str] = set()
    for target in targets:
        path = runbook_of(target)
        if path in seen:
            message = f"{path} is that of another service or environment, expected one of its own"
            raise InputError(Problem(target.profile, 0, 0, "runbook.path", message))
        if path is not None:
            seen.add(path)


def _text(target: Target, overlay: Overlay, templates: Templates, *, markup: bool) -> str:
    plan = profile_plan(target, overlay)
    text = guide(facts(target), plan, templates)
    if not markup:
        return text
    from aegisgen.runbook.page import page  # noqa: PLC0415 - few want HTML

    return page(text, plan, templates)


_API = {"Deployment": "apps/v1", "StatefulSet": "apps/v1", "DaemonSet": "apps/v1"}


def profile_plan(target: Target, overlay: Overlay) -> Plan:
    """Return the plan of what `overlay` was rendered to, with the names that Kustomize will give."""
    title = f"{target.environment}/{target.service}"
    return plan([*_rendered(target, overlay), _workload(target, overlay)], _application(target), title=title)


def _rendered(target: Target, overlay: Overlay) -> Iterator[Resource]:
    yield _named(target, _scripts(target, overlay))
    wiring = overlay.wiring
    applied = {*wiring.resources, *(patch.path for patch in wiring.patches)} if wiring else set()
    for name, text in overlay.files.items():
        if name not in applied:
            continue
        for resource in resources_in(parse(text, name)):
            if resource.identity.kind != target.settings.workload.kind:
                yield _named(target, resource)


def _scripts(target: Target, overlay: Overlay) -> Resource:
    """The ConfigMap that Kustomize makes of the runner's component."""
    folder = parse_one(overlay.files["migration-runner/kustomization.yaml"].encode(), "").data
    metadata = {"name": target.runner_name, "annotations": mapping(mapping(folder).get("commonAnnotations"))}
    data: dict[str, object] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
    return Resource(Identity("v1", "ConfigMap", "", target.runner_name), data, Document("", 0, "", data))


def _named(target: Target, resource: Resource) -> Resource:
    identity = resource.identity
    name = target.composed(identity.name)
    return replace(resource, identity=Identity(identity.api_version, identity.kind, target.namespace, name))


def _workload(target: Target, overlay: Overlay) -> Resource:
    """The workload as far as the profile knows it: the patch with its init container, or nothing but its name."""
    workload, replicas = target.settings.workload, target.settings.replicas
    spec: dict[str, object] = {}
    for text in (overlay.files[name] for name in overlay.files if name == "deployment-patch.yaml"):
        for resource in resources_in(parse(text, "deployment-patch.yaml")):
            spec = dict(mapping(resource.at("spec"))) or spec
    if isinstance(replicas, int):
        spec["replicas"] = replicas
    api = _API[workload.kind]
    name = target.composed(workload.name)
    data: dict[str, object] = {"apiVersion": api, "kind": workload.kind, "metadata": {"name": name}, "spec": spec}
    return Resource(Identity(api, workload.kind, target.namespace, name), data, Document("", 0, "", data))


def _application(target: Target) -> ApplicationSettings | None:
    application = target.settings.application
    if not isinstance(application, Application):
        return None
    return ApplicationSettings(
        application_name(target),
        target.namespace,
        bool(application.automated),
        application.retry.limit,
        application.create_namespace,
    )
