"""What other people's pipelines load from this repository: the hooks, the GitHub Action, the GitLab template.

None of them can be run here by the service that runs them, so each is held to what that service asks of it, and every
shell text in them goes through the real shellcheck and, where it can, through a real shell.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from tests.conftest import ROOT
from tests.processes import Done, ran
from tests.shells import objections
from tests.trees import executable

from aegisgen import __version__
from aegisgen.cli.app import app

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS = ACTION["runs"]["steps"]
GITLAB_HEADER, GITLAB_JOBS = yaml.safe_load_all((ROOT / ".ci/gitlab.yml").read_text(encoding="utf-8"))
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
OWN_HOOKS = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]

GITHUB_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
GITLAB_INPUT = re.compile(r"\$\[\[\s*inputs\.(\w+)\s*\]\]")


def scripts() -> dict[str, tuple[str, str]]:
    """Every shell text: its shell and what it says."""
    found = {
        f".ci/{name}": ("bash", (ROOT / ".ci" / name).read_text(encoding="utf-8"))
        for name in ("lock", "newest", "run", "tools", "uv")
    }
    found |= {f"action.yml: {step['name']}": (step["shell"], step["run"]) for step in STEPS if "run" in step}
    # The runner feeds a job's lines to bash where there is one, as in both images.
    return found | {f"gitlab.yml: {name}": ("bash", "\n".join(job["script"])) for name, job in GITLAB_JOBS.items()}


@pytest.mark.parametrize(("shell", "text"), scripts().values(), ids=scripts().keys())
def test_shell_text_is_clean_under_shellcheck(shell: str, text: str) -> None:
    # Neither service gives its scripts a first line, and `cd` ends both on failure: they run under `set -e`.
    assert objections(text, shell, "--exclude=SC2164") == ""


@pytest.mark.parametrize("text", [text for _, text in scripts().values()], ids=scripts().keys())
def test_shell_text_holds_no_expression_that_a_service_would_paste_into_it(text: str) -> None:
    assert not GITHUB_EXPRESSION.search(text)
    assert not GITLAB_INPUT.search(text)


def test_the_action_is_composite_and_says_what_it_is() -> None:
    assert ACTION["runs"]["using"] == "composite"
    assert ACTION["name"]
    assert ACTION["description"]
    assert all(entry["description"] for entry in ACTION["inputs"].values())
    # GitHub refuses a composite action whose `run` names no shell.
    assert all(("run" in step) != ("uses" in step) and ("run" not in step or "shell" in step) for step in STEPS)


def test_every_expression_of_the_action_names_something_that_exists() -> None:
    used = set()
    for expression in GITHUB_EXPRESSION.findall(yaml.safe_dump(STEPS)) + [step.get("if", "") for step in STEPS]:
        used |= set(re.findall(r"\b(?:inputs|steps|runner|github)\.[\w.-]+", expression))
    assert used == {*(f"inputs.{name}" for name in ACTION["inputs"]), "steps.python.outputs.python-path"}
    assert [step["id"] for step in STEPS if "id" in step] == ["python"]


def test_inputs_of_the_gitlab_template_are_declared_and_used() -> None:
    used = set(GITLAB_INPUT.findall(yaml.safe_dump(GITLAB_JOBS)))
    assert used == set(GITLAB_HEADER["spec"]["inputs"])
    assert all({"description", "default"} <= set(entry) for entry in GITLAB_HEADER["spec"]["inputs"].values())


def test_the_gitlab_report_is_the_file_that_the_job_writes() -> None:
    job = GITLAB_JOBS["aegisgen-check"]
    report = job["artifacts"]["reports"]["junit"]
    assert any(f'--format junit > "$CI_PROJECT_DIR/{report}"' in line for line in job["script"])
    assert job["artifacts"]["when"] == "always"  # a report of a failed check is the one that people want


def test_whoever_installs_aegisgen_gets_what_composes() -> None:
    (extra,) = PYPROJECT["project"]["optional-dependencies"]["compose"]
    assert all(hook["additional_dependencies"] == [extra] for hook in HOOKS)
    assert "[compose]" in GITLAB_HEADER["spec"]["inputs"]["package"]["default"]
    assert any("[compose]" in step.get("run", "") for step in STEPS)
    for page in ("README.md", "docs/ci.md", "docs/getting-started.md"):
        for line in re.findall(r"pip install (?!.*\b(?:wheel|rehearse)\b)(?!-q).*", (ROOT / page).read_text()):
            assert "[compose]" in line, (page, line)


def test_the_lock_file_has_every_dependency_with_a_hash() -> None:
    text = (ROOT / "requirements.lock").read_text()
    locked = {match[1]: match[0] for match in re.finditer(r"^([\w.-]+)==\S+(?:[^\n]*\\\n)+[^\n]*", text, re.MULTILINE)}
    assert all("--hash=sha256:" in entry for entry in locked.values())
    extras = PYPROJECT["project"]["optional-dependencies"]
    for entry in [*PYPROJECT["project"]["dependencies"], *extras["compose"], *extras["rehearse"], *extras["dev"]]:
        name = re.split(r"[\[<>=; ]", entry.lower())[0]
        assert name in locked or name == "aegisgen", f"{entry}: run bash .ci/lock"


@pytest.mark.parametrize("file", ["action.yml", ".ci/gitlab.yml"])
def test_examples_name_the_version_that_this_is(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    assert set(re.findall(r"aegisgen/aegisgen[@/]v([\w.]+?)(?=[/\s]|$)", text)) == {__version__}


def test_the_version_is_the_same_in_both_places() -> None:
    assert PYPROJECT["project"]["version"] == __version__


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_a_hook_calls_a_command_that_exists(hook: dict[str, object]) -> None:
    program, command, *_ = str(hook["entry"]).split()
    known = {each.name or each.callback.__name__ for each in app.registered_commands if each.callback}
    assert program == "aegisgen"
    assert command in known
    assert hook["language"] == "python"


def test_this_repository_runs_the_hooks_that_it_offers() -> None:
    own = {hook["id"]: hook["entry"].removeprefix(".venv/bin/") for hook in OWN_HOOKS}
    assert {hook["id"]: hook["entry"] for hook in HOOKS}.items() <= own.items()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("--all --require-tools", ["check", "--all", "--require-tools", "--format", "github"]),
        ("", ["check", "--format", "github"]),
        ("--service  api\n--all", ["check", "--service", "api", "--all", "--format", "github"]),
        ("$(touch made) `touch made`; touch made", None),
        ("* ? ~ $HOME", ["check", "*", "?", "~", "$HOME", "--format", "github"]),
    ],
)
def test_the_action_passes_its_arguments_and_runs_nothing_in_them(
    tmp_path: Path, given: str, expected: list[str] | None
) -> None:
    outcome = run_action(tmp_path, args=given, form="github")
    assert outcome.returncode == 0, outcome.stderr
    assert expected is None or outcome.stdout.splitlines() == expected
    assert not (tmp_path / "made").exists()


def test_the_action_gives_no_format_where_it_is_empty_and_fails_where_the_command_does(tmp_path: Path) -> None:
    outcome = run_action(tmp_path, args="--all --diff", form="", code=1)
    assert outcome.stdout.split() == ["check", "--all", "--diff"]
    assert outcome.returncode == 1


def run_action(folder: Path, *, args: str, form: str, code: int = 0) -> Done:
    """Run the action's last step on a program that prints its arguments, one a line."""
    text = next(step["run"] for step in STEPS if step["name"] == "Run aegisgen")
    executable(folder / "temp/aegisgen/bin/aegisgen", f'printf "%s\\n" "$@"\nexit {code}')
    told = {
        "RUNNER_TEMP": str(folder / "temp"),
        "AEGISGEN_COMMAND": "check",
        "AEGISGEN_ARGS": args,
        "AEGISGEN_FORMAT": form,
    }
    # The options that GitHub gives bash where `shell: bash` is said.
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", text]
    return ran(command, env={"PATH": "/usr/bin:/bin", "HOME": str(folder), **told}, cwd=folder)


def test_ci_sets_up_and_tests_as_the_readme_says() -> None:
    readme, run = ((ROOT / file).read_text(encoding="utf-8") for file in ("README.md", ".ci/run"))
    commands = re.findall(r"^```sh\n(python3 -m venv .*?)\n```", readme, re.MULTILINE | re.DOTALL)
    assert len(commands) == 2
    for command in commands:
        for step in re.split(r" && (?:\\\n  )?", command)[1:3]:
            assert step.replace(" -q ", " --quiet ") in run
    assert f'stage "Tests" {commands[1].rpartition("&& ")[2].removeprefix(chr(92)).strip()}\n' in run
