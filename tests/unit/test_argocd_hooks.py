from __future__ import annotations

import pytest
from msgspec.structs import astuple
from tests.manifests import objects

from aegisgen.argocd.hooks import Dropped, Hook, delete_policies_of, hook_of, wave_of
from aegisgen.kube.resource import Resource

HOOK = "argocd.argoproj.io/hook"
POLICY = "argocd.argoproj.io/hook-delete-policy"
WAVE = "argocd.argoproj.io/sync-wave"
HELM = "helm.sh/hook"
HELM_POLICY = "helm.sh/hook-delete-policy"
WEIGHT = "helm.sh/hook-weight"


def resource(annotations: dict[str, str]) -> Resource:
    data = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "job", "annotations": annotations}}
    (found,) = objects(data)
    return found


def hook(**annotations: str) -> Hook:
    keys = {"argo": HOOK, "helm": HELM, "policy": POLICY, "helm_policy": HELM_POLICY}
    found = hook_of(resource({keys[key]: value for key, value in annotations.items()}))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("value", "types"),
    [
        *((kind, [kind]) for kind in ("PreSync", "Sync", "PostSync", "SyncFail", "Skip", "PreDelete", "PostDelete")),
        ("PreSync,PostSync", ["PreSync", "PostSync"]),
        (" PostSync , PreSync ", ["PostSync", "PreSync"]),
        ("PreSync,PreSync,,", ["PreSync"]),
        ("PreSync,PostDelete", ["PreSync", "PostDelete"]),
    ],
)
def test_every_type_of_argo_cd_is_read_once_from_a_comma_list(value: str, types: list[str]) -> None:
    found = hook(argo=value)
    assert list(found.types) == types
    assert found.unknown == ()


@pytest.mark.parametrize(
    "value", ["presync", "PRESYNC", "Pre-Sync", "pre-install", "PreSync;PostSync", "PreSync PostSync"]
)
def test_a_type_that_is_not_spelt_exactly_is_dropped_and_the_resource_never_applied(value: str) -> None:
    found = hook(argo=value)
    assert found.unknown == (Dropped(HOOK, value),)
    assert found.never_applied
    assert found.phases == ()


def test_an_empty_hook_annotation_makes_a_hook_that_is_never_applied() -> None:
    found = hook(argo=" , ")
    assert found.never_applied
    assert found.unknown == (Dropped(HOOK, ""),)


def test_one_known_type_beside_a_misspelt_one_counts() -> None:
    found = hook(argo="PreSync,Postsync")
    assert found.phases == ("PreSync",)
    assert found.unknown == (Dropped(HOOK, "Postsync"),)
    assert not found.never_applied


def test_phases_come_in_running_order_whatever_order_they_are_written_in() -> None:
    assert hook(argo="SyncFail,PostSync,PreSync").phases == ("PreSync", "PostSync", "SyncFail")


@pytest.mark.parametrize(("value", "skipped"), [("Skip", True), ("Skip,typo", True), ("Skip,PreSync", False)])
def test_skip_counts_only_where_no_other_type_of_a_sync_stands_beside_it(value: str, skipped: bool) -> None:
    assert hook(argo=value).skipped is skipped


def test_a_resource_without_hook_annotations_is_no_hook() -> None:
    assert hook_of(resource({WAVE: "3", POLICY: "HookFailed", WEIGHT: "1"})) is None


@pytest.mark.parametrize(
    ("value", "types"),
    [
        ("pre-install", ["PreSync"]),
        ("pre-upgrade", ["PreSync"]),
        ("pre-install,pre-upgrade", ["PreSync"]),
        ("post-install, post-upgrade", ["PostSync"]),
        ("pre-install,post-upgrade", ["PreSync", "PostSync"]),
        ("pre-delete", ["PreDelete"]),
        ("post-delete", ["PostDelete"]),
        ("pre-install,pre-delete", ["PreSync", "PreDelete"]),
    ],
)
def test_helm_hooks_map_to_those_of_argo_cd(value: str, types: list[str]) -> None:
    assert list(hook(helm=value).types) == types


@pytest.mark.parametrize("value", ["test", "test-success", "pre-rollback", "post-rollback"])
def test_helm_hooks_without_an_equal_are_never_applied_and_are_no_typos(value: str) -> None:
    found = hook(helm=value)
    assert found.never_applied
    assert found.unsupported == (Dropped(HELM, value),)
    assert found.unknown == ()


def test_a_misspelt_helm_hook_is_unknown() -> None:
    assert hook(helm="pre-instal").unknown == (Dropped(HELM, "pre-instal"),)


