"""What Argo CD is told, as text: Applications, their project, or the set that makes them. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from aegisgen.errors import InputError, Problem
from aegisgen.profile.agreement.application import application_name
from aegisgen.profile.agreement.notifications import subscriptions
from aegisgen.profile.model import OVERLAY
from aegisgen.profile.steps.application import Application, Automated, SyncWindow
from aegisgen.profile.target import Target
from aegisgen.record import Record, replace
from aegisgen.render.environment import Templates
from aegisgen.render.files import Overlay
from aegisgen.render.places import APPS, file_of

_PROJECT_FILE = "aegisgen.yaml"
_SAME_CLUSTER = "https://kubernetes.default.svc"


class _App(Record):
    """An Application with everything filled in."""

    name: str
    namespace: str
    project: str
    repo_url: str
    path: str
    revision: str
    destination: dict[str, str]
    sync_policy: dict[str, object]
    annotations: dict[str, str]
    environment: str


def render_applications(targets: Sequence[Target], templates: Templates, *, whole: bool) -> list[Overlay]:
    """Render the folder of Applications; nothing where no service has one.

    `whole`: these are all services of all environments, without which project and set cannot be told.
    Raises InputError where a template fails and where two Applications get one name.
    """
    deployed = [target for target in targets if target.settings.application]
    if not deployed:
        return []
    argocd = deployed[0].argocd
    apps = [_app(target, target.settings.application or Application()) for target in deployed]
    _refuse_twins(deployed, apps)
    files: dict[str, str] = {}
    if not argocd.application_set:
        for target, app in zip(deployed, apps, strict=True):
            path = file_of(target).removeprefix(f"{APPS}/")
            files[path] = templates.render("apps/application.yaml.j2", target=target, app=app, argocd=argocd)
    elif whole:
        files["applicationset.yaml"] = _set(deployed, apps, templates)
    if whole and argocd.project:
        values = {"project": argocd.project, "windows": _windows(deployed), "apps": apps, "argocd": argocd}
        files["project.yaml"] = templates.render(
            "apps/project.yaml.j2",
            repositories=sorted({app.repo_url for app in apps}),
            destinations=_unique([{**app.destination, "namespace": app.namespace} for app in apps]),
            namespaces=any("CreateNamespace=true" in str(app.sync_policy) for app in apps),
            approvers=_approvers(deployed),
            seconds=_go_duration,
            **values,
        )
    return [Overlay(APPS, files, None, "")]


def _app(target: Target, application: Application) -> _App:
    repository, project = target.repository, target.argocd.project
    folder = repository.path if repository else "argocd"
    destination = application.destination
    return _App(
        application_name(target),
        target.namespace,
        application.project or (project.name if project else "default"),
        application.repo_url or (repository.url if repository else ""),
        application.path or f"{folder}/{target.directory}",
        application.target_revision,
        {"name": destination.name} if destination.name else {"server": destination.server or _SAME_CLUSTER},
        _sync_policy(application),
        subscriptions(target),
        target.environment,
    )


def _sync_policy(application: Application) -> dict[str, object]:
    policy: dict[str, object] = {}
    automated = Automated() if application.automated is True else application.automated
    if isinstance(automated, Automated):
        policy["automated"] = {"prune": automated.prune, "selfHeal": automated.self_heal}
    retry = application.retry
    policy["retry"] = {
        "limit": retry.limit,
        "backoff": {
            "duration": _go_duration(retry.duration),
            "factor": retry.factor,
            "maxDuration": _go_duration(retry.max_duration),
        },
    }
    if application.create_namespace:
        policy["syncOptions"] = ["CreateNamespace=true"]
    return policy


def _windows(targets: Sequence[Target]) -> list[tuple[SyncWindow, list[str]]]:
    """Return each window with the Applications that it is for, a pattern for all of them."""
    project = targets[0].argocd.project
    windows: list[tuple[SyncWindow, list[str]]] = [
        (window, ["*"]) for window in (project.sync_windows if project else [])
    ]
    own: list[tuple[SyncWindow, list[str]]] = []
    for target in targets:
        for window in target.settings.approval.sync_windows:
            for known, names in own:
                if known == window:
                    names.append(application_name(target))
                    break
            else:
                own.append((window, [application_name(target)]))
    return windows + own


def _approvers(targets: Sequence[Target]) -> list[tuple[str, list[str]]]:
    """Return the Applications of the project whose gate groups may open, and the groups."""
    return [
        (application_name(target), target.settings.approval.groups)
        for target in targets
        if target.settings.approval.gate and not (target.settings.application or Application()).project
    ]


def _set(targets: Sequence[Target], apps: Sequence[_App], templates: Templates) -> str:
    argocd = targets[0].argocd
    generator = argocd.application_set.generator if argocd.application_set else "list"
    if generator == "git":
        _refuse_differences(targets, apps)
    repository = targets[0].repository
    folder = repository.path if repository else "argocd"
    first = len(folder.split("/")) + 1
    _refuse_gaps(targets)
    return templates.render(
        "apps/applicationset.yaml.j2",
        application_set=argocd.application_set,
        argocd=argocd,
        apps=apps,
        app=apps[0],
        directories=f"{folder}/overlays/*/*",
        environment=f"{{{{ index .path.segments {first} }}}}",
        service=f"{{{{ index .path.segments {first + 1} }}}}",
    )


def _refuse_twins(targets: Sequence[Target], apps: Sequence[_App]) -> None:
    owners: dict[str, Target] = {}
    for target, app in zip(targets, apps, strict=True):
        for claim in (app.name, file_of(target)):
            if claim in owners:
                other = owners[claim]
                message = f"{claim} is that of {other.service} in {other.environment} as well, expected one of its own"
                raise InputError(Problem(target.profile, 0, 0, "spec.application.name", message))
            owners[claim] = target


def _refuse_gaps(targets: Sequence[Target]) -> None:
    """What no step of a rollout names is never synced, and nobody says so."""
    argocd = targets[0].argocd
    steps = argocd.application_set.rollout if argocd.application_set else []
    named = [environment for step in steps for environment in step.environments]
    known = {target.environment for target in targets}
    problems = []
    for environment in sorted(known - set(named)) if steps else []:
        message = (
            f"no step names {environment}, and Argo CD would never sync it; expected it in a step, one with "
            "maxUpdate: 0 if people sync it"
        )
        problems.append(Problem(_PROJECT_FILE, 0, 0, "argocd.applicationSet.rollout", message))
    for environment in sorted(set(named)):
        if environment not in known:
            message = f"{environment} has no Application, expected one of {', '.join(sorted(known))}"
            problems.append(Problem(_PROJECT_FILE, 0, 0, "argocd.applicationSet.rollout", message))
        elif named.count(environment) > 1:
            message = f"{environment} is in more than one step, expected it in one"
            problems.append(Problem(_PROJECT_FILE, 0, 0, "argocd.applicationSet.rollout", message))
    if problems:
        raise InputError(*problems)


def _refuse_differences(targets: Sequence[Target], apps: Sequence[_App]) -> None:
    """A git generator knows of an overlay its path only."""
    problems = []
    first = replace(apps[0], name="", namespace="", path="", environment="")
    for target, app in zip(targets, apps, strict=True):
        told = replace(app, name="", namespace="", path="", environment="")
        application = target.settings.application
        own = bool(application and (application.name or application.path)) or target.settings.overlay != OVERLAY
        if own or app.namespace != target.environment or told != first:
            message = (
                f"git knows of {target.service} in {target.environment} the folder only, and this Application has a "
                "namespace, folder, name or policy of its own; expected list"
            )
            problems.append(Problem(_PROJECT_FILE, 0, 0, "argocd.applicationSet.generator", message))
    if problems:
        raise InputError(*problems)


def _unique(items: list[dict[str, str]]) -> list[dict[str, str]]:
    return list({tuple(sorted(item.items())): item for item in items}.values())


def _go_duration(duration: str) -> str:
    """Argo CD reads Go's durations, which know no days."""
    return f"{int(duration[:-1]) * 24}h" if duration.endswith("d") else duration
