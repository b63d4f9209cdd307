"""Why a field that aegisgen renders is meant to differ from what people usually write. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from aegisgen.argocd.hooks import HELM_DELETE_POLICY, HOOK
from aegisgen.kube.resource import value_at
from aegisgen.kube.shape import mapping, text


class Subject(NamedTuple):
    """The object that a field belongs to: its role is job, workload, new or other."""

    kind: str
    name: str
    role: str
    container: str = ""
    helm: bool = False
    """It was a hook of Helm's."""


class _Reason(NamedTuple):
    field: str
    text: str
    roles: tuple[str, ...] = ("job", "container")
    when: Callable[[object, object], bool] = lambda _before, _after: True


def _added(before: object, after: object) -> bool:
    return before is None and after is not None


def _removed(before: object, after: object) -> bool:
    return before is not None and after is None


def _tagged(before: object, after: object) -> bool:
    return after == f"{before}:latest"


def _only_runner(before: object, after: object) -> bool:
    added = after if isinstance(after, list) else [after]
    return before is None and all(mapping(entry).get("name") == "migration-runner" for entry in added)


def _waits(before: object, after: object) -> bool:
    from aegisgen.adopt.find import migrates  # noqa: PLC0415
    from aegisgen.adopt.shell import script_of  # noqa: PLC0415
    from aegisgen.adopt.tools import call_of  # noqa: PLC0415

    commands = script_of(mapping(before)).commands
    waiting = any(command.waiting or call_of(command.words).role == "wait" for command in commands)
    return after is None and waiting and not migrates(mapping(before), "")


_RUNNER = (
    "aegisgen's runner in place of the command: it waits for the database, migrates under a lock, tells each step and "
    "its outcome apart, and fails with a code and a reason"
)
_OWN_CONFIG = (
    "a ConfigMap that is itself a hook of an earlier wave: the application's is applied only after PreSync (O201)"
)
_SCRIPTS = "the runner's scripts, which are files of the component migration-runner"
_HOOK = (
    "Argo CD's own hook annotations, the same phase as Helm's",
    "a PreSync hook: a Job that is none is applied beside the new pods, and only once",
)
_META = r"metadata\.annotations\.argocd\.argoproj\.io/"
_LABELS = "labels of the Job and its pod: aegisgen's own, and those that the Job had"

_REASONS: tuple[_Reason, ...] = (
    _Reason(r"command|args", _RUNNER, ("container",)),
    _Reason(r"volumeMounts(\[.*)?", _SCRIPTS, ("container",), _only_runner),
    _Reason(
        r"spec\.template\.spec\.volumes(\[.*)?",
        _SCRIPTS,
        ("job", "workload"),
        _only_runner,
    ),
    _Reason(r"workingDir", "the commands change to that folder themselves", ("container",), _removed),
    _Reason(r"name", "aegisgen calls the container of a Job migration", ("container",)),
    _Reason(r"image", "no tag means latest, which is written out now", ("container",), _tagged),
    _Reason(
        r"imagePullPolicy",
        "a tag can move: without Always a node runs the migrations of an image it pulled earlier (G302)",
        ("container",),
        lambda before, after: before is None and after == "Always",
    ),
    _Reason(r"imagePullPolicy", "what Kubernetes does without it, written out", ("container",), _added),
    _Reason(r"resources(\..*)?", "requests and limits, where there were none (S402)", ("container",), _added),
    _Reason(r"securityContext(\..*)?", "no rights that a migration has a use for (S404)", ("container",), _added),
    _Reason(r"terminationMessagePolicy", "a failure shows its reason in kubectl describe", ("container",)),
    _Reason(r"envFrom", "each variable is named, so that one that is missing stops the pod", ("container",), _removed),
    _Reason(
        r"env\[[^]]+\](\.valueFrom\.configMapKeyRef\.(name|key))?",
        _OWN_CONFIG,
        ("container",),
        lambda _before, after: "-migration-config" in str(after),
    ),
    _Reason(
        r"env\[[^]]+\]",
        "each variable is named, so that one that is missing stops the pod",
        ("container",),
        lambda before, after: before is None and bool(mapping(mapping(after).get("valueFrom"))),
    ),
    _Reason(
        r"env\[[^]]+\]",
        "what the script exported",
        ("container",),
        lambda before, after: before is None and "value" in mapping(after),
    ),
    _Reason(r"(spec\.template\.)?metadata\.labels", _LABELS, ("job",), _added),
    _Reason(
        r"spec\.template\.metadata",
        _LABELS,
        ("job",),
        lambda before, after: before is None and set(mapping(after)) == {"labels"},
    ),
    _Reason(r"(spec\.template\.)?metadata\.labels\..*", _LABELS, ("job",), lambda _before, after: after is not None),
    _Reason(
        r"(spec\.template\.)?metadata\.labels\..*",
        "a label by which a Service or the workload itself would take the Job's pod for one of its own",
        ("job",),
        _removed,
    ),
    _Reason(_META + r"hook-delete-policy", "what Argo CD does without one, written out", ("job",), _added),
    _Reason(
        _META + r"hook-delete-policy",
        "the finished Job stays until its TTL, for its logs to be read",
        ("job",),
        lambda before, after: after == "BeforeHookCreation" and "HookSucceeded" in str(before),
    ),
    _Reason(_META + r"sync-wave", "the wave of Helm's weight, or of no wave at all, written out", ("job",), _added),
    _Reason(
        r"spec\.activeDeadlineSeconds", "Argo CD waits for a Job without any limit of its own (H105)", ("job",), _added
    ),
    _Reason(
        r"spec\.ttlSecondsAfterFinished",
        "the finished Job stays long enough for its logs, and then goes",
        ("job",),
        _added,
    ),
    _Reason(
        r"spec\.ttlSecondsAfterFinished",
        "Argo CD can miss a Job that vanishes at once, and then waits for ever (H106)",
        ("job",),
        lambda before, after: isinstance(before, int) and isinstance(after, int) and before < after,
    ),
    _Reason(r"spec\.backoffLimit", "what Kubernetes does without it, written out", ("job",), _added),
    _Reason(r"spec\.template\.spec\.restartPolicy", "each attempt is a pod of its own, whose log stays", ("job",)),
    _Reason(
        r"spec\.template\.spec\.imagePullSecrets",
        "the workload's: a Job that cannot pull its image does not fail, and the sync waits (G303)",
        ("job",),
        _added,
    ),
    _Reason(
        r"spec\.template\.spec\.automountServiceAccountToken",
        "a migration does not talk to the Kubernetes API (S403)",
        ("job",),
        lambda _before, after: after is False,
    ),
    _Reason(
        r"spec\.template\.spec\.initContainers(\[[^]]+\])?",
        "the runner waits for the database itself (migrations.wait)",
        ("job",),
        lambda before, after: all(_waits(each, after) for each in (before if isinstance(before, list) else [before])),
    ),
)


