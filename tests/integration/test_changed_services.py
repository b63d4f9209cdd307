"""Of which services `--changed-since` thinks, by what changed; and what it says where git cannot tell."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.conftest import refusal
from tests.small_fleet import BY_HAND, PROFILE, git
from tests.tools import need
from tests.trees import put, replace

from aegisgen.project.workspace import Selection, open_workspace
from aegisgen.render.places import APPS

pytestmark = pytest.mark.tools

ALL = {"alpha", "beta", "gamma", "delta", "plain"}
# One base has both of them, so what concerns one concerns the other.
PAIR = {"gamma", "delta"}


def changed(*, environments: list[str] | None = None, services: list[str] | None = None) -> tuple[set[str], bool]:
    """Return the services that are thought of, and whether Applications are."""
    selected = Selection(Path("argocd/aegisgen.yaml"), environments, services, changed_since="base")
    workspace = open_workspace(selected)
    assert {target.environment for target in workspace.targets} <= {"staging", "production"}
    return {target.service for target in workspace.targets}, APPS in workspace.scope


@contextmanager
def as_base(folder: Path, message: str) -> Iterator[None]:
    """Commit what there is as what changes are counted from, for a while."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)
    git(folder, "tag", "--force", "base")
    try:
        yield
    finally:
        git(folder, "tag", "--force", "base", "HEAD~1")


def touch(file: str) -> None:
    """Add a line to a file."""
    with Path(file).open("a") as stream:
        stream.write("\n")


def test_nothing_changed_concerns_nobody(small_fleet, cli) -> None:
    assert changed() == (set(), False)
    assert cli("check", "--no-compose", "--changed-since", "base").out == "0 files checked, no findings\n"


@pytest.mark.parametrize(
    ("file", "services", "applications"),
    [
        ("argocd/base/alpha/configmap.yaml", {"alpha"}, False),
        ("argocd/base/gamma/configmap.yaml", PAIR, False),
        ("argocd/overlays/staging/beta/deployment-patch.yaml", {"beta"}, False),
        ("argocd/overlays/production/plain/kustomization.yaml", {"plain"}, False),
        ("argocd/components/tracing/shared.yaml", {"alpha"} | PAIR, False),
        ("argocd/components/tracing/kustomization.yaml", {"alpha"} | PAIR, False),
        ("shared/limits/shared.yaml", {"beta"}, False),
        ("unrelated/values.yaml", set(), False),
        ("argocd/known.json", ALL, True),
        ("argocd/apps/by-hand.yaml", {"alpha"}, True),
        ("argocd/apps/staging-plain.yaml", {"plain"}, True),
    ],
)
@pytest.mark.parametrize("how", ["left", "staged", "committed", "hidden", "deleted", "renamed"])
def test_a_file_concerns_those_whose_it_is_or_who_name_it(small_fleet, file, services, applications, how) -> None:
    if how == "hidden":
        git(small_fleet, "update-index", "--assume-unchanged", file)
    if how == "deleted":
        Path(file).unlink()
    elif how == "renamed":
        Path(file).rename(Path(file).with_name("other.txt"))
    else:
        touch(file)
    if how in {"staged", "committed"}:
        git(small_fleet, "add", "--all")
    if how == "committed":
        git(small_fleet, "commit", "--quiet", "--message", "A change")
    assert changed() == (services, applications)
    git(small_fleet, "update-index", "--no-assume-unchanged", file) if how == "hidden" else None


@pytest.mark.parametrize(
    ("file", "old", "new", "services"),
    [
        ("argocd/aegisgen.yaml", "example.com/plain", "example.com/other", {"plain"}),
        ("argocd/aegisgen.yaml", '"5432"', '"5433"', ALL),
        ("argocd/aegisgen.yaml", "reason: agreed", "reason: settled", ALL),
        ("argocd/aegisgen.yaml", "services:", "# a comment\nservices:", set()),
        ("argocd/services/one.yaml", "example.com/beta", "example.com/other", {"beta"}),
        ("argocd/services/one.yaml", "tool: knex", "tool: alembic", {"alpha", "beta"}),
        ("argocd/services/two.yaml", "container: app", "container: web", PAIR),
        ("argocd/profiles/staging.yaml", "1.2.3", "1.2.4", {"alpha"}),
        ("argocd/profiles/staging.yaml", "staging-db", "other-db", ALL),
        ("argocd/profiles/staging.yaml", "{image: {tag: 1.2.3}}", "{overlay: 'overlays/one', image: {tag: 1.2.3}}", ALL),
        ("argocd/profiles/production.yaml", "    alpha:", "    beta: {config: {A: '1', B: '2'}}\n    alpha:", {"beta"}),
    ],
)  # fmt: skip
def test_a_definition_concerns_those_of_whom_it_says_something_else(small_fleet, file, old, new, services) -> None:
    replace(Path(file), old, new)
    assert changed() == (services, bool(services))