def test_crd_install_alone_is_no_hook() -> None:
    assert hook_of(resource({HELM: "crd-install"})) is None
    assert hook(helm="crd-install,pre-install").phases == ("PreSync",)


def test_argo_cds_annotation_overrules_helms() -> None:
    found = hook(argo="PostSync", helm="pre-install,test,typo")
    assert found.types == ("PostSync",)
    assert found.unsupported == ()


@pytest.mark.parametrize("value", ["presync", "", "PreDelete"])
def test_helms_annotation_counts_where_argo_cds_names_no_type_of_a_sync(value: str) -> None:
    assert hook(argo=value, helm="pre-install").phases == ("PreSync",)


def test_a_hook_for_deletion_is_not_lost_beside_one_for_a_sync() -> None:
    found = hook(argo="PreSync", helm="post-delete")
    assert found.phases == ("PreSync",)
    assert found.at_deletion == ("PostDelete",)


@pytest.mark.parametrize(
    ("annotations", "policies", "dropped"),
    [
        ({}, ["BeforeHookCreation"], []),
        ({POLICY: ""}, ["BeforeHookCreation"], []),
        ({POLICY: "HookSucceeded"}, ["HookSucceeded"], []),
        ({POLICY: "HookSucceeded, HookFailed"}, ["HookSucceeded", "HookFailed"], []),
        ({POLICY: "Never"}, ["Never"], []),
        ({POLICY: "hooksucceeded"}, ["BeforeHookCreation"], [(POLICY, "hooksucceeded")]),
        ({POLICY: "HookSucceeded,OnFailure"}, ["HookSucceeded"], [(POLICY, "OnFailure")]),
        ({HELM_POLICY: "before-hook-creation,hook-failed"}, ["BeforeHookCreation", "HookFailed"], []),
        ({HELM_POLICY: "HookSucceeded"}, ["BeforeHookCreation"], [(HELM_POLICY, "HookSucceeded")]),
        ({POLICY: "HookFailed", HELM_POLICY: "hook-succeeded"}, ["HookFailed", "HookSucceeded"], []),
        ({POLICY: "HookFailed", HELM_POLICY: "hook-failed"}, ["HookFailed"], []),
    ],
)
def test_delete_policies_add_up_and_default_to_before_hook_creation(
    annotations: dict[str, str], policies: list[str], dropped: list[tuple[str, str]]
) -> None:
    found, unknown = delete_policies_of(resource(annotations))
    assert (list(found), [astuple(each) for each in unknown]) == (policies, dropped)
    with_hook = hook_of(resource({HOOK: "PreSync", **annotations}))
    assert with_hook is not None
    assert (with_hook.delete_policies, with_hook.unknown_policies) == (found, unknown)


@pytest.mark.parametrize(
    ("annotations", "value", "invalid"),
    [
        ({}, 0, []),
        ({WAVE: "-1"}, -1, []),
        ({WAVE: "+7"}, 7, []),
        ({WAVE: "007"}, 7, []),
        ({WAVE: "0" * 5000 + "3"}, 3, []),
        ({WAVE: "-0"}, 0, []),
        ({WAVE: "one"}, 0, [(WAVE, "one")]),
        ({WAVE: "1.0"}, 0, [(WAVE, "1.0")]),
        ({WAVE: " 1"}, 0, [(WAVE, " 1")]),
        ({WAVE: "1\n"}, 0, [(WAVE, "1\n")]),
        ({WAVE: "1_000"}, 0, [(WAVE, "1_000")]),
        ({WAVE: "\u0661"}, 0, [(WAVE, "\u0661")]),
        ({WAVE: ""}, 0, [(WAVE, "")]),
        ({WAVE: "--1"}, 0, [(WAVE, "--1")]),
        ({WAVE: "9223372036854775807"}, 2**63 - 1, []),
        ({WAVE: "9223372036854775808"}, 0, [(WAVE, "9223372036854775808")]),
        ({WAVE: "9" * 5000}, 0, [(WAVE, "9" * 5000)]),
        ({WEIGHT: "-5"}, -5, []),
        ({WAVE: "2", WEIGHT: "-5"}, 2, []),
        ({WAVE: "x", WEIGHT: "-5"}, -5, [(WAVE, "x")]),
        ({WAVE: "x", WEIGHT: "y"}, 0, [(WAVE, "x"), (WEIGHT, "y")]),
    ],
)
def test_a_wave_is_what_go_reads_as_an_integer_else_the_helm_weight_else_nought(
    annotations: dict[str, str], value: int, invalid: list[tuple[str, str]]
) -> None:
    found = wave_of(resource(annotations))
    assert (found.value, [astuple(each) for each in found.invalid]) == (value, invalid)
