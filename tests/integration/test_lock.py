"""Many runners at once, killed runners, lost connections: the rendered container on a real PostgreSQL with real Knex."""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.leftovers import until
from tests.pods import Ended, Pod, container
from tests.postgres import PASSWORD, Database, use_tls
from tests.tools import need
from tests.trees import executable, replace

from aegisgen.render.runner import lock_key

# Twenty take five minutes: AEGISGEN_TRIALS=20 pytest -k trial_after_trial
TRIALS = int(os.environ.get("AEGISGEN_TRIALS", "3"))

need("npm", "node")
pytestmark = [pytest.mark.tools, pytest.mark.slow]

MIGRATIONS = ["20260101000000_users.js", "20260102000000_history.js", "20260103000000_users_by_name.js"]
ONCE = {"history": 1, "index started": 1, "index done": 1}
NPM = "real npm"


class Cluster(NamedTuple):
    """One database and as many pods as a test starts."""

    database: Database
    app: Path
    project: Path

    def say(self, migrations: str) -> None:
        """Let the production profile say something more of `migrations`."""
        profile = self.project / "profiles/production.yaml"
        replace(profile, "  migrations:\n", f"  migrations:\n    {migrations}\n")

    def start(self, *, shell: str = "dash", npm: str = "", **env: str) -> Pod:
        """Start a pod of the production Job."""
        command = container("production")["command"]
        path = os.environ["PATH"] if npm == NPM else f"{self.app / 'shim'}:{os.environ['PATH']}"
        env = {"PATH": path, "HOME": "/tmp", "NODE_ENV": "production", **self.database.env, **env}
        return Pod([*shell.split(), *command[1:]], env, self.app)

    def history(self) -> Counter[str]:
        """What the migrations wrote down, and how often."""
        return Counter(what for (what,) in self.database.ask("SELECT what FROM history"))

    def migrated(self) -> list[str]:
        """What Knex holds for migrated."""
        return [name for (name,) in self.database.ask("SELECT name FROM knex_migrations ORDER BY id")]

    def locked(self) -> bool:
        """Whether Knex's own lock row says so."""
        return self.database.ask("SELECT is_locked FROM knex_migrations_lock") == [(1,)]

    def sleeping(self) -> list[tuple]:
        """The sessions that are in the middle of the slow migration."""
        return self.database.ask("SELECT pid FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND state = 'active' "
                                 "AND pid <> pg_backend_pid() AND datname = current_database()")  # fmt: skip


@pytest.fixture
def cluster(database: Database, app: Path, project: Path) -> Cluster:
    replace(project / "aegisgen.yaml", "packageManager: pnpm", "packageManager: npm")
    return Cluster(database, app, project)


def descendants(pid: int) -> list[int]:
    """Return the processes below a process, whatever group or session they are in; the nearest first."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        if fields[0] != "Z":
            parents[int(stat.parent.name)] = int(fields[1])
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found[1:]


def alive(pids: list[int]) -> list[int]:
    """Return those of the processes that still run."""
    running = []
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state != "Z":
            running.append(pid)
    return running


def holder_of(pod: Pod) -> int:
    """Return the process that holds the pod's lock."""
    return next(pid for pid in descendants(pod.process.pid) if b"/lock.mjs" in command_line(pid))


def keeper_of(pod: Pod) -> int:
    """Return the process that shares the lock's connection."""
    return next(pid for pid in descendants(holder_of(pod)) if b"function keep" in command_line(pid))


def locked_shell_of(pod: Pod) -> int:
    """Return the shell that runs the steps under the lock."""
    return next(pid for pid in descendants(keeper_of(pod)) if b"run.sh\0locked" in command_line(pid))


def migrator_of(pod: Pod) -> int:
    """Return the migration tool's own process."""
    below = descendants(locked_shell_of(pod))
    return next(
        pid for pid in reversed(below) if b"migrate:latest" in command_line(pid) and b"node" in command_line(pid)
    )


