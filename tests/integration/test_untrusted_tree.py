"""A tree that a stranger wrote runs nothing, reads nothing outside of itself, reaches no network, and comes to an end.

Each row is an attack. In all of them the secret is made up, and the program that must not run leaves a mark.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests import trees
from tests.conftest import ROOT, Outcome, aegisgen, refusal
from tests.small_fleet import git
from tests.tools import need
from tests.trees import executable

from aegisgen import files

SECRET = "made-up-7f3a"
LEAK = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {SECRET}}}\nspec: [{SECRET}\n"
PROJECT, PROFILE = "argocd/aegisgen.yaml", "argocd/profiles/staging.yaml"
BASE, OVERLAY = "argocd/base/api/", "argocd/overlays/staging/api/"


@pytest.fixture
def tree(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The AegisX tree in a repository, which is the working directory."""
    monkeypatch.setenv("AEGISGEN_MADE_UP", SECRET)
    git(project.parent, "init", "--quiet")
    git(project.parent, "config", "http.extraHeader", f"AUTHORIZATION: basic {SECRET}")
    return project.parent


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """What lies beside the repository and is none of its business."""
    folder = Path(f"{tmp_path}-outside")
    shutil.copytree(tmp_path / "argocd", folder / "argocd")
    (folder / "leak").write_text(LEAK)
    for file in folder.rglob("*.yaml"):
        file.write_text(f"{file.read_text()}\n{SECRET}: [\n")
    return folder


def put(file: Path, text: str) -> None:
    trees.put(file.parent, {file.name: text})


def refused(outcome: Outcome, code: int = 2) -> None:
    text = outcome.out + outcome.err
    assert outcome.code == code, text
    assert SECRET not in text
    assert "root:" not in text
    assert "internal error" not in text
    assert "Traceback" not in text
    assert len(text) < 4000


READS = [
    (PROJECT, "check --no-compose"),
    (PROFILE, "check"),
    (PROFILE, "render staging --stdout"),
    (PROFILE, "plan staging"),
    (PROFILE, "runbook staging"),
    (PROFILE, "schema --write"),
    (f"{BASE}deployment.yaml", "validate argocd"),
    (f"{BASE}deployment.yaml", "check --no-compose"),
    (f"{BASE}kustomization.yaml", "plan staging"),
    (f"{BASE}configmap.yaml", "plan --path argocd/overlays/staging/api"),
    (f"{OVERLAY}deployment-patch.yaml", "check --no-compose"),
    (f"{OVERLAY}deployment-patch.yaml", "render staging"),
    (f"{OVERLAY}kustomization.yaml", "render staging --diff"),
]


@pytest.mark.tools
@pytest.mark.usefixtures("kustomize")
@pytest.mark.parametrize("target", ["leak", "/proc/self/environ", "/etc/shadow", "/dev/zero", "pipe", ".git/config"])
@pytest.mark.parametrize(("file", "command"), READS)
def test_a_file_that_leads_elsewhere_or_is_none_is_not_read(tree, outside, file, command, target) -> None:
    victim = tree / file
    victim.unlink()
    if target == "pipe":
        os.mkfifo(victim)
    else:
        victim.symlink_to((tree if target.startswith(".git") else outside) / target)
    # Who writes schemas for editors reads no profile.
    refused(aegisgen(*command.split()), 0 if command.startswith("schema") else 2)


FURTHER = {
    "include": (PROJECT, "services:\n", "include: [services.yaml]\nservices:\n", "argocd/services.yaml", "check"),
    "baseline": (PROJECT, "services:\n", "rules: {baseline: known.json}\nservices:\n", "argocd/known.json", "check"),
    "patch": (f"{OVERLAY}kustomization.yaml", "patches:\n", "patches:\n  - {path: p.yaml, target: {kind: Job}}\n", f"{OVERLAY}p.yaml", "validate ."),
    "generator": (f"{OVERLAY}kustomization.yaml", "patches:\n", "secretGenerator: [{name: s, files: [a=p.yaml]}]\npatches:\n", f"{OVERLAY}p.yaml", "validate ."),
    "envs": (f"{OVERLAY}kustomization.yaml", "patches:\n", "configMapGenerator: [{name: s, envs: [p.yaml]}]\npatches:\n", f"{OVERLAY}p.yaml", "validate ."),
    "replacement": (f"{OVERLAY}kustomization.yaml", "patches:\n", "replacements: [{path: p.yaml}]\npatches:\n", f"{OVERLAY}p.yaml", "validate ."),
    "transformer": (f"{OVERLAY}kustomization.yaml", "patches:\n", "transformers: [p.yaml]\npatches:\n", f"{OVERLAY}p.yaml", "validate ."),
    "application": (PROJECT, "services:", "services:", "argocd/apps/more.yaml", "plan staging"),
    "loose manifest": (PROJECT, "services:", "services:", "argocd/more/loose.yaml", "validate argocd/more"),
    "package.json": (PROJECT, "services:", "services:", "package.json", "init other"),
}  # fmt: skip


