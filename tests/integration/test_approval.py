"""The approval: when it is asked for, by whom, with what people are told, and what is kept of who agreed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.conftest import Cli
from tests.integration.steps_support import containers, job, say
from tests.postgres import Database
from tests.shells import SHELLS
from tests.steps import refused, rendered
from tests.syncs import World
from tests.tools import need
from tests.trees import executable
from tests.webhooks import Receiver

pytestmark = pytest.mark.tools
LISTED = """> app@1 db:status
Found 1 Completed Migration file/files.
20260101_users.js
Found 2 Pending Migration file/files.
20260102_orders.js
20260103_"odd".js
"""
HOOK = {"webhook": {"secret": {"name": "hooks", "key": "audit"}}, "runbook": "https://wiki/{service}"}


@pytest.fixture(params=[SHELLS[0], *(pytest.param(shell, marks=pytest.mark.long) for shell in SHELLS[1:])])
def shell(request: pytest.FixtureRequest) -> list[str]:
    """Each shell that must run the scripts."""
    return request.param.split()


def waves() -> dict[str, int]:
    """Return the wave of each Job of production."""
    documents = rendered("production").values()
    jobs = [one["metadata"] for one in documents if one["kind"] == "Job" and "name" in one["metadata"]]
    return {
        one["name"].removeprefix("aegisx-api-"): int(one["annotations"]["argocd.argoproj.io/sync-wave"]) for one in jobs
    }


def test_the_row_ends_at_the_wave_of_the_migration(full: Path) -> None:
    say(full, hook={"wave": -5})
    found = waves()
    assert [found[name] for name in ("dry-run", "approval", "backup", "migration")] == [-8, -7, -6, -5]


def test_people_are_asked_after_the_dry_run_and_the_backup_is_not_older_than_their_answer(full: Path) -> None:
    order = sorted(
        (wave, name) for name, wave in waves().items() if name in {"approval", "backup", "dry-run", "migration"}
    )
    assert [name for _, name in order] == ["dry-run", "approval", "backup", "migration"]
    assert len({wave for wave, _ in order}) == len(order)


def test_a_profile_that_states_a_wave_has_the_row_that_it_had(full: Path) -> None:
    say(full, backup={"volume": {"claim": "b"}, "wave": -3})
    found = waves()
    assert [found[name] for name in ("approval", "backup", "dry-run", "migration")] == [-5, -3, -2, -1]


@pytest.mark.parametrize(
    ("wave", "message"),
    [(-1, "not before the Job's wave, expected less than -1"), (-2, "that of dryRun.wave as well, expected another")],
)
def test_a_gate_that_stops_nothing_is_refused(full: Path, wave: int, message: str) -> None:
    say(full, approval={"gate": True, "wave": wave})
    assert f"spec.approval.wave: {message}" in refused("production")


def status_says(text: str, tmp_path: Path) -> str:
    """Return a folder for PATH whose package manager prints this as the status."""
    listed = tmp_path / "listed"
    listed.write_text(text)
    body = f'case "$*" in *status*) cat {listed} ;; *migrate*) echo No Pending Migration files Found. >{listed} ;; esac'
    return str(executable(tmp_path / "fakes" / "pnpm", body).parent)


def messages(receiver: Receiver) -> list[dict]:
    """Return what people received."""
    return [json.loads(body) for path, body in receiver.received if path == "/audit"]


@pytest.mark.parametrize("step", ["dry-run", "approval-request"])
def test_the_message_says_what_is_pending(
    full: Path, tmp_path: Path, shell: list[str], receiver: Receiver, step: str
) -> None:
    need("node")
    said = {"notifications": HOOK, "metrics": {"pushgateway": receiver.url}, "rollback": None}
    said["migrations"] = {"lock": {"enabled": False}}
    say(full, **said, **({"dryRun": None} if step != "dry-run" else {}))
    env = {"AEGISGEN_WEBHOOK_URL": f"{receiver.url}/audit"}
    ended = containers(step)[step].run(tmp_path, shell, env, status_says(LISTED, tmp_path))
    assert ended.code == 0, ended.log
    assert ("migrate", "ok") not in ended.steps if step != "dry-run" else ("migrate", "ok") in ended.steps
    (message,) = messages(receiver)
    assert (message["stage"], message["event"]) == ("approval", "approval")
    assert message["migrations"] == '20260102_orders.js, 20260103_"odd".js'
    assert message["text"].splitlines() == [
        "production/api (ghcr.io/aegisx-platform/aegisx-starter-api:production): waits for an approval",
        'Migrations: 20260102_orders.js, 20260103_"odd".js',
        "Runbook: https://wiki/api",
        "Argo CD: https://argocd.example.com/applications/argocd/production-aegisx-api",
    ]
    path, figure = receiver.received[-2]
    assert path.endswith("/step/approval")
    assert b"aegisgen_step_last_start_timestamp_seconds" in figure


def test_nothing_pending_is_said_as_well(full: Path, tmp_path: Path, shell: list[str], receiver: Receiver) -> None:
    need("node")
    say(full, notifications=HOOK, metrics=None, rollback=None, migrations={"lock": {"enabled": False}})
    env = {"AEGISGEN_WEBHOOK_URL": f"{receiver.url}/audit"}
    folder = status_says("No Pending Migration files Found.\n", tmp_path)
    assert containers("dry-run")["dry-run"].run(tmp_path, shell, env, folder).code == 0
    assert [message["migrations"] for message in messages(receiver)] == ["none"]


def test_the_request_only_reads(full: Path) -> None:
    say(full, dryRun=None)
    found = waves()
    assert found["approval-request"] == found["approval"] - 1
    (container,) = containers("approval-request").values()
    assert {"only=status", "asks=yes"} <= {*container.command}
    assert "record=yes" not in container.command
    say(full, approval={"gate": False})
    assert "approval-request" not in waves()


def test_groups_may_resume_exactly_this_job(full: Path) -> None:
    say(full, approval={"gate": True, "groups": ["release-managers"]})
    parts = rendered("--all")
    role = parts["argocd/overlays/production/api/approval-role.yaml"]
    assert role["rules"] == [
        {
            "apiGroups": ["batch"],
            "resources": ["jobs"],
            "resourceNames": ["production-aegisx-api-approval"],
            "verbs": ["get", "patch"],
        }
    ]
    binding = parts["argocd/overlays/production/api/approval-role-binding.yaml"]
    assert [subject["name"] for subject in binding["subjects"]] == ["release-managers"]
    (granted,) = parts["argocd/apps/project.yaml"]["spec"]["roles"]
    name = "proj:aegisx:approve-production-aegisx-api"
    application = "aegisx/production-aegisx-api"
    assert granted["groups"] == ["release-managers"]
    assert granted["policies"] == [
        f"p, {name}, applications, get, {application}, allow",
        f"p, {name}, applications, action/batch/Job/resume, {application}, allow",
    ]


def test_groups_of_nothing_are_refused(full: Path) -> None:
    say(full, approval={"groups": ["somebody"]})
    assert "spec.approval.groups: nobody is asked, expected gate: true" in refused("production")


def test_the_tree_with_approvers_is_without_an_error(full: Path, cli: Cli, kustomize) -> None:
    say(full, approval={"gate": True, "groups": ["release-managers"]}, dryRun=None)
    assert cli("render", "--all").code == 0
    outcome = cli("check", "--all")
    assert outcome.code == 0, outcome.out


def test_the_gates_own_container_knows_who_resumed_it(full: Path) -> None:
    (container,) = job("approval")["spec"]["template"]["spec"]["containers"]
    (actor,) = [one["valueFrom"] for one in container["env"] if one["name"] == "AEGISGEN_ACTOR"]
    assert actor == {"fieldRef": {"fieldPath": "metadata.annotations['aegisgen.dev/approved-by']"}}
    assert container["args"][0] == "approve"
    say(full, rollback=None)
    (container,) = job("approval")["spec"]["template"]["spec"]["containers"]
    assert container["command"] == ["true"]


@pytest.fixture
def world(database: Database, app: Path, tmp_path: Path) -> Iterator[World]:
    """A database to which one release was deployed."""
    need("node")
    with closing(World(database, app, tmp_path)) as world:
        world.release("one", "a")
        yield world


@pytest.mark.slow
class TestRecord:
    """What the database keeps of who did what."""

    def test_an_approval_is_kept_and_changes_no_state(self, world: World) -> None:
        assert world.begin() == 0
        assert world.record("approve", job="gate", actor="jane").code == 0
        assert world.states == ["open"]
        assert world.migrate() == 0
        assert world.record("rollout").code == 0
        ((actor, changes),) = world.database.ask("SELECT actor, changes FROM aegisgen_history")
        role = f"role {world.database.env['DATABASE_USER']}"
        assert actor == role
        approved, rolling = changes.split("; ")
        assert approved.startswith("approved at ")
        assert approved.endswith(" by jane in job gate, pod pod, image one")
        assert f" by {role} in job job-" in rolling

    def test_an_approval_that_comes_late_changes_nothing(self, world: World) -> None:
        assert world.record("approve").code == 0
        assert world.begin() == 0
        assert world.migrate() == 0
        assert world.roll_back(job="x").code == 0
        assert world.record("approve", job="gate").code == 0
        assert world.database.ask("SELECT changes LIKE '%approved%' FROM aegisgen_history") == [(False,)]

    def test_tables_of_a_former_version_are_brought_up_to_date(self, world: World) -> None:
        world.deploy()
        world.database.ask(
            "DROP VIEW aegisgen_history; ALTER TABLE aegisgen_syncs DROP actor; ALTER TABLE aegisgen_runs DROP actor;"
            "CREATE VIEW aegisgen_history AS SELECT s.service, s.started, s.state FROM aegisgen_syncs s"
        )
        world.release("two", "a", "b")
        world.deploy()
        actors = world.database.ask("SELECT state, actor FROM aegisgen_history ORDER BY started")
        assert actors == [("confirmed", ""), ("confirmed", f"role {world.database.env['DATABASE_USER']}")]
