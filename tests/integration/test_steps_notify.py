"""Messages and metrics: what a server receives, and that none of them can fail a migration."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
from pathlib import Path

import pytest
from tests.pods import container
from tests.processes import Done, ran
from tests.shells import SHELLS
from tests.steps import rendered, say, say_of_project
from tests.tools import available, need
from tests.trees import executable
from tests.webhooks import Receiver, figures

need("sed")
pytestmark = pytest.mark.tools

# What images have to speak HTTP with, each in one of the shells: a runtime, or what the PATH has.
CLIENTS = {"node": "node", "curl": "curl", "python": "python3", "wget": "wget", "applet": "busybox"}
IMAGES = [(SHELLS[at % len(SHELLS)], client) for at, client in enumerate(CLIENTS) if available([CLIENTS[client]])]
HOSTILE = "say \"hi\" \\n\nsecond line\t$HOME `id` 'quoted' äöü"
WEBHOOKS = "  notifications:\n    text: {text}\n    timeout: {timeout}\n" + "".join(
    f"    {kind}: {{secret: {{name: hooks, key: {kind}}}}}\n" for kind in ("slack", "teams", "webhook")
)


def _found(program: str) -> str | None:
    """The python3 on PATH may be a script that needs more than this folder; the one that runs the tests is none."""
    return os.path.realpath(sys.executable) if program == "python3" else shutil.which(program)


@pytest.fixture(params=IMAGES, ids="-".join)
def image(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[list[str], str, Path]:
    """A shell, a runtime, and a folder of programs with that runtime's HTTP client only."""
    shell, client = request.param
    folder = tmp_path / "programs"
    folder.mkdir()
    for program in ("date", "env", "tr", "sed", "tail", "timeout", "sleep", "sh", CLIENTS[client]):
        (folder / (program if program != "busybox" else "wget")).symlink_to(_found(program))
    executable(folder / "pnpm", '[ "$2" != "$FAILING" ] || exit 1\necho No Pending Migration files Found.')
    return shell.split(), client, folder


def run(image: tuple[list[str], str, Path], project: Path, url: str, said: str, **env: str) -> Done:
    """Run the staging container without a lock."""
    shell, client, folder = image
    runtime = client if client in {"node", "python"} else "none"
    say(project, "staging", f"  migrations: {{lock: {{enabled: false, runtime: {runtime}}}}}\n{said}")
    command = container("staging")["command"]
    environment = {f"AEGISGEN_{kind}_URL": f"{url}/{kind.lower()}" for kind in ("SLACK", "TEAMS", "WEBHOOK")}
    env = {"PATH": str(folder), "TERMINATION_LOG": "/dev/null", "HOSTNAME": "pod-1", **environment, **env}
    return ran([shutil.which(shell[0]), *shell[1:], *command[1:]], env=env, timeout=60)


def webhooks(text: str = "", timeout: str = "5s") -> str:
    return WEBHOOKS.replace("{text}", json.dumps(text)).replace("{timeout}", timeout)


def test_messages_are_json_whatever_they_say(image, project: Path, receiver: Receiver) -> None:
    done = run(image, project, receiver.url, webhooks(HOSTILE))
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    told = [(path, json.loads(body)) for path, body in receiver.received]
    assert [path for path, _ in told] == ["/slack", "/teams", "/webhook"] * 2
    hostile = HOSTILE.replace("\t", " ")
    for path, message in told:
        if path == "/slack":
            text = message["text"]
        elif path == "/teams":
            text = message["attachments"][0]["content"]["body"][0]["text"]
        else:
            text = message["text"]
            assert (message["environment"], message["service"], message["pod"]) == ("staging", "api", "pod-1")
        assert text.startswith(hostile)
    assert told[2][1]["event"] == "start"
    assert told[5][1]["event"] == "success"
    assert receiver.url not in done.stdout


def test_a_failure_is_told_with_its_step_and_reason(image, project: Path, receiver: Receiver) -> None:
    say_of_project(
        project, 'repository: {url: "https://github.com/a/b"}\nargocd: {url: "https://argocd.example.com/"}\n'
    )
    said = webhooks() + "    runbook: https://wiki/{environment}-{service}\n  application: {}\n"
    done = run(image, project, receiver.url, said, FAILING="db:migrate")
    assert done.returncode == 12
    last = json.loads(receiver.received[-1][1])
    assert (last["event"], last["stage"], last["step"], last["exit"]) == ("failure", "migration", "migrate", 12)
    assert "a migration failed" in last["reason"]
    page = "https://argocd.example.com/applications/argocd/staging-aegisx-api"
    assert (last["runbook"], last["application"]) == ("https://wiki/staging-api", page)
    assert last["text"].splitlines()[-2:] == ["Runbook: https://wiki/staging-api", f"Argo CD: {page}"]
    assert "migration failure in migrate (exit 12): a migration failed" in last["text"]


@pytest.mark.parametrize("trouble", ["down", "slow", "broken", "nonsense"])
def test_nobody_to_tell_is_no_reason_to_fail(image, project: Path, receiver: Receiver, trouble: str) -> None:
    url = receiver.url
    if trouble == "down":
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{free.getsockname()[1]}"
    elif trouble == "slow":
        receiver.released.clear()
    elif trouble == "broken":
        receiver.answer = 500
    else:
        url = "no URL with token=secret"
    done = run(
        image,
        project,
        url,
        webhooks(timeout="1s").replace("    teams", "    # teams").replace("    webhook", "    # webhook"),
    )
    receiver.released.set()
    assert done.returncode == 0, done.stdout
    assert done.stderr == ""
    assert done.stdout.count("step=notify outcome=failed") == 2
    assert url not in done.stdout


def test_figures_are_pushed_in_prometheus_text(image, project: Path, receiver: Receiver) -> None:
    done = run(image, project, receiver.url, f"  metrics: {{pushgateway: {receiver.url}/}}\n")
    assert done.returncode == 0
    (path, began), (same, body) = receiver.received
    assert path == same == "/metrics/job/aegisgen/environment/staging/service/api/step/migration"
    assert set(figures(began)) == {"aegisgen_step_last_start_timestamp_seconds"}
    ended = figures(body)
    assert (ended["aegisgen_step_success"], ended["aegisgen_step_exit_code"]) == (1, 0)
    assert ended["aegisgen_step_duration_seconds"] < 60
    assert ended["aegisgen_step_last_success_timestamp_seconds"] == ended["aegisgen_step_last_run_timestamp_seconds"]


def test_the_url_comes_from_a_secret_that_may_be_missing(project: Path) -> None:
    say(project, "production", webhooks())
    job = rendered("production")["argocd/overlays/production/api/migration-job.yaml"]
    (one,) = job["spec"]["template"]["spec"]["containers"]
    found = {
        each["name"]: each["valueFrom"]["secretKeyRef"] for each in one["env"] if each["name"].startswith("AEGISGEN")
    }
    assert found["AEGISGEN_SLACK_URL"] == {"name": "hooks", "key": "slack", "optional": True}


def test_argo_cd_tells_what_no_pod_can(project: Path) -> None:
    say_of_project(project, 'repository: {url: "https://github.com/example/infra"}\n')
    say(
        project,
        "production",
        "  application: {}\n  notifications: {argocd: {on-sync-failed: [{slack: a}, {slack: b}]}}\n",
    )
    application = rendered("production")["argocd/apps/production-api.yaml"]
    assert application["metadata"]["annotations"] == {"notifications.argoproj.io/subscribe.on-sync-failed.slack": "a;b"}