@pytest.mark.tools
@pytest.mark.usefixtures("kustomize")
@pytest.mark.parametrize("case", FURTHER)
@pytest.mark.parametrize("target", ["leak", "/proc/self/environ"])
def test_nor_is_one_that_another_file_names(tree, outside, case, target) -> None:
    file, old, new, link, command = FURTHER[case]
    put(tree / file, (tree / file).read_text().replace(old, new, 1))
    if command.startswith("init"):
        link = f"other/{link}"
        put(tree / "other/x", "")
        command += " --yes"
    (tree / link).parent.mkdir(exist_ok=True)
    (tree / link).symlink_to(outside / target)
    refused(aegisgen(*command.split()))


NAMED = [
    "resources: [../../../../../{outside}/argocd/overlays/staging/api]",
    "resources: [{absolute}/argocd/overlays/staging/api]",
    "components: [../../../../../{outside}/argocd/base/api]",
    "resources: [../../../../../{outside}/leak]",
    "resources: [/etc/passwd]",
    "patches: [{{path: ../../../../../{outside}/leak}}]",
    "patchesStrategicMerge: [/proc/self/environ]",
    "configMapGenerator: [{{name: a, files: [/proc/self/environ]}}]",
    "configMapGenerator: [{{name: a, envs: [../../../../../{outside}/leak]}}]",
    "transformers: [../../../../../{outside}/leak]",
    "openapi: {{path: ../../../../../{outside}/leak}}",
    "configMapGenerator: [{{name: a, files: [../../../../.git/config]}}]",
    "resources: [../../../../.git/config]",
]


@pytest.mark.tools
@pytest.mark.usefixtures("kustomize")
@pytest.mark.parametrize(
    ("command", "field"),
    [(command, field) for command in ("validate argocd", "plan staging") for field in NAMED]
    # what only a build reads is left out
    + [("validate --no-compose argocd", field) for field in NAMED if field.startswith(("res", "comp", "patches"))],
)
def test_a_kustomization_cannot_name_what_is_outside(tree, outside, command, field) -> None:
    put(tree / OVERLAY / "kustomization.yaml", field.format(outside=outside.name, absolute=outside) + "\n")
    refused(aegisgen(*command.split()))


@pytest.mark.parametrize(
    "folder", ["argocd", "argocd/profiles", "argocd/base", "argocd/base/api", "argocd/overlays/staging"]
)
@pytest.mark.parametrize(
    "command",
    [
        "check --no-compose",
        "render --all",
        "check --project argocd/aegisgen.yaml",
        "validate --no-compose argocd/base/api",
        "plan staging",
        "adopt argocd/overlays",
    ],
)
def test_a_folder_that_leads_elsewhere_is_not_entered(tree, outside, folder, command) -> None:
    before = {file: file.read_bytes() for file in outside.rglob("*") if file.is_file()}
    shutil.rmtree(tree / folder)
    (tree / folder).symlink_to(outside / folder)
    if command.startswith("adopt"):
        (tree / PROJECT).unlink() if folder != "argocd" else None
    outcome = aegisgen(*command.split())
    if folder == "argocd" or command.startswith("check"):
        refused(outcome)
    assert SECRET not in outcome.out + outcome.err  # others need not read that folder
    assert {file: file.read_bytes() for file in outside.rglob("*") if file.is_file()} == before


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("repo/a", "repo"), ("repo/a/b/c.yaml", "repo"), ("repo/out", "repo"), ("repo/out/deep", "repo"),
        ("other/deep", "other"), ("plain", "plain"), ("plain/a", "plain/a"), ("here/a/b", "here"), ("here/out", "here"),
    ],
)  # fmt: skip
def test_what_the_tree_of_a_path_is(tmp_path, monkeypatch, named, expected) -> None:
    for folder in ("repo/.git", "repo/a/b", "other/.git", "other/deep", "plain/a", "here/a/b"):
        (tmp_path / folder).mkdir(parents=True)
    for link in ("repo/out", "here/out"):
        (tmp_path / link).symlink_to(tmp_path / "other")
    monkeypatch.chdir(tmp_path / "here")
    for home, here in (("other", "here"), ("here", None)):  # where it is the home folder, it is no tree
        monkeypatch.setenv("HOME", str(tmp_path / home))
        if expected != "here" or here:
            assert files._tree_of(str(tmp_path / named)) == os.path.realpath(tmp_path / expected)