def reason_for(subject: Subject, path: tuple[str | int, ...], before: object, after: object) -> str:
    """Return why a difference is meant, nothing where it is not."""
    if subject.role == "new":
        return _new(subject, mapping(after))
    field = ".".join(map(str, path)).replace(".[", "[")
    if subject.role == "job" and (reason := _hook(subject, field, before, after)):
        return reason
    match = re.match(r"spec\.template\.spec\.(initContainers|containers)\[([^]]+)\]\.?(.*)\Z", field)
    for each in _REASONS:
        if not each.when(before, after):
            continue
        if match and "container" in each.roles and _is_migration(subject, match[1], match[2]):
            if re.fullmatch(each.field, match[3]):
                return each.text
        elif subject.role in each.roles and re.fullmatch(each.field, field):
            return each.text
    return ""


def _is_migration(subject: Subject, field: str, name: str) -> bool:
    if subject.role == "job":
        return field == "containers" and name in {"migration", subject.container}
    return subject.role == "workload" and field == "initContainers" and name == subject.container


def _hook(subject: Subject, field: str, before: object, after: object) -> str:
    """Helm's annotations give way to Argo CD's own; they can come and go one by one, or all together."""
    names = re.sub(r"\Ametadata\.annotations\.?", "", field) if field.startswith("metadata.annotations") else None
    if names is None:
        return ""
    gone = names.startswith("helm.sh/") or (not names and _only(before, "helm.sh/"))
    come = names == HOOK or (not names and _only(after, "argocd.argoproj.io/"))
    if names == HELM_DELETE_POLICY and "hook-succeeded" in str(before):
        return "Argo CD's own annotations; and the finished Job stays until its TTL, for its logs to be read"
    if gone and after is None:
        return _HOOK[0]
    return _HOOK[0 if subject.helm else 1] if come and before is None else ""


def _only(value: object, prefix: str) -> bool:
    return isinstance(value, dict) and bool(value) and all(str(key).startswith(prefix) for key in value)


def _new(subject: Subject, data: dict[str, object]) -> str:
    if subject.kind == "ConfigMap" and "run.sh" in mapping(data.get("data")):
        return _SCRIPTS
    if not text(value_at(data, ("metadata", "labels", "app.kubernetes.io/managed-by"))).startswith("aegisgen"):
        return ""
    if subject.kind == "ConfigMap":
        return _OWN_CONFIG
    return "rendered by aegisgen" if subject.kind != "Job" else ""