def command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_one_runner_migrates(cluster: Cluster) -> None:
    ended = cluster.start(npm=NPM).end()
    assert ended.code == 0, ended.log
    assert [step for step in ended.steps if step[1] != "started"] == [
        ("ping", "ok"),
        ("lock", "taken"),
        ("compare", "ok"),
        ("status-before", "ok"),
        ("migrate", "ok"),
        ("status-after", "ok"),
        ("verify", "ok"),
        ("lock", "ok"),
    ]
    assert cluster.migrated() == MIGRATIONS
    assert PASSWORD not in ended.log


@pytest.mark.parametrize(("many", "shell"), [(3, "busybox sh"), pytest.param(10, "dash", marks=pytest.mark.long)])
def test_many_runners_at_once_all_succeed_and_migrate_once(cluster: Cluster, many: int, shell: str) -> None:
    need(shell.split(maxsplit=1)[0])
    pods = [cluster.start(shell=shell, npm=NPM if many == 3 else "") for _ in range(many)]
    ended = [pod.end(120) for pod in pods]
    assert [one.code for one in ended] == [0] * many, "\n\n".join(one.log for one in ended)
    assert cluster.migrated() == MIGRATIONS
    assert cluster.history() == ONCE


@pytest.mark.parametrize("many", [3, pytest.param(10, marks=pytest.mark.long)])
def test_in_trial_after_trial_every_migration_runs_once(cluster: Cluster, many: int) -> None:
    """One of the migrations runs outside of a transaction, where a second runner would repeat it unnoticed."""
    cluster.say(
        'commands: {ping: ["true"], status: ["true"]}'
    )  # leaves what is tried, and nothing else that takes time
    for trial in range(TRIALS):
        cluster.database.ask("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        ended = [pod.end() for pod in [cluster.start() for _ in range(many)]]
        assert [one.code for one in ended] == [0] * many, (trial, "\n\n".join(one.log for one in ended))
        assert cluster.migrated() == MIGRATIONS, trial
        assert cluster.history() == ONCE, trial


@pytest.mark.parametrize("slow", ["FIXTURE_SLEEP", "FIXTURE_SLEEP_OUTSIDE"])
def test_what_a_killed_pod_leaves_behind_heals_by_itself(cluster: Cluster, slow: str) -> None:
    killed = cluster.start(**{slow: "30"})
    until(cluster.sleeping)
    processes = descendants(killed.process.pid)
    assert len(processes) > 3
    killed.kill()

    ended = cluster.start().end()
    assert ended.code == 0, ended.log
    assert ("lock", "healed") in ended.steps
    assert alive(processes) == []
    assert cluster.sleeping() == []
    assert cluster.migrated() == MIGRATIONS
    started_twice = {"index started": 1} if slow == "FIXTURE_SLEEP_OUTSIDE" else {}
    assert cluster.history() == Counter(ONCE) + Counter(started_twice)
    assert not cluster.locked()


@pytest.mark.parametrize(
    ("victim", "code"), [(holder_of, 137), (keeper_of, 18), (locked_shell_of, 137), (migrator_of, 12)]
)
def test_without_what_holds_the_lock_nothing_goes_on_migrating(
    cluster: Cluster, victim: Callable[[Pod], int], code: int
) -> None:
    pod = cluster.start(FIXTURE_SLEEP="5")
    until(cluster.sleeping)
    processes = descendants(pod.process.pid)
    os.kill(victim(pod), signal.SIGKILL)

    ended = cluster.start().end()
    assert ended.code == 0, ended.log
    assert alive(processes) == []
    assert pod.end().code == code
    assert cluster.migrated() == MIGRATIONS
    assert cluster.history() == ONCE


def test_an_encrypted_connection_is_shared_with_the_keeper_as_well(cluster: Cluster) -> None:
    use_tls(cluster.database.server)
    pod = cluster.start(FIXTURE_SLEEP="5", PGSSLMODE="no-verify")
    until(cluster.sleeping)
    assert cluster.database.ask(
        "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) "
        "WHERE application_name LIKE 'aegisgen-%-holder' AND datname = current_database()"
    ) == [(True,)]
    processes = descendants(pod.process.pid)
    os.kill(holder_of(pod), signal.SIGKILL)
    ended = cluster.start(PGSSLMODE="no-verify").end()
    assert ended.code == 0, ended.log
    assert alive(processes) == []
    assert pod.end().code == 137
    assert cluster.history() == ONCE


def test_a_holder_that_dies_keeps_its_lock_until_its_command_is_dead(cluster: Cluster) -> None:
    """With the keeper stopped, nobody can kill the command; so nobody else may get the lock."""
    cluster.say("lock: {timeout: 2s}")
    pod = cluster.start(FIXTURE_SLEEP="30")
    until(cluster.sleeping)
    keeper = keeper_of(pod)
    os.kill(keeper, signal.SIGSTOP)
    os.kill(holder_of(pod), signal.SIGKILL)
    try:
        assert cluster.start().end().code == 15
        assert cluster.sleeping()
    finally:
        os.kill(keeper, signal.SIGCONT)
    assert pod.end().code == 137
    assert cluster.start().end().code == 0
    assert cluster.history() == ONCE


def test_a_lost_connection_stops_the_migration(cluster: Cluster) -> None:
    pod = cluster.start(FIXTURE_SLEEP="30")
    until(cluster.sleeping)
    processes = descendants(holder_of(pod))
    ours = "FROM pg_stat_activity WHERE application_name LIKE 'aegisgen-%-holder' AND datname = current_database()"
    cluster.database.ask(f"SELECT pg_terminate_backend(pid) {ours}")
    ended = pod.end()
    assert ended.code == 18
    assert ended.message == "lock: the lock was lost, and the migration was stopped; the next attempt takes it up\n"
    assert alive(processes) == []

    assert cluster.start().end().code == 0
    assert cluster.history() == ONCE


def test_a_migrator_that_comes_back_from_the_dead_is_fenced_off(cluster: Cluster) -> None:
    """A session of an earlier run that appears while another one migrates is ended by that one."""
    pod = cluster.start(FIXTURE_SLEEP="4")
    until(cluster.sleeping)
    name = f"aegisgen-{lock_key('aegisgen')[1] & 0xFFFFFFFF:08x}-00000000"
    with cluster.database.connect() as ghost:
        ghost.execute("SELECT set_config('application_name', %s, false)", [name])
        there = f"SELECT 1 FROM pg_stat_activity WHERE application_name = '{name}'"
        until(lambda: not cluster.database.ask(there))
    assert pod.end().code == 0


def test_a_lock_that_somebody_else_holds_is_waited_for_within_bounds(cluster: Cluster) -> None:
    cluster.say("lock: {timeout: 1s}")
    with cluster.database.connect() as foreign:
        foreign.execute("SELECT pg_advisory_lock(%s::int, %s::int)", lock_key("aegisgen"))
        ended = cluster.start().end()
    assert ended.code == 15
    assert ended.message == "lock: another migration held the lock for 1 s\n"
    assert ("lock", "waiting") in ended.steps
    assert cluster.database.ask("SELECT to_regclass('knex_migrations')") == [(None,)]


def test_who_waits_for_the_lock_does_not_block_an_index_that_is_built_concurrently(cluster: Cluster) -> None:
    """A session that waits in pg_advisory_lock() has a snapshot, and CREATE INDEX CONCURRENTLY waits for all of those."""
    first = cluster.start(FIXTURE_SLEEP="3")
    until(cluster.sleeping)
    second = cluster.start()
    until(lambda: "outcome=waiting" in second.log)
    assert (first.end().code, second.end().code) == (0, 0)
    assert cluster.history() == ONCE


def test_a_database_that_goes_down_and_comes_up_within_the_wait_is_waited_for(cluster: Cluster) -> None:
    server = cluster.database.server
    server.stop()
    try:
        pod = cluster.start()
        until(lambda: "no connection" in pod.log)
    finally:
        server.start()
    ended = pod.end()
    assert ended.code == 0, ended.log
    assert cluster.migrated() == MIGRATIONS


def test_a_database_that_goes_down_in_the_middle_stops_the_migration(cluster: Cluster) -> None:
    server = cluster.database.server
    pod = cluster.start(FIXTURE_SLEEP="30")
    until(cluster.sleeping)
    server.stop()
    try:
        assert pod.end().code in {12, 18}  # whoever notices first
    finally:
        server.start()
    assert cluster.start().end().code == 0
    assert cluster.history() == ONCE


def test_several_sets_are_migrated_in_their_order_and_healed_each(cluster: Cluster) -> None:
    replace(cluster.project / "aegisgen.yaml", "      path: apps/api/src/database/migrations\n", "")
    profile = cluster.project / "profiles/production.yaml"
    text = re.sub("    scripts: .*\n", "", profile.read_text())
    profile.write_text(text)
    cluster.say("sets: [{name: main}, {name: inventory, table: inventory_migrations, scripts: {"
                'migrate: "db:migrate:inventory", status: "db:migrate:inventory:status"}}]')  # fmt: skip
    ended = [pod.end() for pod in [cluster.start() for _ in range(3)]]
    assert [one.code for one in ended] == [0, 0, 0], "\n\n".join(one.log for one in ended)
    assert cluster.database.ask("SELECT count(*) FROM inventory_migrations") == [(1,)]
    cluster.database.ask("UPDATE inventory_migrations_lock SET is_locked = 1")
    ended = cluster.start().end()
    assert ended.code == 0
    assert 'freed \\"inventory_migrations_lock\\"' in ended.log


class TestWithoutTheLock:
    """What the tests above would see if the lock did nothing (facts of Knex, so that they stay facts)."""

    @pytest.fixture
    def cluster(self, cluster: Cluster) -> Cluster:
        cluster.say("lock: {enabled: false}")
        return cluster

    def test_whoever_comes_second_fails(self, cluster: Cluster) -> None:
        first = cluster.start(FIXTURE_SLEEP="30")
        until(cluster.sleeping)
        second, third = cluster.start(), cluster.start()
        assert [second.end().code, third.end().code] == [12, 12]
        first.kill()

    def test_a_killed_pod_leaves_a_lock_for_ever(self, cluster: Cluster) -> None:
        killed = cluster.start(FIXTURE_SLEEP="30")
        until(cluster.sleeping)
        killed.kill()
        ended = cluster.start().end()
        assert ended.code == 12
        assert "already locked" in ended.log
        assert cluster.locked()


def test_an_image_without_the_client_module_says_so_and_runs_nothing(cluster: Cluster, tmp_path: Path) -> None:
    executable(tmp_path / "npm", f'echo "$2" >>{tmp_path}/calls')
    dash = str(shutil.which("dash"))

    def end(path: str, folder: Path) -> Ended:
        return Pod(
            [dash, *container("production")["command"][1:]], {**cluster.database.env, "PATH": path}, folder
        ).end()

    ended = end(f"{tmp_path}:{os.environ['PATH']}", tmp_path)
    assert ended.code == 16
    assert "no module pg in" in ended.log
    assert "migrations.lock.directory" in ended.log
    assert "cannot be loaded from the image" in ended.message

    for tool in ("date", "timeout"):
        (tmp_path / tool).symlink_to(f"/usr/bin/{tool}")
    ended = end(str(tmp_path), tmp_path)
    assert (ended.code, ended.message) == (16, "lock: the image has no node, which holds the lock\n")
    assert set((tmp_path / "calls").read_text().split()) == {"db:ping"}


def test_the_module_may_lie_in_a_package_of_the_workspace(cluster: Cluster, tmp_path: Path) -> None:
    cluster.say("lock: {directory: apps/api}")
    executable(tmp_path / "npm")
    (tmp_path / "apps/api").mkdir(parents=True)
    (tmp_path / "apps/api/node_modules").symlink_to(cluster.app / "node_modules")
    env = {**cluster.database.env, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    assert Pod(["dash", *container("production")["command"][1:]], env, tmp_path).end().code == 0


def test_a_refused_connection_has_a_code_of_its_own_and_never_shows_the_password(cluster: Cluster) -> None:
    cluster.say("wait: 1s")
    fake = executable(cluster.app.parent / "ping-only/npm")
    path = f"{fake.parent}:{os.environ['PATH']}"
    ended = cluster.start(PATH=path, DATABASE_PASSWORD="hunter2").end()
    assert ended.code == 17
    assert "password authentication failed" in ended.log
    assert "hunter2" not in ended.log + ended.message