def test_a_link_within_the_tree_is_followed(tree) -> None:
    shutil.move(tree / BASE / "deployment.yaml", tree / "deployment.yaml")
    (tree / BASE / "deployment.yaml").symlink_to("../../../deployment.yaml")
    assert aegisgen("check", "--no-compose").code == 0
    shutil.move(tree / "argocd", tree / "gitops")
    (tree / "argocd").symlink_to("gitops")
    assert aegisgen("check", "--no-compose").code == 0


def test_a_report_cannot_have_lines_of_other_files_shown(tree, outside) -> None:
    finding = {"path": f"../{outside.name}/leak", "line": 3, "column": 1, "rule": "V001", "severity": "error", "message": "m", "resource": "", "fix": ""}  # fmt: skip
    report = {"findings": [finding], "summary": {"checked": 1}, "skipped": [], "diff": "", "shard": "1/1", "unsettled": []}  # fmt: skip
    put(tree / "1.json", json.dumps(report))
    refused(aegisgen("merge", "1.json"), 1)


CODE = "{{ cycler.__init__.__globals__.os.system('touch MARK') }}"
TEMPLATES = {
    "globals": CODE,
    "classes": "{{ ''.__class__.__mro__[1].__subclasses__() }}" + CODE,
    "format": "{{ '{0.__class__.__init__.__globals__}'.format(target) }}" + CODE,
    "filter": "{{ ''|attr('__class__') }}" + CODE,
    "include": "{% include '/etc/shadow' %}",
    "itself": "{% include 'init-container/deployment-patch.yaml.j2' %}",
    "import": "{% import '../../../outside/leak' as x %}",
}
NAME = "init-container/deployment-patch.yaml.j2"


@pytest.mark.parametrize("command", ["check --all --no-compose", "render --all", "render --all --diff"])
def test_templates_of_the_tree_are_not_used(tree, command) -> None:
    put(tree / "argocd/templates" / NAME, CODE.replace("MARK", str(tree / "MARK")))
    outcome = aegisgen(*command.split())
    assert outcome.code == 0
    assert outcome.err.count("the templates in argocd/templates are not used") == 1
    assert not (tree / "MARK").exists()


def test_scripts_of_the_tree_are_not_used(tree) -> None:
    put(tree / "argocd/templates/runner/run.sh", "# Code generated by aegisgen from us. DO NOT EDIT.\n")
    outcome = aegisgen("check", "--all", "--no-compose")
    assert (outcome.code, outcome.err.count("the templates in argocd/templates are not used")) == (0, 1)


@pytest.mark.parametrize("case", TEMPLATES)
def test_a_template_that_is_named_runs_in_a_sandbox(tree, case) -> None:
    put(tree / "argocd/templates" / NAME, TEMPLATES[case].replace("MARK", str(tree / "MARK")))
    refused(aegisgen("check", "--no-compose", "--templates", "argocd/templates"))
    assert not (tree / "MARK").exists()


@pytest.mark.parametrize("target", ["leak", "/proc/self/environ", "/dev/zero"])
def test_a_template_that_is_named_lies_in_its_tree(tree, outside, target) -> None:
    link = tree / "argocd/templates" / NAME
    link.parent.mkdir(parents=True)
    link.symlink_to(outside / target)
    refused(aegisgen("render", "staging", "--stdout", "--templates", "argocd/templates"))


