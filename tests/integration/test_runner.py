"""The rendered script, run by the shells that images bring."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from tests.pods import LINE, container
from tests.trees import executable, replace

pytestmark = pytest.mark.tools


class Pod:
    """The container without a lock, with a package manager that answers as the test wants."""

    def __init__(self, folder: Path, command: list[str], shell: list[str]) -> None:
        self.folder, self.command = folder, [*shell, *command[1:]]
        self.calls = folder / "calls"
        self.answer("exit 0")

    def answer(self, body: str) -> None:
        """Let `pnpm run SCRIPT` do this; $2 is the script."""
        executable(self.folder / "pnpm", f'echo "$2" >>{self.calls}\n{body}')

    def run(self) -> tuple[int, list[tuple[str, str]], str]:
        """Return the exit code, the steps with their outcomes, and the termination message."""
        message = self.folder / "message"
        done = subprocess.run(
            self.command,
            env={"PATH": f"{self.folder}:/usr/bin:/bin", "TERMINATION_LOG": str(message)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.stderr == ""
        self.log = done.stdout
        steps = [(match[1], match[3]) for line in done.stdout.splitlines() if (match := LINE.match(line))]
        return done.returncode, steps, message.read_text() if message.exists() else ""


def profile(project: Path, environment: str, migrations: str) -> list[str]:
    """Let an environment's profile say something of migrations, and return its container's command."""
    file = project / f"profiles/{environment}.yaml"
    text = file.read_text().replace("  migrations:\n", "  migrations:\n    log: text\n")
    if "  migrations:\n" not in text:
        text = text.replace("  strategy:", "  migrations:\n    log: text\n  strategy:")
    file.write_text(text.replace("    log: text\n", migrations))
    return container(environment)["command"]


@pytest.fixture
def pod(project: Path, tmp_path: Path, shell: list[str]) -> Pod:
    """A staging pod."""
    return Pod(tmp_path, profile(project, "staging", "    wait: 1s\n    lock: {enabled: false}\n"), shell)


def test_it_pings_looks_migrates_and_looks_again(pod: Pod) -> None:
    code, steps, message = pod.run()
    assert code == 0
    assert [step for step in steps if step[1] == "ok"] == [
        ("ping", "ok"),
        ("status-before", "ok"),
        ("migrate", "ok"),
        ("status-after", "ok"),
    ]
    assert steps[-1] == ("verify", "skipped")
    assert pod.calls.read_text().split() == ["db:ping", "db:migrate:status", "db:migrate", "db:migrate:status"]
    assert message == ""


@pytest.mark.parametrize(
    ("failing", "code", "step"),
    [
        ('[ "$2" != db:ping ]', 10, "ping"),
        ('[ "$2" != db:migrate:status ]', 11, "status-before"),
        ('[ "$2" != db:migrate ]', 12, "migrate"),
        ('[ "$(grep -c status {calls})" -lt 2 ]', 13, "status-after"),
        ("echo 'Found 1 Pending Migration file/files.'", 14, "verify"),
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


def test_a_database_that_comes_up_within_the_wait_is_waited_for(
    project: Path, tmp_path: Path, shell: list[str]
) -> None:
    pod = Pod(tmp_path, profile(project, "staging", "    wait: 60s\n    lock: {enabled: false}\n"), shell)
    pod.answer(f'[ "$2" != db:ping ] || [ "$(wc -l <{pod.calls})" -ge 2 ]')
    assert pod.run()[0] == 0


def test_production_calls_the_scripts_that_its_profile_names(project: Path, tmp_path: Path, shell: list[str]) -> None:
    pod = Pod(tmp_path, profile(project, "production", "    lock: {enabled: false}\n"), shell)
    assert pod.run()[0] == 0
    assert pod.calls.read_text().split() == ["db:ping", "db:status:prod", "db:migrate:prod", "db:status:prod"]


def test_what_the_status_prints_is_verified(pod: Pod) -> None:
    pod.answer("echo 'No Pending Migration files Found.'")
    assert pod.run()[1][-1] == ("verify", "ok")


def test_every_line_has_its_time_and_step(pod: Pod) -> None:
    pod.answer("printf 'one\\ntwo'; printf 'three\\n' >&2")
    pod.run()
    lines = pod.log.splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ step=\S+ (outcome=|\| )", line) for line in lines)
    assert [line.split("| ")[1] for line in lines if "step=migrate |" in line] == ["one", "twothree"]


def test_json_lines_are_json_whatever_is_printed(project: Path, tmp_path: Path, shell: list[str]) -> None:
    own = "    log: json\n    wait: 1s\n    lock: {enabled: false}\n"
    pod = Pod(tmp_path, profile(project, "staging", own), shell)
    hostile = 'a "b" \\c\\n \u00e9 %s $HOME \x1b[31mred\x1b[0m\ttab'
    (tmp_path / "said").write_text(hostile + "\n")
    pod.answer(f"cat {tmp_path}/said; exit 3")
    assert pod.run()[0] == 10
    lines = [json.loads(line) for line in pod.log.splitlines()]
    assert lines[0].keys() == {"time", "step", "outcome", "seconds"}
    assert lines[1]["output"] == hostile.replace("\x1b", "").replace("\t", " ")
    assert lines[-1]["exit"] == 10
    last = 'a "b" \\c\\n \u00e9 %s $HOME red tab'
    assert lines[-1]["reason"] == f"the database did not answer within 1 s; at last: {last}"


def test_several_sets_run_in_their_order_each_with_its_scripts(project: Path, tmp_path: Path, shell: list[str]) -> None:
    own = """    lock: {enabled: false}
    sets:
      - {name: main}
      - {name: inventory, table: inv, scripts: {migrate: "db:migrate:inventory", status: "db:status:inventory", verify: "db:verify"}}
"""
    replace(project / "aegisgen.yaml", "      path: apps/api/src/database/migrations\n", "")
    pod = Pod(tmp_path, profile(project, "staging", own), shell)
    assert pod.run()[0] == 0
    main, inventory = ["db:migrate:status", "db:migrate", "db:migrate:status"], "db:status:inventory"
    assert pod.calls.read_text().split() == [
        "db:ping", *main, inventory, "db:migrate:inventory", inventory, "db:verify"
    ]  # fmt: skip
    assert "step=migrate set=inventory outcome=ok" in pod.log

    pod.answer('[ "$2" != db:migrate:inventory ]')
    code, _, message = pod.run()
    assert (code, message) == (12, "migrate (inventory): a migration failed; its error stands above\n")
