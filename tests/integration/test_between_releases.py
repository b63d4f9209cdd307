"""A release beside the one before and the one after: a database that is ahead, a reader, a pooler, hidden sessions."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from tests.integration.test_lock import MIGRATIONS, Cluster, alive, cluster, descendants
from tests.leftovers import until
from tests.pods import SCRIPTS, Ended, Pod, container
from tests.poolers import Pooler, pooler
from tests.postgres import Database, use_tls
from tests.tools import need
from tests.trees import executable, put, replace

from aegisgen.render.runner import lock_key

__all__ = ["cluster", "pooler"]
need("npm", "node")
pytestmark = [pytest.mark.tools, pytest.mark.slow]

COLUMN = "exports.up = (knex) => knex.schema.alterTable('users', (table) => table.string('note'));\nexports.down = () => {};\n"
NEXT = "20260201000000_note.js"
# Knex's own client means something else by PGSSLMODE.
NO_TOOL = 'wait: 1s\n    commands: {ping: ["true"], status: ["true"], migrate: ["true"]}'


def release(cluster: Cluster, **migrations: str) -> Cluster:
    """Return the cluster with an image that has further migrations."""
    app = cluster.app.with_name(f"release-{len(list(cluster.app.parent.iterdir()))}")
    shutil.copytree(cluster.app, app, symlinks=True)
    put(app / "migrations", {f"{name}.js": text for name, text in migrations.items()})
    return (
        cluster._replace(app=app)
        if hasattr(cluster, "_replace")
        else type(cluster)(cluster.database, app, cluster.project)
    )


def migrated(cluster: Cluster, environment: str = "production", more: Sequence[str] = (), **env: str) -> Ended:
    command = [*container(environment)["command"], *more]
    path = f"{cluster.app / 'shim'}:{os.environ['PATH']}"
    env = {"PATH": path, "HOME": "/tmp", "NODE_ENV": "production", **cluster.database.env, **env}
    return Pod(["dash", *command[1:]], env, cluster.app).end()


class TestAhead:
    """A newer release has migrated."""

    @pytest.mark.parametrize("environment", ["production", "staging"])
    def test_a_revert_succeeds_and_an_old_pod_starts_again(self, cluster: Cluster, environment: str) -> None:
        newer = release(cluster, **{NEXT.removesuffix(".js"): COLUMN})
        assert migrated(newer).code == 0
        ended = migrated(cluster, environment)
        assert ended.code == 0, ended.log
        assert ("compare", "ahead") in ended.steps
        assert f"nothing to migrate: a newer release has applied {NEXT}" in ended.log
        assert "step=migrate" not in ended.log
        assert cluster.migrated() == [*MIGRATIONS, NEXT]

    def test_who_only_asks_what_is_pending_is_told_so_without_the_lock(self, cluster: Cluster) -> None:
        newer = release(cluster, **{NEXT.removesuffix(".js"): COLUMN})
        assert migrated(newer).code == 0
        with cluster.database.connect() as other:
            other.execute("SELECT pg_advisory_lock(%s::int, %s::int)", lock_key("aegisgen"))
            ended = migrated(cluster, more=["only=status"])
            assert ended.code == 0, ended.log
            assert ("compare", "ahead") in ended.steps
            ended = migrated(release(newer, **{"20260301000000_more": COLUMN}), more=["only=status"])
        assert ended.code == 0, ended.log
        assert "Found 1 Pending Migration file/files." in ended.log
        assert cluster.migrated() == [*MIGRATIONS, NEXT]

    def test_branches_that_have_diverged_are_refused_and_both_are_named(self, cluster: Cluster) -> None:
        assert migrated(release(cluster, **{NEXT.removesuffix(".js"): COLUMN})).code == 0
        ended = migrated(release(cluster, **{"20260301000000_other": COLUMN}))
        assert ended.code == 19
        assert NEXT in ended.message
        assert "20260301000000_other.js" in ended.message
        assert cluster.migrated() == [*MIGRATIONS, NEXT]

    def test_a_profile_may_refuse(self, cluster: Cluster) -> None:
        cluster.say("databaseAhead: refuse")
        assert migrated(release(cluster, **{NEXT.removesuffix(".js"): COLUMN})).code == 0
        ended = migrated(cluster)
        assert (ended.code, NEXT in ended.message) == (19, True)

    def test_an_image_below_the_minimum_is_refused(self, cluster: Cluster) -> None:
        replace(cluster.project / "aegisgen.yaml", "path: apps/api/src/database/migrations", "path: migrations")
        cluster.say(f"minimum: {NEXT}")
        ended = migrated(cluster)
        assert ended.code == 19
        assert ended.message == f"compare: this image is older than migrations.minimum: it has no {NEXT}\n"
        assert migrated(release(cluster, **{NEXT.removesuffix(".js"): COLUMN})).code == 0

    def test_each_set_is_compared_with_its_own_files(self, cluster: Cluster) -> None:
        replace(cluster.project / "aegisgen.yaml", "      path: apps/api/src/database/migrations\n", "")
        profile = cluster.project / "profiles/production.yaml"
        profile.write_text(
            "".join(line for line in profile.read_text().splitlines(keepends=True) if "scripts: " not in line)
        )
        cluster.say("sets: [{name: main}, {name: inventory, table: inventory_migrations, scripts: {"
                    'migrate: "db:migrate:inventory", status: "db:migrate:inventory:status"}}]')  # fmt: skip
        assert migrated(release(cluster, **{NEXT.removesuffix(".js"): COLUMN})).code == 0
        cluster.database.ask("DELETE FROM inventory_migrations; DROP TABLE items")
        ended = migrated(cluster)
        assert ended.code == 0, ended.log
        assert [step for step in ended.steps if step[0] == "compare" and step[1] != "started"] == [
            ("compare", "ahead"),
            ("compare", "ok"),
        ]
        assert cluster.database.ask("SELECT count(*) FROM inventory_migrations") == [(1,)]


class Reader:
    """Sessions that read a table again and again, and remember the longest wait."""

    def __init__(self, database: Database, table: str) -> None:
        self.longest, self._over = 0.0, False
        self._thread = threading.Thread(target=self._read, args=(database, table))

    def _read(self, database: Database, table: str) -> None:
        with database.connect() as session:
            while not self._over:
                began = time.monotonic()
                session.execute(f"SELECT count(*) FROM (SELECT 1 FROM {table} LIMIT 1) AS first_rows")
                self.longest = max(self.longest, time.monotonic() - began)

    def __enter__(self) -> Reader:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        self._thread.join()


class TestAReader:
    """Somebody reads the table that is to be altered, for long."""

    def test_others_go_first_and_the_migration_is_tried_again(self, cluster: Cluster) -> None:
        assert migrated(cluster).code == 0
        newer = release(cluster, **{NEXT.removesuffix(".js"): COLUMN})
        with cluster.database.connect() as report, Reader(cluster.database, "users") as others:
            report.execute("SET application_name = 'report'")
            report.execute("BEGIN")
            report.execute("SELECT count(*) FROM users WHERE name <> 'secret 4711'")
            pod = newer.start()
            until(lambda: "outcome=again" in pod.log, 60)
            report.execute("ROLLBACK")
            ended = pod.end()
        assert ended.code == 0, ended.log
        assert others.longest < 4
        (blocked,) = [line for line in ended.log.splitlines() if "outcome=blocked" in line]
        assert "waits for users, held by session" in blocked
        assert "(report, for" in blocked
        assert "SELECT count(*) FROM users WHERE name <> ?" in blocked
        assert "4711" not in ended.log
        assert cluster.migrated() == [*MIGRATIONS, NEXT]

    def test_it_gives_up_after_the_tries_and_says_so(self, cluster: Cluster) -> None:
        assert migrated(cluster).code == 0
        cluster.say("lockTries: 2\n    lockTimeout: 300ms")
        newer = release(cluster, **{NEXT.removesuffix(".js"): COLUMN})
        with cluster.database.connect() as report:
            report.execute("BEGIN; SELECT count(*) FROM users")
            ended = migrated(newer)
        assert ended.code == 27
        assert ended.message == "migrate: a table was in use by others in each of 2 tries; see above\n"
        assert cluster.migrated() == MIGRATIONS
        assert not cluster.locked()

    def test_what_runs_outside_of_a_transaction_waits_as_long_as_it_takes(self, cluster: Cluster) -> None:
        """A second try would find half of it; CREATE INDEX CONCURRENTLY would leave an invalid index."""
        replace(cluster.project / "aegisgen.yaml", "path: apps/api/src/database/migrations", "path: migrations")
        outside = COLUMN + "exports.config = { transaction: false };\n"
        newer = release(cluster, **{NEXT.removesuffix(".js"): outside})
        ended = migrated(newer)
        assert ended.code == 0, ended.log
        assert f"no lock_timeout: not all of 20260103000000_users_by_name.js, {NEXT} runs in a transaction" in ended.log

    def test_it_can_be_switched_off(self, cluster: Cluster) -> None:
        cluster.say("lockTimeout: 'off'")
        assert "table-lock-timeout" not in " ".join(container("production")["command"])


class TestVoidLocks:
    """A lock that would exclude nobody is found before anything is migrated."""

    @pytest.mark.parametrize("mode", ["transaction", "statement"])
    def test_a_pooler_that_lends_sessions_is_refused(self, cluster: Cluster, pooler: Pooler, mode: str) -> None:
        ended = migrated(cluster, DATABASE_PORT=pooler.start(mode))
        assert ended.code == 23
        assert "database.direct" in ended.log
        assert cluster.database.ask("SELECT to_regclass('knex_migrations')") == [(None,)]

    def test_through_a_pooler_by_the_session_one_of_three_migrates(self, cluster: Cluster, pooler: Pooler) -> None:
        port = pooler.start("session")
        pods = [cluster.start(DATABASE_PORT=port) for _ in range(3)]
        ended = [pod.end() for pod in pods]
        assert [one.code for one in ended] == [0, 0, 0], "\n\n".join(one.log for one in ended)
        assert cluster.migrated() == MIGRATIONS

    def test_with_the_servers_own_address_the_pooler_is_passed_by(self, cluster: Cluster, pooler: Pooler) -> None:
        port = pooler.start("transaction")
        replace(
            cluster.project / "aegisgen.yaml",
            "    database:\n",
            f"    database:\n      direct: {{port: {cluster.database.port}}}\n",
        )
        env = {entry["name"]: entry.get("value") for entry in container("production")["env"]}
        assert env["DATABASE_PORT"] == str(cluster.database.port)
        assert migrated(cluster, DATABASE_PORT=env["DATABASE_PORT"] or port).code == 0

    def test_sessions_with_another_name_are_refused(self, cluster: Cluster) -> None:
        hidden = release(cluster)
        replace(hidden.app / "knexfile.js", "  connection: {\n", '  connection: {\n    application_name: "api",\n')
        pod = hidden.start()
        processes = descendants(pod.process.pid)
        ended = pod.end()
        assert ended.code == 25, ended.log
        assert 'named \\"api\\"' in ended.log
        assert alive(processes) == []
        assert cluster.database.ask("SELECT to_regclass('users')") == [(None,)]
        cluster.say("lock: {hiddenSessions: allow}")
        assert hidden.start().end().code == 0

    @pytest.fixture
    def guard(self, cluster: Cluster) -> Iterator[None]:
        """A role of the server, which other tests' dry runs copy."""
        superuser = cluster.database.server.superuser.user
        with cluster.database.connect(user=superuser) as session:
            session.execute("CREATE ROLE guard LOGIN PASSWORD 'guard'; GRANT CREATE ON SCHEMA public TO guard")
        yield
        with cluster.database.connect(user=superuser) as session:
            session.execute("DROP OWNED BY guard; DROP ROLE guard")

    @pytest.mark.usefixtures("guard")
    def test_a_user_who_may_not_end_the_tools_sessions_is_refused(self, cluster: Cluster) -> None:
        other = release(cluster)
        replace(other.app / "knexfile.js", "user: process.env.DATABASE_USER", "user: process.env.TOOL_USER")
        replace(
            other.app / "knexfile.js", "password: process.env.DATABASE_PASSWORD", "password: process.env.TOOL_PASSWORD"
        )
        env = {"TOOL_USER": "aegisx", "TOOL_PASSWORD": cluster.database.env["DATABASE_PASSWORD"]}
        ended = other.start(**env, DATABASE_USER="guard", DATABASE_PASSWORD="guard").end()
        assert ended.code == 26, ended.log
        assert "belong to aegisx" in ended.log
        assert "GRANT pg_signal_backend" in ended.log

    def test_a_server_that_takes_no_writes_is_refused(self, cluster: Cluster) -> None:
        cluster.database.ask(f'ALTER DATABASE "{cluster.database.name}" SET default_transaction_read_only = on')
        ended = migrated(cluster)
        assert ended.code == 24
        assert "default_transaction_read_only" in ended.log


