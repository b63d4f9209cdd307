"""Why a field that aegisgen renders is meant to differ from what people usually write. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable

from aegisgen.adopt.find import migrates
from aegisgen.adopt.shell import script_of
from aegisgen.adopt.tools import call_of
from aegisgen.argocd.hooks import HELM_DELETE_POLICY, HOOK
from aegisgen.kube.resource import value_at
from aegisgen.kube.shape import mapping, text
from aegisgen.record import Record


class Subject(Record):
    """The object that a field belongs to: its role is job, workload, new or other."""

    kind: str
    name: str
    role: str
    container: str = ""
    helm: bool = False
    """It was a hook of Helm's."""


_When = Callable[[object, object], bool]
_Reasons = tuple[tuple[str, str, _When], ...]
"""The field, why it differs, and of which differences that is true, told from the values before and after."""


def _always(_before: object, _after: object) -> bool:
    return True


def _added(before: object, after: object) -> bool:
    return before is None and after is not None


def _removed(before: object, after: object) -> bool:
    return before is not None and after is None


def _only_runner(before: object, after: object) -> bool:
    added = after if isinstance(after, list) else [after]
    return before is None and all(mapping(entry).get("name") == "migration-runner" for entry in added)


def _waits(before: object, after: object) -> bool:
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

_NAMED = "each variable is named, so that one that is missing stops the pod"
_PULL_ALWAYS = "a tag can move: without Always a node runs the migrations of an image it pulled earlier (G302)"
_NO_LABEL = "a label by which a Service or the workload itself would take the Job's pod for one of its own"
_DEFAULT = "what Kubernetes does without it, written out"
_TTL = "Argo CD can miss a Job that vanishes at once, and then waits for ever (H106)"
_PULL_SECRETS = "the workload's: a Job that cannot pull its image does not fail, and the sync waits (G303)"

_OF_CONTAINER: _Reasons = (
    (r"command|args", _RUNNER, _always),
    (r"volumeMounts(\[.*)?", _SCRIPTS, _only_runner),
    (r"workingDir", "the commands change to that folder themselves", _removed),
    (r"name", "aegisgen calls the container of a Job migration", _always),
    (r"imagePullPolicy", _PULL_ALWAYS, lambda before, after: before is None and after == "Always"),
    (r"imagePullPolicy", _DEFAULT, _added),
    (r"resources(\..*)?", "requests and limits, where there were none (S402)", _added),
    (r"securityContext(\..*)?", "no rights that a migration has a use for (S404)", _added),
    (r"terminationMessagePolicy", "a failure shows its reason in kubectl describe", _always),
    (r"envFrom", _NAMED, _removed),
    (
        r"env\[[^]]+\](\.valueFrom\.configMapKeyRef\.(name|key))?",
        _OWN_CONFIG,
        lambda _before, after: "-migration-config" in str(after),
    ),
    (r"env\[[^]]+\]", _NAMED, lambda before, after: before is None and "valueFrom" in mapping(after)),
    (r"env\[[^]]+\]", "what the script exported", lambda before, after: before is None and "value" in mapping(after)),
)
_OF_POD: _Reasons = ((r"spec\.template\.spec\.volumes(\[.*)?", _SCRIPTS, _only_runner),)
_OF_JOB: _Reasons = (
    *_OF_POD,
    (r"(spec\.template\.)?metadata\.labels", _LABELS, _added),
    (r"spec\.template\.metadata", _LABELS, lambda before, after: before is None and set(mapping(after)) == {"labels"}),
    (r"(spec\.template\.)?metadata\.labels\..*", _LABELS, lambda _before, after: after is not None),
    (r"(spec\.template\.)?metadata\.labels\..*", _NO_LABEL, _removed),
    (_META + r"hook-delete-policy", "what Argo CD does without one, written out", _added),
    (
        _META + r"hook-delete-policy",
        "the finished Job stays until its TTL, for its logs to be read",
        lambda before, after: after == "BeforeHookCreation" and "HookSucceeded" in str(before),
    ),
    (_META + r"sync-wave", "the wave of Helm's weight, or of no wave at all, written out", _added),
    (r"spec\.activeDeadlineSeconds", "Argo CD waits for a Job without any limit of its own (H105)", _added),
    (r"spec\.ttlSecondsAfterFinished", "the finished Job stays long enough for its logs, and then goes", _added),
    (
        r"spec\.ttlSecondsAfterFinished",
        _TTL,
        lambda before, after: isinstance(before, int) and isinstance(after, int) and before < after,
    ),
    (r"spec\.backoffLimit", _DEFAULT, _added),
    (r"spec\.template\.spec\.restartPolicy", "each attempt is a pod of its own, whose log stays", _always),
    (r"spec\.template\.spec\.imagePullSecrets", _PULL_SECRETS, _added),
    (
        r"spec\.template\.spec\.automountServiceAccountToken",
        "a migration does not talk to the Kubernetes API (S403)",
        lambda _before, after: after is False,
    ),
    (
        r"spec\.template\.spec\.initContainers(\[[^]]+\])?",
        "the runner waits for the database itself (migrations.wait)",
        lambda before, after: all(_waits(each, after) for each in (before if isinstance(before, list) else [before])),
    ),
)


def reason_for(subject: Subject, path: tuple[str | int, ...], before: object, after: object) -> str:
    """Return why a difference is meant, nothing where it is not."""
    if subject.role == "new":
        return _new(subject, mapping(after))
    if path == ("metadata", "namespace") and before is None:
        return "the profile's namespace, where the overlay named none"
    field = ".".join(map(str, path)).replace(".[", "[")
    if subject.role == "job" and (reason := _hook(subject, field, before, after)):
        return reason
    reasons: _Reasons = {"job": _OF_JOB, "workload": _OF_POD}.get(subject.role, ())
    match = re.match(r"spec\.template\.spec\.(initContainers|containers)\[([^]]+)\]\.?(.*)\Z", field)
    if match and _is_migration(subject, match[1], match[2]):
        reasons, field = _OF_CONTAINER, match[3]
    fitting = (why for pattern, why, when in reasons if re.fullmatch(pattern, field) and when(before, after))
    return next(fitting, "")


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
