"""A rendered file that git does not know, or ignores, is told of before somebody clones the commit."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.conftest import refusal
from tests.small_fleet import git
from tests.trees import replace

STAGING = "argocd/overlays/staging/api"
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"
PATCH = f"{STAGING}/deployment-patch.yaml"


@pytest.fixture
def repository(project: Path) -> Path:
    """A repository of git without a commit, in whose index everything is."""
    git(project.parent, "init", "--quiet")
    git(project.parent, "add", "--all")
    return project.parent


@pytest.fixture
def found(cli) -> Callable[..., list[tuple[str, str, str, str]]]:
    def run(*options: str, code: int = 0) -> list[tuple[str, str, str, str]]:
        outcome = cli("check", "--no-compose", "--format", "json", *options)
        assert outcome.code == code, outcome
        findings = json.loads(outcome.out)["findings"]
        return [
            (each["path"], each["severity"], each["message"], each["fix"])
            for each in findings
            if each["rule"] == "D002"
        ]

    return run


def test_what_is_in_the_index_is_enough(repository, found) -> None:
    assert found("--require-committed") == []


def test_outside_of_a_work_tree_nobody_asks(project, found, no_tools) -> None:
    assert found("--require-committed") == []


def test_a_file_that_nobody_added_is_a_warning_and_an_error_on_request(repository, found) -> None:
    git(repository, "rm", "--cached", "--quiet", PATCH)
    message = "git does not know this file: a clone has none of it"
    assert found() == [(PATCH, "warning", message, f"git add {PATCH}")]
    assert found("--require-committed", code=1) == [(PATCH, "error", message, f"git add {PATCH}")]
    git(repository, "add", PATCH)
    assert found("--require-committed") == []


def test_the_scripts_of_the_runner_are_rendered_files_too(repository, found) -> None:
    folder = "argocd/components/migration-runner"
    git(repository, "rm", "-r", "--cached", "--quiet", folder)
    ((path, _, message, fix),) = found()
    assert path.startswith(f"{folder}/")
    others = len(list(Path(folder).iterdir())) - 1
    assert message.startswith(f"git does not know this file, nor {others} other rendered in argocd/components")
    assert fix.startswith("git add argocd/components")


def test_a_folder_that_nobody_added_is_told_once(repository, found) -> None:
    git(repository, "rm", "-r", "--cached", "--quiet", "argocd/overlays")
    ((path, _, message, fix),) = found()
    assert path.startswith("argocd/overlays/production/api/")
    assert message.endswith("other rendered in argocd/overlays: a clone has none of it")
    assert fix == "git add argocd/overlays"
    git(repository, "rm", "-r", "--cached", "--quiet", ".")
    assert len(found("--require-committed", code=1)) == 1


@pytest.mark.parametrize(
    ("file", "rule"),
    [(".gitignore", "deployment-*.yaml"), ("argocd/.gitignore", "overlays"), (".git/info/exclude", "*-patch.yaml")],
)
def test_a_file_that_git_ignores_is_told_with_the_rule(repository, found, file, rule) -> None:
    git(repository, "rm", "--cached", "--quiet", PATCH)
    (repository / file).parent.mkdir(exist_ok=True)
    (repository / file).write_text(f"# ours\n{rule}\n")
    ((path, _, message, fix),) = found()
    assert path == PATCH
    assert message == f"git ignores this file: a clone has none of it ({file}:2: {rule})"
    assert fix == f"change that rule, or git add --force {PATCH}"


def test_a_rule_that_takes_it_back_is_no_reason(repository, found) -> None:
    git(repository, "rm", "--cached", "--quiet", PATCH)
    (repository / ".gitignore").write_text("*-patch.yaml\n!deployment-patch.yaml\n")
    ((_, _, message, _),) = found()
    assert message.startswith("git does not know")


def test_what_no_profile_renders_is_nobodys_business(repository, found) -> None:
    (repository / STAGING / "notes.yaml").write_text(CONFIG)
    (repository / "argocd/base/api/more.yaml").write_text(CONFIG)
    (repository / "node_modules/x").mkdir(parents=True)
    (repository / "node_modules/x/kustomization.yaml").write_text("{}\n")
    assert found("--require-committed") == []


def test_only_what_was_asked_for_counts(repository, found) -> None:
    git(repository, "rm", "--cached", "--quiet", PATCH)
    assert found("production", "--require-committed") == []
    assert len(found("staging", "--require-committed", code=1)) == 1


def test_applications_and_runbooks_count(repository, cli, found) -> None:
    profile = repository / "argocd/profiles/staging.yaml"
    replace(profile, "spec:\n", "spec:\n  runbook: {}\n")
    assert cli("render", "--all").code == 0
    assert [path for path, *_ in found()] == ["argocd/runbooks/staging-api.md"]


def test_a_name_with_a_space_can_be_copied_into_a_shell(repository, found, monkeypatch) -> None:
    folder = repository / "my tree"
    folder.mkdir()
    shutil.move(repository / "argocd", folder)
    monkeypatch.chdir(folder)
    git(repository, "add", "--all")
    git(repository, "rm", "--cached", "--quiet", f"my tree/{PATCH}")
    assert [fix for *_, fix in found()] == [f"git add {PATCH}"]
    monkeypatch.chdir(repository)
    file = "my tree/argocd/aegisgen.yaml"
    assert [fix for *_, fix in found("--project", file)] == [f"git add 'my tree/{PATCH}'"]


def test_without_git_it_is_skipped_and_says_so(repository, cli, no_tools) -> None:
    outcome = cli("check", "--no-compose")
    assert outcome.code == 0
    assert "skipped: files that are not in git: git not found" in outcome.out
    for option in ("--require-committed", "--require-tools"):
        assert "git not found" in refusal("check", "--no-compose", option)


def test_it_is_never_in_a_baseline(repository, cli) -> None:
    git(repository, "rm", "--cached", "--quiet", PATCH)
    project = repository / "argocd/aegisgen.yaml"
    project.write_text(f"{project.read_text()}rules: {{baseline: known.json}}\n")
    assert cli("check", "--no-compose", "--write-baseline").code == 0
    assert "D002" not in (repository / "argocd/known.json").read_text()


def test_git_is_asked_as_often_for_many_files_as_for_one(repository, found, monkeypatch) -> None:
    from aegisgen.project import git as module

    calls: list[str] = []
    start = module._start
    monkeypatch.setattr(
        module, "_start", lambda root, *words, **more: (calls.append(words[0]), start(root, *words, **more))[1]
    )
    git(repository, "rm", "-r", "--cached", "--quiet", ".")
    found()
    assert calls == ["ls-files", "check-ignore"]
