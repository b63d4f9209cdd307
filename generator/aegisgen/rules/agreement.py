"""Parts of a tree that do not agree: migration and workload, patch and object, file and kustomization."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from aegisgen.argocd.hooks import Phase
from aegisgen.errors import Severity
from aegisgen.kube.credentials import shown
from aegisgen.kube.kustomization import Place
from aegisgen.kube.overlay import unmatched_patches, used_files
from aegisgen.kube.resource import value_at
from aegisgen.kube.shape import mapping, sequence, text
from aegisgen.rules.context import Context
from aegisgen.rules.database import differences
from aegisgen.rules.images import image_of, pull_policy
from aegisgen.rules.references import Container, Pod
from aegisgen.rules.rule import Hit, Rule, Scope
from aegisgen.yaml.source import Document

# What Kustomize 5 still takes and warns about on stderr, with exit 0.
DEPRECATED = {
    "bases": "resources",
    "commonLabels": "labels",
    "imageTags": "images",
    "patchesJson6902": "patches",
    "patchesStrategicMerge": "patches",
    "vars": "replacements",
    "helmChartInflationGenerator": "helmCharts",
}

# Tools that take a lock and wait for it, and words of scripts that do. lock=none tells aegisgen's runner to take none.
_LOCKS = re.compile(
    r"advisory_?lock|\bflock\b|\bflyway\b|\bliquibase\b|\bprisma migrate deploy\b"
    r"|(?<!pnpm-)(?<!package-)\block\b(?!=none)",
    re.IGNORECASE,
)


def other_image(context: Context) -> Iterator[Hit]:
    """Find migrations that run another version of the application's image than the application."""
    running: dict[tuple[str, str], set[str]] = {}
    for pod in _workloads(context):
        for container in pod.application:
            image = image_of(container.image)
            running.setdefault((context.namespace_of(pod.resource), image.repository), set()).add(image.version)
    for pod, container in _preparing(context):
        image = image_of(container.image)
        versions = running.get((context.namespace_of(pod.resource), image.repository))
        if versions and image.version not in versions:
            message = (
                f"runs version {image.version} of an image whose version {', '.join(sorted(versions))} is deployed"
            )
            yield Hit(message, pod.resource, (*container.path, "image"))


def stale_image(context: Context) -> Iterator[Hit]:
    """Find tags that move but are not pulled again; each image once, at the migration where it has one."""
    stale: dict[str, list[tuple[Pod, Container]]] = {}
    for pod, container in context.containers():
        if image_of(container.image).mutable and pull_policy(container.fields) != "Always":
            stale.setdefault(container.image, []).append((pod, container))
    for reference, uses in stale.items():
        pod, container = next((use for use in uses if _prepares(*use)), uses[0])
        policy = pull_policy(container.fields)
        others = sorted({f"{user.resource.identity} ({own.name})" for user, own in uses if own is not container})
        also = f"; so does {', '.join(others)}" if others else ""
        message = f"container {container.name} pulls {reference} with {policy}: a node keeps what it has under that tag"
        yield Hit(message + also, pod.resource, (*container.path, "image"))


def no_pull_secret(context: Context) -> Iterator[Hit]:
    """Find hooks that cannot pull what the workload pulls with a secret."""
    secrets: dict[tuple[str, str], set[str]] = {}
    for pod in _workloads(context):
        names = _pull_secrets(pod)
        for container in pod.containers if names else ():
            place = (context.namespace_of(pod.resource), image_of(container.image).owner)
            secrets.setdefault(place, set()).update(names)
    for pod in context.pods if secrets else ():
        if pod.hook is None or not pod.hook.phases or _pull_secrets(pod) or _account_may_pull(context, pod):
            continue
        namespace = context.namespace_of(pod.resource)
        places = {(namespace, image_of(container.image).owner) for container in pod.containers}
        wanted = sorted({name for place in places for name in secrets.get(place, ())})
        if wanted:
            theirs = f"where the workload pulls from the same place with {', '.join(wanted)}"
            message = f"no imagePullSecrets, {theirs}: a pod that cannot pull does not fail, and the sync waits"
            yield Hit(message, pod.resource, pod.path)


def other_database(context: Context) -> Iterator[Hit]:
    """Find migrations that talk to another database than the application."""
    for difference in differences(context, list(_preparing(context)), _workloads(context)):
        message = (
            f"{difference.name} is '{shown(difference.name, difference.migration)}' here and "
            f"'{shown(difference.name, difference.application)}' in "
            f"{difference.workload.identity}: the migration talks to another database"
        )
        yield Hit(message, difference.resource, difference.path)


def many_replicas(context: Context) -> Iterator[Hit]:
    """Find migrations in init containers of pods that start at once."""
    for pod, container in _unlocked(context):
        replicas = pod.resource.at("spec", "replicas")
        if pod.resource.identity.kind == "StatefulSet" and pod.resource.at("spec", "podManagementPolicy") != "Parallel":
            continue  # its pods start one after the other
        if isinstance(replicas, int) and replicas > 1:
            recreated = pod.resource.at("spec", "strategy", "type") == "Recreate"
            when = "in every rollout (strategy Recreate)" if recreated else "when the workload is new or restarts"
            message = (
                f"{replicas} pods start at once {when} and each runs {container.name}: without a lock that waits, one "
                "migrates and the others fail"
            )
            yield Hit(message, pod.resource, ("spec", "replicas"))