@pytest.mark.parametrize("place", ["{tree}/.cache", ".cache", "~/.cache"])
def test_no_cache_lies_in_the_tree(tree, monkeypatch, kustomize, place) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", place.format(tree=tree))
    before = set(tree.rglob("*"))
    assert aegisgen("check").code == 0
    assert set(tree.rglob("*")) == before


GIT = {
    "fsmonitor": ("core.fsmonitor", "PROGRAM", {}),
    "hooks": ("core.hooksPath", "HOOKS", {}),
    "pager": ("core.pager", "PROGRAM", {}),
    "external diff": ("diff.external", "PROGRAM", {}),
    "diff driver": ("diff.x.command", "PROGRAM", {".gitattributes": "* diff=x\n"}),
    "text conversion": ("diff.x.textconv", "PROGRAM", {".gitattributes": "* diff=x\n"}),
    "clean filter": ("filter.x.clean", "PROGRAM", {".gitattributes": "* filter=x\n"}),
    "filter process": ("filter.x.process", "PROGRAM", {".gitattributes": "* filter=x\n"}),
    "included": ("include.path", "../more", {"more": "[core]\n\tfsmonitor = PROGRAM\n[filter \"x\"]\n\tclean = PROGRAM\n", ".gitattributes": "* filter=x\n"}),
    "elsewhere": ("core.worktree", "/", {}),
}  # fmt: skip


@pytest.fixture
def armed(tree: Path) -> Path:
    """The tree, committed, with a program in it that leaves a mark."""
    for folder in (tree, tree / "hooks"):
        executable(folder / "post-index-change", f"touch '{tree}/MARK'\ncat")
    commit(tree)
    return tree


def commit(folder: Path) -> None:
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "--quiet", "--message", "x")


def stale(tree: Path) -> None:
    """Have git compare contents: what it knows of the files' times is not true any more."""
    for file in tree.rglob("*.yaml"):
        os.utime(file, (1, 1))


def changed_since(tree: Path, *codes: int, touched: bool = True) -> None:
    if touched:
        stale(tree)
    outcome = aegisgen("check", "--no-compose", "--changed-since", "HEAD")
    assert outcome.code in (codes or (0,)), outcome.err
    assert "internal error" not in outcome.err
    assert not (tree / "MARK").exists()


@pytest.mark.parametrize("case", GIT)
def test_the_config_of_a_repository_runs_nothing(armed, case) -> None:
    key, value, more = GIT[case]
    program, hooks = str(armed / "post-index-change"), str(armed / "hooks")
    for name, text in more.items():
        put(armed / name, text.replace("PROGRAM", program))
    git(armed, "config", key, value.replace("PROGRAM", program).replace("HOOKS", hooks))
    changed_since(armed, *((2,) if case == "elsewhere" else (0, 1)))
    assert aegisgen("init", "other", "--yes").code == 0
    assert not (armed / "MARK").exists()


def test_a_hook_of_the_repository_does_not_run(armed) -> None:
    shutil.copy(armed / "post-index-change", armed / ".git/hooks/post-index-change")
    changed_since(armed)


@pytest.mark.parametrize("where", ["argocd", "argocd/overlays"])
def test_a_bare_repository_in_the_tree_is_none(armed, where) -> None:
    shutil.copytree(armed / ".git", armed / where, dirs_exist_ok=True)
    config = f"[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tworktree = {armed}\n\tfsmonitor = {armed}/post-index-change\n"
    put(armed / where / "config", config)
    changed_since(armed, *((2,) if where == "argocd" else (0, 1)))


def test_a_git_file_that_points_into_the_tree_brings_no_config(armed) -> None:
    shutil.move(armed / ".git", armed / "dot-git")
    put(armed / ".git", "gitdir: dot-git\n")
    git(armed, "config", "core.fsmonitor", f"{armed}/post-index-change")
    changed_since(armed, 0, 1)


def test_a_submodule_brings_no_config(armed) -> None:
    other = armed / "vendored"
    put(other / "a.yaml", "a: 1\n")
    put(other / ".gitattributes", "* filter=x\n")
    git(other, "init", "--quiet")
    commit(other)
    commit(armed)
    for key in ("core.fsmonitor", "filter.x.clean"):
        git(other, "config", key, f"{armed}/post-index-change")
    changed_since(armed, 0, 1)


