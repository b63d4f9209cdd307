"""The lock as images with Python hold it, on a real PostgreSQL; the migration tool is a few lines of Python."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from tests.integration.test_lock import alive, command_line, descendants, until
from tests.pods import Pod, container
from tests.poolers import Pooler, pooler
from tests.postgres import Database
from tests.steps import migrate_with
from tests.trees import edited, executable

__all__ = ["pooler"]
pytestmark = [pytest.mark.tools, pytest.mark.slow]

# Like many a tool: looks what is there, does it and writes it down, without any lock.
TOOL = """
import os, sys, time, psycopg
names = dict(host="HOST", port="PORT", user="USER", password="PASSWORD", dbname="NAME")
with psycopg.connect(**{key: os.environ["DATABASE_" + name] for key, name in names.items()}, autocommit=True) as session:
    session.execute("CREATE TABLE IF NOT EXISTS applied (what text)")
    if not session.execute("SELECT 1 FROM applied").fetchall():
        session.execute("SELECT pg_sleep(%s)", [float(os.environ.get("FIXTURE_SLEEP", 1))])
        session.execute("INSERT INTO applied VALUES ('it')")
"""


@pytest.fixture
def start(database: Database, project: Path, tmp_path: Path):
    (tmp_path / "tool.py").write_text(TOOL)
    commands = {"ping": ["true"], "status": ["true"], "migrate": ["python3", "tool.py"]}
    lock = {"runtime": "python", "timeout": "30s"}
    migrate_with(project, {"tool": "command", "commands": commands, "lock": lock})
    # The environment that runs the tests has the client library.
    executable(tmp_path / "bin/python3", f'exec {sys.executable} "$@"')

    def started(**env: str) -> Pod:
        env = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", **database.env, **env}
        return Pod(["dash", *container("production")["command"][1:]], env, tmp_path)

    return started


def test_a_url_may_name_the_driver_of_the_application(database: Database, start, project: Path) -> None:
    with edited(project / "aegisgen.yaml") as data:
        said = data["services"]["api"]["database"]
        said["env"], said["secret"]["keys"] = {"url": "DATABASE_URL"}, ["DATABASE_URL"]
    parts = {
        name: quote(database.env[f"DATABASE_{name}"], safe="") for name in ["USER", "PASSWORD", "HOST", "PORT", "NAME"]
    }
    ended = start(DATABASE_URL="postgresql+psycopg://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**parts)).end()
    assert ended.code == 0, ended.log
    assert applied(database) == 1


def applied(database: Database) -> int:
    return int(database.ask("SELECT count(*) FROM applied")[0][0])


def sleeping(database: Database) -> list[tuple]:
    return database.ask(
        "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep($1)%' AND datname = current_database() "
        "AND state = 'active'"
    )


def test_three_runners_at_once_migrate_once(database: Database, start) -> None:
    ended = [pod.end() for pod in [start() for _ in range(3)]]
    assert [one.code for one in ended] == [0, 0, 0], "\n\n".join(one.log for one in ended)
    assert applied(database) == 1


@pytest.mark.parametrize(("victim", "code"), [(b"/lock.py", 137), (b"import os, signal", 18)])
def test_without_what_holds_the_lock_nothing_goes_on_migrating(
    database: Database, start, victim: bytes, code: int
) -> None:
    pod = start(FIXTURE_SLEEP="5")
    until(lambda: sleeping(database))
    processes = descendants(pod.process.pid)
    os.kill(next(pid for pid in processes if victim in command_line(pid)), signal.SIGKILL)
    ended = start(FIXTURE_SLEEP="0").end()
    assert ended.code == 0, ended.log
    assert ("lock", "healed") in ended.steps
    assert alive(processes) == []
    assert pod.end().code == code
    assert applied(database) == 1


def test_a_killed_pod_leaves_nothing_that_goes_on(database: Database, start) -> None:
    pod = start(FIXTURE_SLEEP="30")
    until(lambda: sleeping(database))
    processes = descendants(pod.process.pid)
    pod.kill()
    ended = start(FIXTURE_SLEEP="0").end()
    assert ended.code == 0, ended.log
    assert alive(processes) == []
    assert applied(database) == 1


def test_a_lost_connection_stops_the_migration(database: Database, start) -> None:
    pod = start(FIXTURE_SLEEP="30")
    until(lambda: sleeping(database))
    ours = "FROM pg_stat_activity WHERE application_name LIKE 'aegisgen-%-holder' AND datname = current_database()"
    database.ask(f"SELECT pg_terminate_backend(pid) {ours}")
    assert pod.end().code == 18
    assert start(FIXTURE_SLEEP="0").end().code == 0
    assert applied(database) == 1


def test_a_pooler_by_the_transaction_is_refused_and_one_by_the_session_is_not(
    database: Database, start, pooler: Pooler
) -> None:
    ended = start(DATABASE_PORT=pooler.start("transaction")).end()
    assert ended.code == 23, ended.log
    assert database.ask("SELECT to_regclass('applied')") == [(None,)]
    pooler.stop()
    assert start(DATABASE_PORT=pooler.start("session")).end().code == 0


def test_a_server_that_takes_no_writes_is_refused(database: Database, start) -> None:
    database.ask(f'ALTER DATABASE "{database.name}" SET default_transaction_read_only = on')
    assert start().end().code == 24


def test_who_holds_a_table_is_said_and_it_is_tried_again(database: Database, start, project: Path) -> None:
    with edited(project / "aegisgen.yaml") as data:
        data["services"]["api"]["migrations"]["lockTimeout"] = "1s"
    database.ask("CREATE TABLE applied (what text)")
    with database.connect() as report:
        report.execute("SET application_name = 'report'")
        report.execute("BEGIN")
        report.execute("LOCK TABLE applied")
        pod = start(FIXTURE_SLEEP="0")
        until(lambda: "outcome=again" in pod.log, pod.log)
        report.execute("ROLLBACK")
        ended = pod.end()
    assert ended.code == 0, ended.log
    assert "waits for applied, held by session" in ended.log
    assert "(report, for" in ended.log