def test_a_file_that_git_takes_for_renamed_concerns_those_whose_it_was(small_fleet) -> None:
    git(small_fleet, "mv", "argocd/base/alpha/configmap.yaml", "unrelated/configmap.yaml")
    assert changed() == ({"alpha"}, False)


def test_the_order_of_keys_counts_and_one_is_not_true(small_fleet) -> None:
    replace(
        Path("argocd/services/one.yaml"),
        "workload: {name: alpha, container: app}",
        "workload: {container: app, name: alpha}",
    )
    assert changed()[0] == {"alpha"}


def test_a_service_that_goes_or_moves_is_followed(small_fleet) -> None:
    text = Path("argocd/services/two.yaml").read_text()
    Path("argocd/services/two.yaml").unlink()
    selected = Selection(Path("argocd/aegisgen.yaml"), None, None, changed_since="base")
    scope = open_workspace(selected).scope
    assert {"overlays/staging/gamma", "overlays/production/gamma", APPS} <= set(scope)
    assert not {path for path in scope if "alpha" in path}
    Path("argocd/services/moved.yaml").write_text(text)
    assert changed() == (PAIR, True)


@pytest.mark.parametrize(
    ("file", "text", "services"),
    [
        ("argocd/templates/presync-job/migration-job.yaml.j2", "a: 1\n", set()),
        ("argocd/services/three.yaml", "apiVersion: aegisgen.dev/v1\nkind: Services\nservices:\n  omega: {workload: {name: o, container: c}, image: a/b}\n", {"omega"}),
        ("argocd/profiles/preview.yaml", PROFILE.format(environment="preview", strategy="init-container"), ALL),
        ("argocd/kustomization.yaml", "resources: [base/alpha]\n", set()),
        ("argocd/kustomization.yaml", "patches: [{path: base/alpha/configmap.yaml}]\n", ALL),
        ("kustomization.yaml", "patchesStrategicMerge: [argocd/base/alpha/configmap.yaml]\n", ALL),
        ("argocd/overlays/staging/kustomization.yaml", "resources: [alpha, beta]\n", set()),
        ("argocd/apps/more.yaml", BY_HAND.replace("by-hand", "more").replace("staging/alpha", "production/plain"), {"plain"}),
        ("argocd/base/alpha/new.ignored.yaml", "a: 1\n", {"alpha"}),
        ("argocd/base/alpha/scratch/new.yaml", "a: 1\n", {"alpha"}),
        ("shared/limits/new/kustomization.yaml", "resources: []\n", {"beta"}),
        ("shared/elsewhere/kustomization.yaml", "resources: []\n", set()),
    ],
)  # fmt: skip
def test_a_new_file_concerns_those_whom_it_would(small_fleet, file, text, services) -> None:
    put(Path(), {file: text})
    selected = Selection(Path("argocd/aegisgen.yaml"), None, None, changed_since="base")
    assert {target.service for target in open_workspace(selected).targets} == services


@pytest.mark.parametrize(
    "entry",
    [
        "resources: [../../../components/tracing]\n",
        'resources:\n  - "../../../components/tracing"  # a comment\n',
        "resources:\n  - '../../../components/tracing'\n",
        "resources: [deployment-patch.yaml,\n  ../../../components/tracing]\n",
        'resources:\n  - "\\x2e./../../components/tracing"\n',
        "resources:\n  - ../../../../argocd/./components/../components/tracing\n",
        "resources:\n  - &shared ../../../components/tracing\n  - *shared\n",
        "resources:\n  -\n    ../../../components/tracing\n",
        "configMapGenerator:\n  - name: a\n    files: [key=../../../components/tracing/shared.yaml]\n",
        "configMapGenerator:\n  - name: a\n    files:\n      - key=../../../components/tracing/shared.yaml\n",
        "replacements:\n  - path: ../../../components/tracing/shared.yaml\n",
        "something: {unheard: [{of: ../../../components/tracing}]}\n",
        "resources:\n  - ../../../base/plain\ncomponents: [../../../components/tracing]\n",
        "resources:\n  - nested\n",
        "resources:\n  - {top}/argocd/components/tracing\n",
    ],
)
def test_a_name_is_found_however_it_is_written(small_fleet, entry) -> None:
    file = Path("argocd/overlays/staging/plain/kustomization.yaml")
    file.write_text(entry.replace("{top}", str(small_fleet)))
    (file.parent / "nested/deeper").mkdir(parents=True)
    deeper = "../../../../../components/tracing" if "nested" in entry else "."
    (file.parent / "nested/deeper/kustomization.yaml").write_text(f"resources: [{deeper}]\n")
    with as_base(small_fleet, "A name"):
        touch("argocd/components/tracing/shared.yaml")
        assert changed()[0] == {"alpha", "plain"} | PAIR