def test_what_is_missing_in_a_clone_is_not_fetched(armed) -> None:
    shutil.rmtree(armed / "hooks")
    for key, value in {"remote.x.url": str(armed), "remote.x.promisor": "true", "remote.x.uploadpack": f"{armed}/post-index-change", "extensions.partialClone": "x", "core.repositoryFormatVersion": "1", "protocol.file.allow": "always"}.items():  # fmt: skip
        git(armed, "config", key, value)
    put(armed / PROFILE, (armed / PROFILE).read_text() + "\n")
    blob = git(armed, "rev-parse", f"HEAD:{PROFILE}")
    (armed / ".git/objects" / blob[:2] / blob[2:]).unlink()
    changed_since(armed, 2, touched=False)


@pytest.mark.parametrize("revision", ["--output=MARK", "-h", "--upload-pack=touch MARK", "HEAD:argocd/aegisgen.yaml"])
def test_a_revision_is_no_option(armed, revision) -> None:
    refused(aegisgen("check", f"--changed-since={revision}"))
    assert not (armed / "MARK").exists()


URL = "http://127.0.0.1:{port}/x"
FETCHES = {
    "resources": f"resources: ['{URL}']",
    "resources in capitals": f"resources: ['{URL.replace('http', 'HTTP')}']",
    "resources beside a folder of that name": f"resources: ['{URL}']",
    "bases": f"bases: ['{URL}']",
    "components": f"components: ['{URL}']",
    "a repository": "resources: ['git::http://127.0.0.1:{port}/x.git?ref=main']",
    "crds": f"crds: ['{URL}']",
    "openapi": f"openapi: {{{{path: '{URL}'}}}}",
    "patches": f"patches: [{{{{path: '{URL}', target: {{{{kind: Job}}}}}}}}]",
    "patchesStrategicMerge": f"patchesStrategicMerge: ['{URL}']",
    "patchesJson6902": f"patchesJson6902: [{{{{path: '{URL}', target: {{{{version: v1, kind: Job, name: a}}}}}}}}]",
    "configurations": f"configurations: ['{URL}']",
    "generators": f"generators: ['{URL}']",
    "transformers": f"transformers: ['{URL}']",
    "validators": f"validators: ['{URL}']",
    "replacements": f"replacements: [{{{{path: '{URL}'}}}}]",
    "files": f"configMapGenerator: [{{{{name: a, files: ['k={URL}']}}}}]",
    "files without a key": f"configMapGenerator: [{{{{name: a, files: ['{URL}?a=b']}}}}]",
    "envs": f"secretGenerator: [{{{{name: a, envs: ['{URL}']}}}}]",
    "helm": f"helmCharts: [{{{{name: a, repo: '{URL}', version: '1'}}}}]",
    "an inline transformer": "transformers:\n- |-\n  apiVersion: builtin\n  kind: PatchTransformer\n  metadata: {{name: a}}\n  path: '" + URL + "'\n  target: {{kind: Job}}",
    "a transformer in a file": "transformers: [plugin.yaml]",
    "a transformer in a folder": "transformers: [plugin]",
}  # fmt: skip
PLUGIN = f"apiVersion: builtin\nkind: PatchTransformer\nmetadata: {{{{name: a}}}}\npath: '{URL}'\ntarget: {{{{kind: Job}}}}\n"


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield listening


