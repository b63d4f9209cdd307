"""What Argo CD reads from a resource's annotations: hook types, delete policies, sync waves.

Source: Argo CD 3.x, `gitops-engine/pkg/sync/` (`hook/hook.go`, `hook/delete_policy.go`, `hook/helm/`, `sync_phase.go`,
`syncwaves/waves.go`, `common/types.go`, `resource/annotations.go`) and `controller/hook.go`.
Everything is case-sensitive there, lists are comma-separated, and what is not known is dropped without a word; the
records here keep what was dropped, so that a rule can point at it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import lru_cache
from typing import TypeVar

from aegisgen.kube.resource import Resource
from aegisgen.record import Record

T = TypeVar("T")

HOOK = "argocd.argoproj.io/hook"
DELETE_POLICY = "argocd.argoproj.io/hook-delete-policy"
SYNC_WAVE = "argocd.argoproj.io/sync-wave"
HELM_HOOK = "helm.sh/hook"
HELM_DELETE_POLICY = "helm.sh/hook-delete-policy"
HELM_WEIGHT = "helm.sh/hook-weight"

# strconv.Atoi: decimal digits with a sign, no blanks, no underscores, 64 bits.
_INTEGER = re.compile(r"[+-]?[0-9]+\Z", re.ASCII)
_MAX_DIGITS = 20


class Phase(StrEnum):
    """A phase of a sync, in the order in which they run; SyncFail runs in place of what a failure skips."""

    PRE_SYNC = "PreSync"
    SYNC = "Sync"
    POST_SYNC = "PostSync"
    SYNC_FAIL = "SyncFail"


class HookType(StrEnum):
    """The hook types of Argo CD 3.x. The two Delete types run when the Application is deleted, never in a sync."""

    PRE_SYNC = "PreSync"
    SYNC = "Sync"
    POST_SYNC = "PostSync"
    SYNC_FAIL = "SyncFail"
    SKIP = "Skip"
    PRE_DELETE = "PreDelete"
    POST_DELETE = "PostDelete"


class DeletePolicy(StrEnum):
    """When Argo CD deletes a hook. `Never` is the youngest (argo-cd pull request 28516); older releases drop it."""

    BEFORE_HOOK_CREATION = "BeforeHookCreation"
    HOOK_SUCCEEDED = "HookSucceeded"
    HOOK_FAILED = "HookFailed"
    NEVER = "Never"


PHASES = tuple(Phase)
HOOK_TYPES = tuple(HookType)
DELETE_POLICIES = tuple(DeletePolicy)
HELM_TYPES = {
    "pre-install": HookType.PRE_SYNC,
    "pre-upgrade": HookType.PRE_SYNC,
    "post-install": HookType.POST_SYNC,
    "post-upgrade": HookType.POST_SYNC,
    "pre-delete": HookType.PRE_DELETE,
    "post-delete": HookType.POST_DELETE,
}
HELM_UNSUPPORTED = ("pre-rollback", "post-rollback", "test", "test-success", "test-failure", "crd-install")
HELM_DELETE_POLICIES = {
    "before-hook-creation": DeletePolicy.BEFORE_HOOK_CREATION,
    "hook-succeeded": DeletePolicy.HOOK_SUCCEEDED,
    "hook-failed": DeletePolicy.HOOK_FAILED,
}
_KEYS = (HOOK, DELETE_POLICY, HELM_HOOK, HELM_DELETE_POLICY)
_AT_DELETION = (HookType.PRE_DELETE, HookType.POST_DELETE)


class Dropped(Record):
    """One value of an annotation that Argo CD does not take. `value` is empty where the annotation is."""

    annotation: str
    value: str


class Hook(Record):
    """What a resource's hook annotations amount to.

    `types` and `delete_policies` are what Argo CD acts on, each once, in the order written. `unknown` and
    `unknown_policies` are misspellings; `unsupported` are types of Helm's own that Argo CD has no equal for.
    """

    types: tuple[HookType, ...]
    delete_policies: tuple[DeletePolicy, ...]
    unknown: tuple[Dropped, ...] = ()
    unknown_policies: tuple[Dropped, ...] = ()
    unsupported: tuple[Dropped, ...] = ()

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The phases of a sync in which the resource is applied, in running order."""
        return _phases(self.types)

    @property
    def skipped(self) -> bool:
        """True where the resource is left out of every sync on purpose: `Skip` with no other type of a sync."""
        return HookType.SKIP in self.types and not self.phases

    @property
    def at_deletion(self) -> tuple[HookType, ...]:
        """PreDelete and PostDelete: what runs when the Application itself is deleted."""
        return tuple(kind for kind in self.types if kind in _AT_DELETION)

    @property
    def never_applied(self) -> bool:
        """True for a hook that no event of an Application's life applies: all its types were dropped."""
        return not self.types


