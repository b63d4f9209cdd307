"""`aegisgen status` through the real kubectl, which asks a server that answers from recorded situations."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from tests.api_server import Server, api_server, connect
from tests.conftest import Outcome, aegisgen
from tests.status_cluster import FOLDER, NOW
from tests.tools import need
from tests.trees import executable

pytestmark = pytest.mark.tools


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kustomize) -> Path:
    """A kubeconfig that kubectl goes by; the test is skipped where there is no kubectl."""
    from aegisgen.commands import status

    need("kubectl")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    monkeypatch.setenv("HOME", str(tmp_path))  # kubectl keeps what it has discovered there
    monkeypatch.setattr(status, "_now", lambda: NOW)
    return tmp_path / "kubeconfig"


def status(*arguments: str) -> Outcome:
    return aegisgen("status", *arguments, "--project", str(FOLDER / "argocd/aegisgen.yaml"))


def only_reads(server: Server) -> bool:
    return {method for method, _ in server.requests} == {"GET"}


@pytest.mark.parametrize(
    ("state", "environment", "code", "part"),
    [
        ("migration-failed", "production", 1, "exit code 12: a migration failed"),
        ("init-crash-loop", "staging", 1, "Init:CrashLoopBackOff"),
        ("waiting-for-approval", "production", 3, "waits for an approval"),
        ("healthy", "production", 0, "3 of 3 pods ready"),
    ],
)
def test_the_real_kubectl_understands_every_question(kubectl, state, environment, code, part) -> None:
    with api_server(FOLDER / "states" / state) as server:
        connect(kubectl, server.url)
        told = status(environment, "--context", "prod")
    assert (told.code, told.err) == (code, "")
    assert part in told.out.splitlines()[0]
    assert only_reads(server)
    assert not any("/secrets" in path for _, path in server.requests)
    if state in {"migration-failed", "init-crash-loop"}:
        assert 'error: column "email" of relation "users" already exists' in told.out


def test_rights_that_are_missing_are_told(kubectl) -> None:
    with api_server(FOLDER / "states/migration-failed", forbidden=("events", "persistentvolumeclaims")) as server:
        connect(kubectl, server.url)
        told = status("production")
    assert told.code == 1
    assert 'not looked at: events: Error from server (Forbidden): events is forbidden: User "jane"' in told.out
    assert "not looked at: persistentvolumeclaims: " in told.out
    with api_server(FOLDER / "states/migration-failed", forbidden=("pods",)) as server:
        connect(kubectl, server.url)
        told = status("production")
    assert (told.code, told.out) == (2, "")
    assert told.err.startswith(
        'cannot ask the cluster: kubectl: Error from server (Forbidden): pods is forbidden: User "j'
    )
    assert told.err.count("\n") == 1


def test_a_cluster_without_argo_cd_is_told_of_all_the_same(kubectl) -> None:
    with api_server(FOLDER / "states/init-crash-loop", without=("argoproj.io",)) as server:
        connect(kubectl, server.url)
        told = status("staging")
    assert told.code == 1
    assert "not looked at" not in told.out


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--context", "nope"], 'context "nope" does not exist'),
        ([], "The connection to the server 127.0.0.1:9 was refused - did you specify the right host or port?"),
    ],
)
def test_a_cluster_that_is_not_there(kubectl, arguments: list[str], reason: str) -> None:
    connect(kubectl, "http://127.0.0.1:9")
    assert status("production", *arguments) == (2, "", f"cannot ask the cluster: kubectl: {reason}\n")


def test_no_kubeconfig_at_all(kubectl, monkeypatch) -> None:
    for name in [name for name in os.environ if name.startswith("KUBERNETES_")]:
        monkeypatch.delenv(name)
    told = status("production")
    assert (told.code, told.out) == (2, "")
    assert told.err.startswith(
        "cannot ask the cluster: kubectl: The connection to the server localhost:8080 was refused"
    )


def test_a_cluster_that_does_not_answer_is_given_up(kubectl, monkeypatch, tmp_path) -> None:
    """A login program that hangs: kubectl's own limit is for requests only."""
    from aegisgen.kube import kubectl as wrapper

    # It may be the one that composes, too.
    composing = f'[ "$1" = kustomize ] && exec {shutil.which("kubectl")} "$@"'
    hanging = executable(tmp_path / "bin/kubectl", f"{composing}\nsleep 60 & wait")
    monkeypatch.setenv("PATH", f"{hanging.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(wrapper, "PROCESS_SECONDS", 1)
    told = status("production")
    assert (told.code, told.err) == (2, "cannot ask the cluster: kubectl: no answer within 1 s\n")
