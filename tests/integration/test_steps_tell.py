"""What people and Prometheus receive from each step of the pipeline, as its containers run in their images."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.integration.steps_support import Container, connection, containers, fake, programs, say
from tests.pods import Ended
from tests.postgres import Database
from tests.shells import SHELLS
from tests.tools import need
from tests.webhooks import Receiver, figures

pytestmark = pytest.mark.tools
EVERYTHING = ["approval", "start", "success", "failure"]
CHECK = {"name": "holds", "sql": "SELECT 1", "expect": {"equals": 1}}
Play = Callable[..., Ended]


@pytest.fixture(params=[SHELLS[0], *(pytest.param(shell, marks=pytest.mark.long) for shell in SHELLS[1:])])
def shell(request: pytest.FixtureRequest) -> list[str]:
    """Each shell; that each script runs in each is tested beside the script."""
    return request.param.split()


@pytest.fixture
def play(full: Path, tmp_path: Path, shell: list[str], database: Database, receiver: Receiver) -> Play:
    """Runs a container of a step; the profile says more before that."""
    need("curl")

    def run(step: str, name: str, *, path: str = "", **fields: object) -> Ended:
        hook = {"secret": {"name": "hooks", "key": "audit"}}
        gateway = {"pushgateway": receiver.url}
        say(full, notifications={"webhook": hook, "on": EVERYTHING}, metrics=gateway, **fields)
        container: Container = containers(step)[name]
        env = connection(database) | {"AEGISGEN_WEBHOOK_URL": f"{receiver.url}/audit", "HOSTNAME": "pod-1"}
        env |= {"COPY_NAME": database.name, "COPY_USER": "aegisx", "COPY_PORT": "1"}
        folder = tmp_path / "volume"
        path = f"{path}:{programs(database, tmp_path)}"
        return container.run(tmp_path, shell, env, path, {"/backup": folder, "/copy": tmp_path})

    return run


def told(receiver: Receiver) -> list[tuple[str, str, int | None]]:
    """Return stage, event and exit code of each message."""
    messages = [json.loads(body) for path, body in receiver.received if path == "/audit"]
    return [(message["stage"], message["event"], message["exit"]) for message in messages]


def last(receiver: Receiver) -> dict:
    """Return the last message."""
    return next(json.loads(body) for path, body in reversed(receiver.received) if path == "/audit")


def pushed(receiver: Receiver, stage: str) -> dict[str, int]:
    """Return the figures that a stage pushed last."""
    place = f"/metrics/job/aegisgen/environment/production/service/api/step/{stage}"
    return next(figures(body) for path, body in reversed(receiver.received) if path == place)


def test_a_backup_tells_what_it_made(play: Play, receiver: Receiver) -> None:
    ended = play("backup", "backup", backup={"volume": {"claim": "backups"}})
    assert ended.code == 0, ended.log
    assert told(receiver) == [("backup", "start", None), ("backup", "success", None)]
    assert last(receiver)["reason"].endswith(".dump")
    assert pushed(receiver, "backup")["aegisgen_step_success"] == 1


@pytest.mark.parametrize("on_failure", ["abort", "warn"])
def test_a_backup_that_fails_is_told_although_the_sync_goes_on(
    play: Play, receiver: Receiver, tmp_path: Path, on_failure: str
) -> None:
    path = fake(tmp_path, "pg_dump", "exit 1")
    ended = play("backup", "backup", path=path, backup={"volume": {"claim": "b"}, "onFailure": on_failure})
    assert ended.code == (22 if on_failure == "abort" else 0)
    assert told(receiver)[-1] == ("backup", "failure", 22)
    assert ("going on without a backup" in last(receiver)["text"]) == (on_failure == "warn")
    assert pushed(receiver, "backup")["aegisgen_step_success"] == 0


def test_checks_that_fail_have_the_last_word(play: Play, receiver: Receiver) -> None:
    wrong = {**CHECK, "name": "wrong", "expect": {"equals": 2}}
    ended = play("checks", "sql-checks", checks={"run": [CHECK, wrong]})
    assert ended.code == 40
    assert told(receiver) == [("sql-checks", "start", None), ("sql-checks", "failure", 40)]
    assert "sql-checks failure in checks (exit 40): failed: wrong; passed: 1" in last(receiver)["text"]
    ended = pushed(receiver, "sql-checks")
    assert (ended["aegisgen_step_success"], ended["aegisgen_step_exit_code"]) == (0, 40)
    assert "aegisgen_step_last_success_timestamp_seconds" not in ended


def test_checks_of_both_kinds_do_not_hide_each_other(play: Play, receiver: Receiver) -> None:
    command = {"name": "agrees", "command": ["false"]}
    assert play("checks", "command-checks", checks={"run": [CHECK, command]}).code == 40
    assert play("checks", "sql-checks", checks={"run": [CHECK, command]}).code == 0
    assert pushed(receiver, "command-checks")["aegisgen_step_success"] == 0
    assert pushed(receiver, "sql-checks")["aegisgen_step_success"] == 1


def test_a_dry_run_that_cannot_read_the_schema_is_told(play: Play, receiver: Receiver, tmp_path: Path) -> None:
    path = fake(tmp_path, "pg_isready", "exit 0") and fake(tmp_path, "pg_dump", "exit 1")
    ended = play("dry-run", "load", path=path)
    assert ended.code == 32, ended.log
    assert told(receiver) == [("dry-run", "start", None), ("dry-run", "failure", 32)]
    assert last(receiver)["step"] == "read-schema"


def test_an_image_that_speaks_no_http_says_so_and_fails_nothing(
    full: Path, tmp_path: Path, shell: list[str], database: Database
) -> None:
    """As PostgreSQL's own image on Debian."""
    say(full, checks={"run": [CHECK]}, metrics={"pushgateway": "http://gateway"})
    folder = Path(programs(database, tmp_path))
    for name in ("date", "tr", "sed", "timeout", "sleep", "sh", "awk"):
        (folder / name).symlink_to(shutil.which(name) or name)
    env = connection(database) | {"AEGISGEN_SLACK_URL": "http://hooks", "PATH": str(folder)}
    shell = [shutil.which(shell[0]) or shell[0], *shell[1:]]
    ended = containers("checks")["sql-checks"].run(tmp_path, shell, env)
    assert ended.code == 0, ended.log
    assert "slack: the image has neither curl nor wget" not in ended.log, "start and success are not asked for"
    assert "step=metrics outcome=skipped" in ended.log
    assert "pushgateway: the image has neither curl nor wget" in ended.log


@pytest.mark.parametrize(
    ("on", "stages"),
    [
        pytest.param(["failure"], {"backup": ["failure"], "migration": ["failure"], "sync-fail": ["failure"]}, marks=pytest.mark.long),
        pytest.param(["backup"], {"backup": ["start", "success", "failure"], "migration": [], "sync-fail": []}, marks=pytest.mark.long),
        (["rollback.success", "start"], {"backup": ["start"], "migration": ["start"], "sync-fail": ["start", "success"]}),
        (None, {"backup": ["failure"], "migration": ["start", "success", "failure"], "sync-fail": ["start", "success", "failure"]}),
    ],
)  # fmt: skip
def test_a_profile_says_which_events_of_which_steps(full: Path, on: list[str] | None, stages: dict) -> None:
    said = {"slack": {"secret": {"name": "hooks", "key": "slack"}}}
    say(full, notifications=said | ({"on": on} if on else {}), backup={"volume": {"claim": "b"}})
    for stage, events in stages.items():
        (container,) = containers(stage).values()
        named = [word.partition("=")[2] for word in container.command if word.startswith("notify-on=")]
        assert named == events, stage