def multiplied(context: Context) -> Iterator[Hit]:
    """Find migrations in init containers that something else multiplies."""
    scaled = {
        (text(target.get("kind")), context.namespace_of(scaler), text(target.get("name"))): scaler
        for scaler in context.of_kind("HorizontalPodAutoscaler", "ScaledObject")
        if (target := mapping(scaler.at("spec", "scaleTargetRef")))
    }
    for pod, container in _unlocked(context):
        resource = pod.resource
        kind, name = resource.identity.kind, resource.identity.name
        scaler = scaled.get((kind, context.namespace_of(resource), name))
        if kind == "DaemonSet":
            message = f"every node's pod runs {container.name} at once"
            yield Hit(f"{message}, without a lock that waits", resource, container.path)
        elif scaler and scaler.at("spec", "maxReplicas") != 1:
            message = f"{scaler.identity} starts pods of {resource.identity} whenever load grows, and each runs"
            yield Hit(f"{message} {container.name}, without a lock that waits", scaler, ("spec", "maxReplicas"))


def lost_patch(context: Context) -> Iterator[Hit]:
    """Find patches that change nothing."""
    for patch in unmatched_patches(context.overlay) if context.overlay else ():
        if patch.target is not None:
            message = f"the patch matches nothing: no object is {patch.target}. Kustomize drops it without a word"
        else:
            named = (
                (value_at(item.data, ("kind",)), value_at(item.data, ("metadata", "name"))) for item in patch.content
            )
            names = ", ".join(f"{text(kind)} {text(name)}" for kind, name in named)
            message = f"the patch matches nothing: no object is {names}"
        yield Hit(message, place=patch.place)


def unnamed_file(context: Context) -> Iterator[Hit]:
    """Find generated files that are never deployed."""
    if context.overlay is None or not context.generated:
        return
    from aegisgen.render.parts import BY_HAND  # noqa: PLC0415 - needed for generated trees only

    used = used_files(context.overlay)
    for path in context.generated:
        if path not in used and path.rpartition("/")[2] not in BY_HAND:
            place = Place(Document(path, 1, "", None))
            yield Hit("no kustomization names this generated file: it is never deployed", place=place)


def deprecated_fields(context: Context) -> Iterator[Hit]:
    """Find fields that Kustomize wants to be rid of."""
    for document in context.overlay.kustomizations if context.overlay else ():
        for field in mapping(document.data):
            if field in DEPRECATED:
                also = "; it also rewrites selectors, which cannot be changed later" if field == "commonLabels" else ""
                message = f"{field} is deprecated in favour of {DEPRECATED[field]}{also}"
                yield Hit(message, place=Place(document, (field,)), fix="run 'kustomize edit fix' and look at the diff")


def _workloads(context: Context) -> list[Pod]:
    return [pod for pod in context.pods if pod.hook is None and pod.resource.identity.kind not in {"Job", "CronJob"}]


def _preparing(context: Context) -> Iterator[tuple[Pod, Container]]:
    """Yield the containers that run before the application: those of hooks before or in the sync, init containers."""
    return (use for use in context.containers() if _prepares(*use))


def _prepares(pod: Pod, container: Container) -> bool:
    if pod.hook is not None:
        return Phase.PRE_SYNC in pod.hook.phases or Phase.SYNC in pod.hook.phases
    return container.init


def _unlocked(context: Context) -> Iterator[tuple[Pod, Container]]:
    """Yield init containers that migrate with nothing in sight that makes the pods wait for each other."""
    for pod in _workloads(context):
        for container in pod.containers:
            if container.init and container.migrates and not _locks(f"{container.image}\n{container.command_line}"):
                yield pod, container


@lru_cache(maxsize=512)
def _locks(words: str) -> bool:
    return bool(_LOCKS.search(words))


def _account_may_pull(context: Context, pod: Pod) -> bool:
    """Whether the pod's service account brings pull secrets; one that is not in the build may."""
    name = text(pod.spec.get("serviceAccountName"))
    if not name:
        return False
    for account in context.of_kind("ServiceAccount"):
        if account.identity.name == name and context.namespace_of(account) == context.namespace_of(pod.resource):
            return bool(sequence(account.data.get("imagePullSecrets")))
    return True


def _pull_secrets(pod: Pod) -> set[str]:
    return {reference.name for reference in pod.references if "imagePullSecrets" in reference.path}


RULES = (
    Rule("G301", "migration runs another version", Severity.ERROR, other_image, ("agreement", "image")),
    Rule("G302", "mutable tag that is not pulled again", Severity.WARNING, stale_image, ("agreement", "stale")),
    Rule("G303", "hook without the workload's pull secrets", Severity.ERROR, no_pull_secret, ("agreement", "hang")),
    Rule("G304", "migration of another database", Severity.WARNING, other_database, ("agreement", "database")),
    Rule(
        "G305", "migration in several pods at once", Severity.ERROR, many_replicas, ("agreement", "lock"), Scope.ALONE
    ),
    Rule("G306", "patch that matches nothing", Severity.ERROR, lost_patch, ("agreement", "kustomize")),
    Rule("G307", "generated file that nothing names", Severity.ERROR, unnamed_file, ("agreement", "kustomize")),
    Rule("G308", "deprecated field of Kustomize", Severity.WARNING, deprecated_fields, ("agreement", "kustomize")),
    Rule("G309", "migration that scaling multiplies", Severity.WARNING, multiplied, ("agreement", "lock")),
)