class Wave(Record):
    """The wave in which a resource is applied, and the annotation values on the way to it that are no integers."""

    value: int
    invalid: tuple[Dropped, ...] = ()


@lru_cache(maxsize=64)
def _phases(types: tuple[HookType, ...]) -> tuple[Phase, ...]:
    return tuple(phase for phase in PHASES if phase.value in types)


def hook_of(resource: Resource) -> Hook | None:
    """Return what the hook annotations of `resource` say, None for an ordinary resource.

    Argo CD's own annotation wins; Helm's counts where it has no type of a sync that Argo CD knows, even beside a
    misspelt one. `helm.sh/hook: crd-install` alone makes no hook. Source: `hook.go`, `helm/hook.go`.
    """
    annotations = resource.annotations
    if HOOK not in annotations and annotations.get(HELM_HOOK, "crd-install") == "crd-install":
        return None
    return _hook(tuple((key, annotations[key]) for key in _KEYS if key in annotations))


@lru_cache(maxsize=256)
def _hook(annotated: tuple[tuple[str, str], ...]) -> Hook:
    """Read the annotations of a hook, which a thousand hooks have in common."""
    annotations = dict(annotated)
    own, unknown = _read(annotations, HOOK, {kind.value: kind for kind in HOOK_TYPES})
    if HOOK in annotations and not own and not unknown:
        unknown = (Dropped(HOOK, ""),)
    helm, helm_dropped = _read(annotations, HELM_HOOK, HELM_TYPES)
    unsupported = tuple(dropped for dropped in helm_dropped if dropped.value in HELM_UNSUPPORTED)
    if not any(kind not in _AT_DELETION for kind in own):
        types = _unique((*own, *helm))
        unknown += tuple(dropped for dropped in helm_dropped if dropped not in unsupported)
    else:  # controller/hook.go looks for the Delete types in both annotations, whichever rules the sync
        types = _unique((*own, *(kind for kind in helm if kind in _AT_DELETION)))
        unsupported = ()
    policies, unknown_policies = _delete_policies(annotations)
    return Hook(types, policies, unknown, unknown_policies, unsupported)


def delete_policies_of(resource: Resource) -> tuple[tuple[DeletePolicy, ...], tuple[Dropped, ...]]:
    """Return the policies that apply, and the values that were dropped.

    Argo CD's and Helm's add up, whichever annotation makes the hook (argo-cd issue 15613); with no valid one,
    BeforeHookCreation applies. Source: `delete_policy.go`.
    """
    return _delete_policies(resource.annotations)


def _delete_policies(annotations: Mapping[str, str]) -> tuple[tuple[DeletePolicy, ...], tuple[Dropped, ...]]:
    own, dropped = _read(annotations, DELETE_POLICY, {policy.value: policy for policy in DELETE_POLICIES})
    helm, helm_dropped = _read(annotations, HELM_DELETE_POLICY, HELM_DELETE_POLICIES)
    return _unique((*own, *helm)) or (DeletePolicy.BEFORE_HOOK_CREATION,), (*dropped, *helm_dropped)


def wave_of(resource: Resource) -> Wave:
    """Return the wave of `resource`: its sync-wave, else its Helm hook weight, else 0.

    The weight counts on any resource, a hook or not. Source: `waves.go`, `helm/weight.go`.
    """
    annotations = resource.annotations
    return _wave(annotations.get(SYNC_WAVE), annotations.get(HELM_WEIGHT))


@lru_cache(maxsize=256)
def _wave(sync_wave: str | None, weight: str | None) -> Wave:
    invalid: list[Dropped] = []
    for key, text in ((SYNC_WAVE, sync_wave), (HELM_WEIGHT, weight)):
        if text is None:
            continue
        number = _atoi(text)
        if number is not None:
            return Wave(number, tuple(invalid))
        invalid.append(Dropped(key, text))
    return Wave(0, tuple(invalid))


def _read(
    annotations: Mapping[str, str], key: str, known: Mapping[str, T]
) -> tuple[tuple[T, ...], tuple[Dropped, ...]]:
    """Return what an annotation says of what is `known`, and the rest."""
    values = _unique(value for item in annotations.get(key, "").split(",") if (value := item.strip()))
    dropped = tuple(Dropped(key, value) for value in values if value not in known)
    return tuple(known[value] for value in values if value in known), dropped


def _unique(items: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(items))


def _atoi(text: str) -> int | None:
    if not _INTEGER.match(text):
        return None
    digits = text.lstrip("+-").lstrip("0") or "0"
    number = int(digits[:_MAX_DIGITS]) * (-1 if text.startswith("-") else 1)
    return number if len(digits) <= _MAX_DIGITS and -(2**63) <= number < 2**63 else None