@pytest.mark.tools
@pytest.mark.parametrize("deep", [False, True], ids=["overlay", "base"])
@pytest.mark.parametrize("case", FETCHES)
def test_nothing_that_a_kustomization_names_is_fetched(tree, kustomize, listener, case, deep) -> None:
    port = listener.getsockname()[1]
    file = tree / (BASE if deep else OVERLAY) / "kustomization.yaml"
    own = "" if FETCHES[case].startswith("resources") else "resources: [own.yaml]\n"
    put(file.with_name("own.yaml"), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
    put(file, own + FETCHES[case].format(port=port) + "\n")
    put(file.with_name("plugin.yaml"), PLUGIN.format(port=port))
    put(file.parent / "plugin/kustomization.yaml", "resources: [plugin.yaml]\n")
    put(file.parent / "plugin/plugin.yaml", PLUGIN.format(port=port))
    if "beside" in case:
        put(file.parent / f"http:/127.0.0.1:{port}/x", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n")
    found = aegisgen("validate", "argocd/overlays/staging")
    assert found.code == 1, found.err
    message = refusal("plan", "--path", str(tree / OVERLAY))
    assert "is not fetched: aegisgen composes without a network" in message
    assert re.search(r"/api/.*\.yaml:[1-9]\d*:[1-9]\d*: ", message)
    with pytest.raises(BlockingIOError):
        listener.accept()


@pytest.mark.tools
def test_kustomize_has_no_network_where_the_system_can_take_it_away(tree, listener, monkeypatch, kustomize) -> None:
    from aegisgen.kube import process, reach

    need("unshare")
    if not process.without_network():
        pytest.skip("this machine gives no network namespaces: unshare --net --map-root-user fails")
    monkeypatch.setattr(reach, "refuse", lambda _: None)  # the first line of defence is gone
    put(tree / OVERLAY / "kustomization.yaml", f"openapi: {{path: '{URL.format(port=listener.getsockname()[1])}'}}\n")
    assert aegisgen("plan", "staging").code == 2
    with pytest.raises(BlockingIOError):
        listener.accept()


FUNCTION = (
    "apiVersion: v1\nkind: X\nmetadata:\n  name: a\n  annotations:\n    config.kubernetes.io/function: |\n      {how}\n"
)


@pytest.mark.tools
@pytest.mark.parametrize("how", ["exec: {path: ./program}", "container: {image: a, network: true}"])
@pytest.mark.parametrize("field", ["generators", "transformers", "validators"])
def test_a_function_does_not_run(tree, kustomize, field, how) -> None:
    executable(tree / OVERLAY / "program", f"touch {tree}/MARK")
    put(tree / OVERLAY / "function.yaml", FUNCTION.format(how=how))
    put(tree / OVERLAY / "kustomization.yaml", f"resources: [deployment-patch.yaml]\n{field}: [function.yaml]\n")
    assert "aegisgen runs none" in refusal("plan", "staging")
    assert not (tree / "MARK").exists()


LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
BOMBS = {
    "aliases in a kustomization": {f"{OVERLAY}kustomization.yaml": f"{LAUGHS}resources: *i\n"},
    "aliases in a manifest": {f"{BASE}deployment.yaml": LAUGHS},
    "aliases in a profile": {PROFILE: LAUGHS},
    "a kustomization that names itself": {f"{OVERLAY}kustomization.yaml": "resources: [.]\n"},
    "a circle": {f"{OVERLAY}kustomization.yaml": "resources: [../../../base/api]\n", f"{BASE}kustomization.yaml": "resources: [../../overlays/staging/api]\n"},
    "bases that multiply": {f"argocd/base/{n}/kustomization.yaml": f"resources: [../{n + 1}/]\ncomponents: [../{n + 1}, ../{n + 1}/]\n" for n in range(30)} | {f"{OVERLAY}kustomization.yaml": "resources: [../../../base/0]\n"},
    "a large file": {f"{BASE}deployment.yaml": "a: 1\n" * 5_000_000},
    "deep folders": {f"argocd/base/{'d/' * 200}a.yaml": "a: 1\n"},
    "deep brackets": {f"{BASE}deployment.yaml": "[" * 200_000},
    "deep brackets in the baseline": {PROJECT: "apiVersion: aegisgen.dev/v1\nkind: Project\nrules: {baseline: known.json}\nservices: {a: {workload: {name: a, container: a}, image: a/a}}\n", "argocd/known.json": "[" * 200_000},
}  # fmt: skip


@pytest.mark.tools
@pytest.mark.parametrize(
    ("command", "case"),
    [
        # Kustomize takes seconds until it refuses them.
        pytest.param(command, case, marks=pytest.mark.long)
        if (command, case) in {("validate argocd", "aliases in a manifest"), ("plan staging", "aliases in a manifest")}
        else (command, case)
        for command in ("check", "validate argocd", "plan staging")
        for case in BOMBS
    ],
)
def test_a_bomb_does_not_go_off(tree, kustomize, case, command) -> None:
    for name, text in BOMBS[case].items():
        put(tree / name, text)
    begun = time.process_time()
    outcome = aegisgen(*command.split())
    assert outcome.code in {1, 2} or (case == "deep folders" and not command.startswith("validate"))
    assert "internal error" not in outcome.err
    assert time.process_time() - begun < 20  # of this process: whatever else the machine does


@pytest.mark.parametrize(
    "command",
    [
        "check --no-compose --write-baseline",
        "schema --write",
        "validate argocd --no-compose --write-baseline argocd/known.json",
    ],
)
@pytest.mark.parametrize("link", ["argocd/known.json", "argocd"])
def test_nothing_is_written_through_a_link_that_leads_out(tree, outside, command, link) -> None:
    text = (tree / PROJECT).read_text().replace("services:\n", "rules: {baseline: known.json}\nservices:\n", 1)
    put(tree / PROJECT, text)
    put(outside / PROJECT, text)
    before = {file: file.read_bytes() for file in outside.rglob("*") if file.is_file()}
    (shutil.move if link == "argocd" else lambda *_: None)(tree / link, tree / "moved")
    (tree / link).symlink_to(outside / link)
    refused(aegisgen(*command.split()), 0 if command.startswith("schema") and link != "argocd" else 2)
    assert {file: file.read_bytes() for file in outside.rglob("*") if file.is_file()} == before


@pytest.mark.parametrize("name", ["msgspec", "yaml", "jinja2", "json", "signal"])
def test_no_module_is_imported_from_the_tree(tree, name) -> None:
    put(tree / f"{name}.py", f"open({str(tree / 'MARK')!r}, 'w')\n")
    environment = os.environ | {"PYTHONPATH": str(ROOT / "generator")}
    command = [sys.executable, "-m", "aegisgen", "check", "--no-compose", "--jobs", "2"]
    outcome = subprocess.run(command, env=environment, cwd=tree, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr
    assert not (tree / "MARK").exists()


def test_who_is_told_to_write_over_a_link_does_not(tree, outside) -> None:
    link = tree / OVERLAY / "deployment-patch.yaml"
    link.unlink()
    link.symlink_to(outside / "leak")
    for arguments in (["render", "staging", "--force"], ["check", "--no-compose"]):
        refused(aegisgen(*arguments))
    assert (outside / "leak").read_text() == LEAK


@pytest.mark.skipif(sys.platform != "linux", reason="prctl(2) is Linux'")
def test_what_a_rehearsal_starts_does_not_learn_the_machines_secrets(monkeypatch) -> None:
    from aegisgen.rehearsal.processes import private

    for name in ("AWS_SECRET_ACCESS_KEY", "AEGISGEN_DATABASE_URL", "CI_JOB_TOKEN"):
        monkeypatch.setenv(name, SECRET)
    before = dict(os.environ)
    dumpable = ctypes.CDLL(None).prctl(3)
    with private():
        assert ctypes.CDLL(None).prctl(3) == 0
        assert SECRET not in subprocess.run(["env"], capture_output=True, text=True, check=True).stdout
    assert (dict(os.environ), ctypes.CDLL(None).prctl(3)) == (before, dumpable)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux'")
def test_a_process_of_a_rehearsal_cannot_read_its_parents_environment(tmp_path) -> None:
    tmp_path.chmod(0o755)
    program = (
        "import subprocess, sys; from aegisgen.rehearsal.processes import private\n"
        "with private():\n    sys.exit(subprocess.run(['sh', '-c', 'cat /proc/$PPID/environ /proc/$PPID/mem']).returncode)"
    )
    command = [need("setpriv"), "--reuid=65534", "--clear-groups", sys.executable, "-c", program]
    environment = {"PATH": os.environ["PATH"], "AWS_SECRET_ACCESS_KEY": SECRET, "PYTHONPATH": str(ROOT / "generator")}
    outcome = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd="/")
    if "ModuleNotFoundError" in outcome.stderr or "can't open" in outcome.stderr or outcome.returncode > 2:
        pytest.skip("nobody cannot run this Python")
    assert outcome.returncode != 0
    assert SECRET not in outcome.stdout


def test_the_documented_bounds_are_those_of_the_program() -> None:
    from aegisgen.kube import overlay, process
    from aegisgen.profile import reading

    page = (ROOT / "docs/security.md").read_text(encoding="utf-8")
    for number in (reading.MAX_BYTES, files.MAX_BYTES, overlay.MAX_FILE_BYTES, process.MAX_OUTPUT_BYTES):
        assert f"{number // 1_000_000} MB" in page
    for text in (f"{files.MAX_ENTRIES:,}", f"{files.MAX_DEPTH} folders", f"{process.TIMEOUT_SECONDS} s", "2 GB"):
        assert text in page
