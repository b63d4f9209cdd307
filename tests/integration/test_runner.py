"""The rendered script, run by the shells that images bring."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tests.conftest import aegisgen

pytestmark = pytest.mark.tools

LINE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ step=(\S+) outcome=(\S+)")
SHELLS = {"dash": ["dash"], "busybox": ["busybox", "sh"]}


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> list[str]:
    """Each shell that must run the script."""
    command = SHELLS[request.param]
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} not found on PATH")
    return command


class Pod:
    """The script with a package manager that answers as the test wants."""

    def __init__(self, folder: Path, script: str, shell: list[str]) -> None:
        self.folder, self.script, self.shell = folder, script, shell
        self.calls = folder / "calls"
        self.fake = folder / "pnpm"
        self.answer("exit 0")

    def answer(self, body: str) -> None:
        """Let `pnpm run SCRIPT` do this; $2 is the script."""
        self.fake.write_text(f'#!/bin/sh\necho "$2" >>{self.calls}\n{body}\n')
        self.fake.chmod(0o755)

    def run(self) -> tuple[int, list[tuple[str, str]], str]:
        """Return the exit code, the steps with their outcomes, and the termination message."""
        message = self.folder / "message"
        done = subprocess.run(
            [*self.shell, "-c", self.script],
            env={"PATH": f"{self.folder}:/usr/bin:/bin", "TERMINATION_LOG": str(message)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.stderr == ""
        steps = [match.groups() for line in done.stdout.splitlines() if (match := LINE.match(line))]
        return done.returncode, steps, message.read_text() if message.exists() else ""


def script_of(environment: str) -> str:
    for document in yaml.safe_load_all(aegisgen("render", environment, "--stdout").out):
        pod = (document.get("spec") or {}).get("template", {}).get("spec", {})
        for container in [*pod.get("initContainers", ()), *pod.get("containers", ())]:
            return str(container["command"][-1])
    raise AssertionError(f"{environment} renders no container")


@pytest.fixture
def pod(project: Path, tmp_path: Path, shell: list[str]) -> Pod:
    """A staging pod."""
    profile = project / "profiles/staging.yaml"
    profile.write_text(profile.read_text().replace("  strategy:", "  migrations: {wait: 1s}\n  strategy:"))
    return Pod(tmp_path, script_of("staging"), shell)


def test_it_pings_looks_migrates_and_looks_again(pod: Pod) -> None:
    code, steps, message = pod.run()
    assert code == 0
    assert [step for step in steps if step[1] == "ok"] == [
        ("ping", "ok"),
        ("status-before", "ok"),
        ("migrate", "ok"),
        ("status-after", "ok"),
    ]
    assert pod.calls.read_text().split() == ["db:ping", "db:migrate:status", "db:migrate", "db:migrate:status"]
    assert message == ""


@pytest.mark.parametrize(
    ("failing", "code", "step"),
    [
        ('[ "$2" != db:ping ]', 10, "ping"),
        ('[ "$2" != db:migrate:status ]', 11, "status-before"),
        ('[ "$2" != db:migrate ]', 12, "migrate"),
        ('[ "$(grep -c status {calls})" -lt 2 ]', 13, "status-after"),
    ],
)
def test_each_step_fails_with_a_code_and_a_reason_of_its_own(pod: Pod, failing: str, code: int, step: str) -> None:
    pod.answer(failing.format(calls=pod.calls))
    ended, steps, message = pod.run()
    assert ended == code
    assert steps[-1] == (step, "failed")
    assert message.startswith(f"{step}: ")


def test_nothing_is_migrated_while_the_database_does_not_answer(pod: Pod) -> None:
    pod.answer('[ "$2" != db:ping ]')
    pod.run()
    assert set(pod.calls.read_text().split()) == {"db:ping"}


def test_a_database_that_comes_up_within_the_wait_is_waited_for(pod: Pod) -> None:
    pod.answer(f'[ "$2" != db:ping ] || [ "$(wc -l <{pod.calls})" -ge 2 ]')
    assert pod.run()[0] == 0


def test_production_calls_the_scripts_that_its_profile_names(project: Path, tmp_path: Path, shell: list[str]) -> None:
    pod = Pod(tmp_path, script_of("production"), shell)
    assert pod.run()[0] == 0
    assert pod.calls.read_text().split() == ["db:ping", "db:status:prod", "db:migrate:prod", "db:status:prod"]


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_shellcheck_has_nothing_to_say(project: Path, environment: str) -> None:
    shellcheck = Path(sys.executable).with_name("shellcheck")
    script = "#!/bin/sh\n" + script_of(environment)
    done = subprocess.run(
        [shellcheck, "--norc", "--shell=sh", "-"], input=script, capture_output=True, text=True, check=False
    )
    assert done.stdout == ""
    assert done.returncode == 0


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_the_kubelet_leaves_the_script_as_it_is(project: Path, environment: str) -> None:
    """In `command` the kubelet expands $(NAME) and halves $$ (k8s.io/kubernetes third_party/forked/golang/expansion)."""
    script = script_of(environment)
    assert "$$" not in script
    assert not re.search(r"\$\([A-Za-z_][A-Za-z0-9_]*\)", script)