@pytest.mark.parametrize("link", ["argocd/base/plain/linked", "argocd/base/plain/linked.yaml"])
def test_a_link_is_followed(small_fleet, link) -> None:
    target = "../../components/tracing" + ("/shared.yaml" if link.endswith(".yaml") else "")
    Path(link).symlink_to(target)
    with as_base(small_fleet, "A link"):
        assert changed()[0] == set()
        touch("argocd/components/tracing/shared.yaml")
        assert changed()[0] == {"alpha", "plain"} | PAIR


def test_a_submodule_concerns_those_who_name_something_in_it(small_fleet, tmp_path) -> None:
    need("sed")  # git-submodule is a script
    library = tmp_path / "library"
    shutil.copytree("shared/limits", library / "limits")
    git(tmp_path, "init", "--quiet", "library")
    git(library, "add", "--all")
    git(library, "commit", "--quiet", "--message", "Limits")
    git(small_fleet, "submodule", "--quiet", "add", str(library), "vendored")
    replace(Path("argocd/overlays/staging/beta/kustomization.yaml"), "shared/limits", "vendored/limits")
    with as_base(small_fleet, "A submodule"):
        assert changed()[0] == set()
        touch("vendored/limits/shared.yaml")
        assert changed()[0] == {"beta"}
        git(small_fleet, "-C", "vendored", "checkout", "--quiet", ".")
        Path("vendored/limits/untracked.yaml").write_text("a: 1\n")
        assert changed()[0] == {"beta"}
    shutil.rmtree(".git/modules")


def test_it_can_be_narrowed_further(small_fleet) -> None:
    for name in ("alpha", "beta"):
        touch(f"argocd/base/{name}/configmap.yaml")
    assert changed() == ({"alpha", "beta"}, False)
    assert changed(services=["b*", "gamma"]) == ({"beta"}, False)
    assert changed(environments=["staging"], services=["alpha"]) == ({"alpha"}, False)


def test_it_works_in_a_hook_of_gits_own_and_from_a_folder_below(small_fleet, cli, monkeypatch) -> None:
    touch("argocd/base/alpha/configmap.yaml")
    git(small_fleet, "add", "--all")
    monkeypatch.setenv("GIT_INDEX_FILE", ".git/index")
    monkeypatch.setenv("GIT_DIR", ".git")
    assert changed() == ({"alpha"}, False)
    monkeypatch.delenv("GIT_INDEX_FILE")
    monkeypatch.delenv("GIT_DIR")
    monkeypatch.chdir("argocd/overlays/staging")
    assert cli("check", "--no-compose", "--changed-since", "base").out.endswith(" in 11 files\n")


@pytest.mark.parametrize(
    "revision", ["bsae", "0123456789abcdef0123456789abcdef01234567", "base:argocd", "base^{tree}", "-h"]
)
def test_an_unknown_revision_is_wrong_input(small_fleet, revision) -> None:
    assert refusal("check", f"--changed-since={revision}") == f"no revision {revision!r} in this repository\n"


def test_a_shallow_clone_says_what_to_do(small_fleet, tmp_path, monkeypatch) -> None:
    git(small_fleet, "commit", "--quiet", "--allow-empty", "--message", "Another")
    git(tmp_path, "clone", "--quiet", "--depth", "1", f"file://{small_fleet}", "clone")
    monkeypatch.chdir(tmp_path / "clone")
    message = refusal("check", "--changed-since", git(small_fleet, "rev-parse", "HEAD~1"))
    assert "this clone is shallow" in message
    assert "git fetch --unshallow" in message


def test_without_a_repository_it_is_wrong_usage(project, monkeypatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(project.parent.parent))
    message = refusal("check", "--changed-since", "HEAD")
    assert message.startswith("--changed-since needs a git repository, and ")
    assert "not a git repository" in message


def test_without_git_it_says_so(project, cli, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    outcome = cli("check", "--changed-since", "HEAD")
    assert outcome == (2, "", "git not found, install it\n")


def test_a_baseline_is_of_the_whole(small_fleet) -> None:
    assert "a baseline is of the whole project" in refusal("check", "--changed-since", "base", "--write-baseline")


def test_an_untracked_project_is_all_new(small_fleet, monkeypatch) -> None:
    shutil.copytree("argocd", "second/argocd")
    monkeypatch.chdir("second")
    assert changed() == (ALL, True)
    assert subprocess.run(["git", "status", "--short"], capture_output=True, text=True, check=True).stdout == "?? ./\n"


def test_names_that_git_would_quote_are_read_as_they_are(small_fleet) -> None:
    name = 'ä "quoted"\tname'
    folder = Path(f"argocd/base/beta/{name}")
    folder.mkdir()
    (folder / os.fsdecode(b"caf\xe9.yaml")).write_text("a: 1\n")
    git(small_fleet, "add", "--all")
    assert changed()[0] == {"beta"}