class TestPing:
    """What waiting cannot cure fails at once, with the true reason."""

    @pytest.mark.parametrize(
        ("npm", "reason"),
        [
            ("exit 127", "exit code 127"),
            ("echo 'sh: 1: knex: not found' >&2; exit 1", "knex: not found"),
            (
                """echo "Error: Cannot find module 'pg'"; echo '    at x (y.js:1:1)'; exit 1""",
                "Cannot find module 'pg'",
            ),
            ("kill -SEGV $$", "exit code 139"),
        ],
    )
    def test_a_command_that_cannot_run(self, cluster: Cluster, tmp_path: Path, npm: str, reason: str) -> None:
        executable(tmp_path / "bin/npm", npm)
        began = time.monotonic()
        ended = cluster.start(PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}").end()
        assert ended.code == 28, ended.log
        assert reason in ended.message
        assert time.monotonic() - began < 30

    def test_an_error_of_node_that_waiting_cures_is_waited_for(self, cluster: Cluster, tmp_path: Path) -> None:
        cluster.say("wait: 1s")
        executable(tmp_path / "bin/npm", "echo 'TypeError: fetch failed'; exit 1")
        ended = cluster.start(PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}").end()
        assert ended.code == 10, ended.log

    def test_a_database_that_does_not_answer_is_quoted(self, cluster: Cluster, tmp_path: Path) -> None:
        cluster.say("wait: 1s")
        executable(
            tmp_path / "bin/npm", "echo 'password authentication failed at postgresql://me:hunter2@db/x'; exit 1"
        )
        ended = cluster.start(PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}").end()
        assert ended.code == 10
        assert ended.message.endswith("at last: password authentication failed at postgresql://***@db/x\n")


