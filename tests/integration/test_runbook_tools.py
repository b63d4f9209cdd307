"""What a runbook tells people to run, is run: kubectl takes every command, and PostgreSQL every statement."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from tests.api_server import api_server, connect
from tests.conftest import ROOT, aegisgen
from tests.processes import Done, ran
from tests.runbooks import fences, lines
from tests.status_cluster import FOLDER
from tests.tools import need

from aegisgen.render.runner import lock_key

pytestmark = pytest.mark.tools

# What kubectl says of a command that it does not understand, before it asks anybody.
_MISUNDERSTOOD = re.compile(
    r"unknown (shorthand )?flag|unknown command|unknown verb|must specify|must be specified|requires|expected '|"
    r"error parsing|invalid argument|unrecognized|not a valid|cannot be used|See 'kubectl|error: resource\(s\) were provided"
)


@pytest.fixture
def kubectl(tmp_path: Path) -> dict[str, str]:
    """The environment in which kubectl knows one cluster; its server's address goes into `kubeconfig`."""
    need("kubectl", "grep")
    return {**os.environ, "KUBECONFIG": str(tmp_path / "kubeconfig"), "HOME": str(tmp_path)}


def runbook(project: Path, environment: str) -> str:
    outcome = aegisgen("runbook", environment, "--project", str(project / "aegisgen.yaml"))
    assert outcome.code == 0, outcome.err
    return outcome.out


def run(line: str, environment: dict[str, str], folder: Path) -> Done:
    return ran(["sh", "-c", line], env=environment, cwd=folder, timeout=60)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("state", "name"), [("healthy", "production"), pytest.param("staging-healthy", "staging", marks=pytest.mark.long)]
)
def test_kubectl_takes_every_command(kubectl, kustomize, tmp_path, state: str, name: str) -> None:
    """Against a server on which everything is as the overlays say, and which changes nothing."""
    project = FOLDER / "argocd"
    text = runbook(project, name)
    # A pod that stays, a password of the Secret, and a port that is forwarded need more of a cluster than that.
    commands = [line for line in lines(text) if "kubectl " in line and " <<'YAML'" not in line]
    assert len(commands) > 20
    pod = "staging-aegisx-api-7d9c5b6f4-9vwqt"
    with api_server(FOLDER / "states" / state) as server:
        connect(Path(kubectl["KUBECONFIG"]), server.url)
        for line in dict.fromkeys(commands):
            ran = run(
                line.replace("--timeout=120s", "--timeout=1s"), {**kubectl, "POD": pod, "DUMP": "a.dump"}, project
            )
            assert not _MISUNDERSTOOD.search(ran.stderr), f"{line}\n{ran.stderr}"


def test_what_they_print_is_what_is_promised(kubectl, kustomize, tmp_path) -> None:
    text = runbook(FOLDER / "argocd", "production")

    def printed(comment: str, state: str) -> str:
        (block,) = [part for block in fences(text) for part in block.split("\n\n") if part.startswith(f"# {comment}")]
        with api_server(FOLDER / "states" / state) as server:
            connect(Path(kubectl["KUBECONFIG"]), server.url)
            ran = run(block, kubectl, tmp_path)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    assert printed("Did it succeed", "healthy") == "True"
    assert printed("Did it succeed", "migration-failed") == ""
    ended = printed("How each of its pods ended", "migration-failed").splitlines()
    assert ended[0].split() == ["POD", "STATUS", "EXIT", "MESSAGE"]
    assert ended[1].split()[:3] == ["production-aegisx-api-migration-x7k2p", "Failed", "12"]
    assert len(ended) == 5
    assert printed("The migration's Jobs", "healthy").split()[0] == "production-aegisx-api-migration"
    logs = printed("The log of one of its pods", "migration-failed")
    assert 'error: column "email" of relation "users" already exists' in logs
    said = printed("What Argo CD says", "migration-failed").splitlines()[-1]
    assert said.startswith("Failed: one or more synchronization tasks completed unsuccessfully")

    text = runbook(FOLDER / "argocd", "staging")
    looking = text[text.index("# The pods, and one of them") :]
    (find, *_) = re.findall(r"^POD=.*$", looking, re.MULTILINE)
    with api_server(FOLDER / "states/init-crash-loop") as server:
        connect(Path(kubectl["KUBECONFIG"]), server.url)
        ran = run(f'{find}\nkubectl logs -n staging "$POD" -c db-migration', kubectl, tmp_path)
    assert "migration file" in ran.stdout, ran.stderr


def statements(text: str) -> list[str]:
    """The runbook's SQL, one statement each."""
    without_comments = re.sub(r"^--.*$", "", "\n".join(fences(text, "sql")), flags=re.MULTILINE)
    return [each.strip() for each in without_comments.split(";") if each.strip()]


def test_the_lock_is_found_and_freed_and_a_migration_skipped(database, kustomize) -> None:
    """On a server on which somebody holds the very lock that the runner takes."""
    text = runbook(ROOT / "argocd", "production")
    found = statements(text)
    who, end = (next(each for each in found if each.startswith(word)) for word in ("SELECT a.pid", "SELECT pg_term"))
    assert database.ask(who) == []
    with database.connect() as holder:
        holder.execute("SELECT pg_advisory_lock(%s, %s)", lock_key("aegisgen"))
        (row,) = database.ask(who)
        assert row[0] == holder.info.backend_pid
        assert database.ask(end) == [(True,)]
    database.ask("CREATE TABLE knex_migrations (id serial, name text, batch int, migration_time timestamptz)")
    database.ask("CREATE TABLE knex_migrations_lock (index serial, is_locked int)")
    database.ask("INSERT INTO knex_migrations (name, batch, migration_time) VALUES ('1_users.js', 4, now())")
    database.ask("INSERT INTO knex_migrations_lock (is_locked) VALUES (1)")
    for each in found:
        if "knex_migrations" in each:
            database.ask(each.replace("FILE", "2_email.js"))
    assert database.ask("SELECT name, batch FROM knex_migrations ORDER BY id") == [("1_users.js", 4), ("2_email.js", 5)]
    assert database.ask("SELECT is_locked FROM knex_migrations_lock") == [(0,)]
