"""Messages and metrics: what a server receives, and that none of them can fail a migration."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.pods import container
from tests.processes import Done, ran
from tests.shells import SHELLS
from tests.steps import rendered, say, say_of_project
from tests.tools import available, need
from tests.trees import executable

need("sed")
pytestmark = pytest.mark.tools

# What the image has to speak HTTP with, by the lock's runtime; 'none' uses what the shell's PATH has.
CLIENTS = {"node": "node", "python": "python3", "none": "curl"}
IMAGES = [(shell, client) for shell in SHELLS for client, program in CLIENTS.items() if available([program])]
HOSTILE = "say \"hi\" \\n\nsecond line\t$HOME `id` 'quoted' äöü"
WEBHOOKS = "  notifications:\n    text: {text}\n    timeout: {timeout}\n" + "".join(
    f"    {kind}: {{secret: {{name: hooks, key: {kind}}}}}\n" for kind in ("slack", "teams", "webhook")
)


class Server(ThreadingHTTPServer):
    """A webhook on loopback that keeps what it receives."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer, self.released = 200, threading.Event()
        self.released.set()
        self.received: list[tuple[str, bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.path, body))
        self.server.released.wait(30)
        try:
            self.send_response(self.server.answer)
            self.send_header("Content-Length", "0")
            self.end_headers()
        except OSError:
            pass

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.released.set()
        server.shutdown()
        thread.join()


def _found(program: str) -> str | None:
    """The python3 on PATH may be a script that needs more than this folder; the one that runs the tests is none."""
    return os.path.realpath(sys.executable) if program == "python3" else shutil.which(program)


@pytest.fixture(params=IMAGES, ids="-".join)
def image(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[list[str], str, Path]:
    """A shell, a runtime, and a folder of programs with that runtime's HTTP client only."""
    shell, client = request.param
    folder = tmp_path / "programs"
    folder.mkdir()
    for program in ("date", "tr", "sed", "timeout", "sleep", "sh", CLIENTS[client]):
        (folder / program).symlink_to(_found(program))
    executable(folder / "pnpm", '[ "$2" != "$FAILING" ] || exit 1\necho No Pending Migration files Found.')
    return shell.split(), client, folder


def run(image: tuple[list[str], str, Path], project: Path, url: str, said: str, **env: str) -> Done:
    """Run the staging container without a lock."""
    shell, client, folder = image
    say(project, "staging", f"  migrations: {{lock: {{enabled: false, runtime: {client}}}}}\n{said}")
    command = container("staging")["command"]
    environment = {f"AEGISGEN_{kind}_URL": f"{url}/{kind.lower()}" for kind in ("SLACK", "TEAMS", "WEBHOOK")}
    env = {"PATH": str(folder), "TERMINATION_LOG": "/dev/null", "HOSTNAME": "pod-1", **environment, **env}
    return ran([shutil.which(shell[0]), *shell[1:], *command[1:]], env=env, timeout=60)


def webhooks(text: str = "", timeout: str = "5s") -> str:
    return WEBHOOKS.replace("{text}", json.dumps(text)).replace("{timeout}", timeout)


def test_messages_are_json_whatever_they_say(image, project: Path, server: Server) -> None:
    done = run(image, project, server.url, webhooks(HOSTILE))
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    told = [(path, json.loads(body)) for path, body in server.received]
    assert [path for path, _ in told] == ["/slack", "/teams", "/webhook"] * 2
    hostile = HOSTILE if image[1] != "none" else HOSTILE.replace("\t", " ")
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
    assert server.url not in done.stdout


def test_a_failure_is_told_with_its_step_and_reason(image, project: Path, server: Server) -> None:
    done = run(image, project, server.url, webhooks(), FAILING="db:migrate")
    assert done.returncode == 12
    last = json.loads(server.received[-1][1])
    assert (last["event"], last["step"]) == ("failure", "migrate")
    assert "a migration failed" in last["reason"]


@pytest.mark.parametrize("trouble", ["down", "slow", "broken", "nonsense"])
def test_nobody_to_tell_is_no_reason_to_fail(image, project: Path, server: Server, trouble: str) -> None:
    url = server.url
    if trouble == "down":
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{free.getsockname()[1]}"
    elif trouble == "slow":
        server.released.clear()
    elif trouble == "broken":
        server.answer = 500
    else:
        url = "no URL with token=secret"
    done = run(
        image,
        project,
        url,
        webhooks(timeout="1s").replace("    teams", "    # teams").replace("    webhook", "    # webhook"),
    )
    server.released.set()
    assert done.returncode == 0, done.stdout
    assert done.stderr == ""
    assert done.stdout.count("step=notify outcome=failed") == 2
    assert url not in done.stdout


def test_figures_are_pushed_in_prometheus_text(image, project: Path, server: Server) -> None:
    done = run(image, project, server.url, f"  metrics: {{pushgateway: {server.url}/}}\n")
    assert done.returncode == 0
    ((path, body),) = server.received
    assert path == "/metrics/job/aegisgen_migration/environment/staging/service/api"
    lines = [line.split() for line in body.decode().splitlines() if not line.startswith("#")]
    figures = {name: int(value) for name, value in lines}
    assert figures["aegisgen_migration_success"] == 1
    assert figures["aegisgen_migration_duration_seconds"] < 60
    assert body.endswith(b"\n")


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