class TestTls:
    """PGSSLMODE as libpq means it."""

    @pytest.fixture
    def secured(self, cluster: Cluster) -> Iterator[Cluster]:
        use_tls(cluster.database.server)
        return cluster

    @pytest.mark.parametrize(
        ("mode", "code"), [("disable", 0), ("prefer", 0), ("require", 0), ("verify-ca", 17), ("verify-full", 17)]
    )
    def test_each_mode_with_a_certificate_that_nobody_vouches_for(self, secured: Cluster, mode: str, code: int) -> None:
        secured.say(NO_TOOL)
        ended = migrated(secured, PGSSLMODE=mode)
        assert ended.code == code, ended.log
        assert ("database.ca" in ended.log) == (code == 17)

    @pytest.mark.parametrize(
        ("host", "mode", "code"),
        [("localhost", "verify-full", 0), ("127.0.0.1", "verify-full", 17), ("127.0.0.1", "verify-ca", 0)],
    )
    def test_with_its_authority(self, secured: Cluster, host: str, mode: str, code: int) -> None:
        secured.say(NO_TOOL)
        assert secured.database.server.log
        authority = secured.database.server.log.parents[1] / "server.crt"
        assert migrated(secured, DATABASE_HOST=host, PGSSLMODE=mode, PGSSLROOTCERT=str(authority)).code == code

    @pytest.mark.parametrize(("mode", "code"), [("require", 0), ("verify-full", 20)])
    def test_the_record_connects_as_the_lock_does(self, secured: Cluster, mode: str, code: int) -> None:
        variables = " ".join(f"{name.lower()}:DATABASE_{name}" for name in ("HOST", "PORT", "USER", "NAME", "PASSWORD"))
        settings = f"environment=test\nservice=api\nimage=one\nvariables={variables}"
        env = {"PATH": os.environ["PATH"], **secured.database.env, "PGSSLMODE": mode}
        command = ["node", SCRIPTS / "runs.mjs", settings, "open"]
        done = subprocess.run(
            command, cwd=secured.app, env=env, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == code, done.stderr


def test_the_authority_is_mounted_from_its_secret(project: Path) -> None:
    replace(project / "aegisgen.yaml", "    database:\n", "    database:\n      ca: {secret: postgres-ca}\n")
    found = container("production")
    assert {"name": "database-ca", "mountPath": "/database-ca", "readOnly": True} in found["volumeMounts"]
    env = {entry["name"]: entry.get("value") for entry in found["env"]}
    assert (env["PGSSLROOTCERT"], env["PGSSLMODE"]) == ("/database-ca/ca.crt", "verify-full")
    assert env["NODE_EXTRA_CA_CERTS"] == "/database-ca/ca.crt"
