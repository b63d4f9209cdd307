"""The hooks, run by the real pre-commit in a repository of a user's.

pre-commit would build an environment for each hook from the package index; the entries are the same without one
(`language: system`), and .ci/run tries the hooks as they are.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from tests.conftest import ROOT
from tests.processes import Done, printed, ran

Run = Callable[..., Done]

MANIFEST = ROOT / ".pre-commit-hooks.yaml"

pytestmark = [pytest.mark.tools, pytest.mark.slow]


@pytest.fixture
def run(project: Path) -> Run:
    """Run a command in a user's repository that holds the AegisX tree, committed, and our hooks."""
    repository = project.parent
    hooks = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))
    for hook in hooks:
        del hook["additional_dependencies"]  # not of the language system; this environment has them
        program, *rest = hook["entry"].split()
        hook |= {"language": "system", "entry": " ".join([f"{sys.executable} -m {program}", *rest])}
    config = {"repos": [{"repo": "local", "hooks": hooks}]}
    (repository / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PRE_COMMIT"))},
        "HOME": str(repository / "home"),
        "PRE_COMMIT_HOME": str(repository / "home/pre-commit"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "NO_COLOR": "1",
    }

    def command(*arguments: str) -> Done:
        return ran(arguments, cwd=repository, env=environment)

    (repository / ".gitignore").write_text("home/\n", encoding="utf-8")
    for arguments in (
        ("init", "--quiet"),
        ("config", "user.name", "A User"),
        ("config", "user.email", "user@example.com"),
        ("add", "--all"),
        ("commit", "--quiet", "--message", "The tree"),
    ):
        done = command("git", *arguments)
        assert done.returncode == 0, done.stderr
    return command


def pre_commit(run: Run, *arguments: str) -> tuple[int, str]:
    outcome = run(sys.executable, "-m", "pre_commit", "run", *arguments)
    return outcome.returncode, outcome.stdout + outcome.stderr


def test_a_clean_tree_passes_all_hooks(run: Run) -> None:
    code, said = pre_commit(run, "--all-files")

    assert code == 0, said
    assert said.count("Passed") == 3


def test_drift_fails_the_check_and_is_shown_and_render_mends_it(run: Run, project: Path) -> None:
    generated = project / "overlays/production/api/migration-job.yaml"
    good = generated.read_text(encoding="utf-8")
    generated.write_text(good.replace("backoffLimit: 3", "backoffLimit: 9"), encoding="utf-8")
    run("git", "add", "--all")

    code, said = pre_commit(run, "aegisgen-check")
    assert code == 1
    assert "-  backoffLimit: 9\n+  backoffLimit: 3\n" in said

    code, said = pre_commit(run, "aegisgen-render")
    assert code == 1
    assert "files were modified by this hook" in said
    assert generated.read_text(encoding="utf-8") == good

    run("git", "add", "--all")
    code, said = pre_commit(run, "--all-files")
    assert code == 0, said


def test_render_fails_where_it_only_creates_files_that_git_does_not_know(run: Run, project: Path) -> None:
    text = (project / "profiles/staging.yaml").read_text(encoding="utf-8")
    (project / "profiles/preview.yaml").write_text(text.replace("staging", "preview"), encoding="utf-8")
    run("git", "add", "--all")

    code, said = pre_commit(run, "aegisgen-render")

    assert code == 1, said
    assert "created   argocd/overlays/preview/api/kustomization.yaml" in said
    run("git", "add", "--all")
    assert pre_commit(run, "aegisgen-render")[0] == 0


def test_a_profile_that_is_changed_and_not_rendered_fails_the_check(run: Run, project: Path) -> None:
    profile = project / "profiles/production.yaml"
    text = profile.read_text(encoding="utf-8")
    profile.write_text(text.replace("backoffLimit: 3", "backoffLimit: 5"), encoding="utf-8")
    assert text != profile.read_text(encoding="utf-8")
    run("git", "add", "--all")

    code, said = pre_commit(run, "aegisgen-check")

    assert code == 1
    assert "+  backoffLimit: 5\n" in said


def test_validate_is_given_the_changed_manifests_only(run: Run, project: Path) -> None:
    (project / "apps").mkdir()
    broken = project / "apps/service.yaml"
    broken.write_text("apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: 80}\n", encoding="utf-8")
    (project / "notes.md").write_text("kind: Service\n", encoding="utf-8")
    run("git", "add", "--all")

    code, said = pre_commit(run, "aegisgen-validate")

    assert code == 1
    assert "argocd/apps/service.yaml:4:" in said
    assert "notes.md" not in said


def test_hooks_do_not_run_for_files_of_others(run: Run, project: Path) -> None:
    (project.parent / "values.yaml").write_text("kind: {}\n", encoding="utf-8")
    run("git", "add", "--all")

    code, said = pre_commit(run)

    assert code == 0
    assert said.count("(no files to check)") == 3


@pytest.mark.parametrize(
    ("command", "file"),
    [("validate-manifest", ".pre-commit-hooks.yaml"), ("validate-config", ".pre-commit-config.yaml")],
)
def test_pre_commit_accepts_the_files(command: str, file: str) -> None:
    printed([sys.executable, "-m", "pre_commit", command, file], cwd=ROOT)
