"""What a real PostgreSQL tells about migrations: locks, rows, times, and what became of them."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from aegisgen.rehearsal.database.copies import Before
from aegisgen.rehearsal.observe import Observer
from aegisgen.rehearsal.observe.migrations import COPIED, CUT
from aegisgen.rehearsal.outcome import MigrationRun, TableLock
from aegisgen.rehearsal.postgres.server import Server
from aegisgen.rehearsal.postgres.sessions import Login, connect

pytestmark = pytest.mark.tools


@pytest.fixture
def login(server: Server, request: pytest.FixtureRequest) -> Iterator[Login]:
    """An empty database and its owner, who is no superuser."""
    yield server.database("observed", owner="aegisx", password="not 'so' $secret")
    server.drop("observed")


class Knex:
    """Applies migrations and writes them down as Knex does, only faster."""

    def __init__(self, session: psycopg.Connection) -> None:
        self.session = session
        session.execute(
            'create table if not exists "knex_migrations" '
            '("id" serial primary key, "name" varchar(255), "batch" integer, "migration_time" timestamptz)'
        )

    def up(self, name: str, *statements: str, transaction: bool = True) -> None:
        """Execute the statements of one migration."""
        for statement in ["BEGIN", *statements, "COMMIT"] if transaction else statements:
            self.session.execute(statement.encode())
        self.session.execute(
            'insert into "knex_migrations" ("batch", "migration_time", "name") values (%s, now(), %s)', (1, name)
        )


@contextmanager
def knex(login: Login) -> Iterator[Knex]:
    """A process that migrates."""
    address = {"host": login.host, "port": login.port, "dbname": login.database}
    with psycopg.connect(**address, user=login.user, password=login.password, autocommit=True) as session:
        yield Knex(session)


def observe(
    server: Server, login: Login, *migrations: tuple[str, ...], transaction: bool = True
) -> dict[str, MigrationRun]:
    with Observer(app=None).watch(server, login) as observation:
        with knex(login) as tool:
            for name, *statements in migrations:
                tool.up(name, *statements, transaction=transaction)
        return {run.file: run for run in observation.migrations()}


def locks(run: MigrationRun) -> set[tuple[str, str, bool]]:
    return {(held.table, held.mode, held.new) for held in run.locks}


def test_each_lock_is_told_with_its_mode_and_until_the_transaction_ends(server, login):
    with connect(login) as session:
        session.execute(
            "CREATE TABLE users (id int PRIMARY KEY, name text); CREATE SCHEMA shop; CREATE TABLE shop.items (i int)"
        )
    runs = observe(
        server,
        login,
        ("1_weak.js", "INSERT INTO users VALUES (1, 'a')"),
        ("2_strong.js", "ALTER TABLE users ADD COLUMN age int", "SELECT pg_sleep(0.25)", "UPDATE shop.items SET i = 1"),
        ("3_index.js", "CREATE INDEX by_name ON users (name)"),
        ("4_key.js", "CREATE TABLE visits (who int REFERENCES users)"),
    )
    assert locks(runs["1_weak.js"]) == {("users", "RowExclusiveLock", False)}
    strong, weak = runs["2_strong.js"].locks
    assert (strong.table, strong.mode, weak.table, weak.mode) == (
        "users", "AccessExclusiveLock", "shop.items", "RowExclusiveLock",
    )  # fmt: skip
    assert strong.seconds >= 0.25 > weak.seconds
    assert runs["2_strong.js"].seconds >= 0.25
    assert locks(runs["3_index.js"]) == {("users", "ShareLock", False)}
    assert ("users", "ShareRowExclusiveLock", False) in locks(runs["4_key.js"])
    assert ("visits", "AccessExclusiveLock", True) in locks(runs["4_key.js"])
    assert all(run.note == run.error == "" for run in runs.values())


def test_a_lock_that_lasts_a_moment_outside_a_transaction_is_told_too(server, login):
    runs = observe(
        server,
        login,
        ("1.js", "CREATE TABLE users (id int, name text)"),
        ("2.js", "CREATE INDEX CONCURRENTLY by_name ON users (name)", "VACUUM users", "UPDATE users SET id = 1"),
        ("3.js", "DROP INDEX CONCURRENTLY by_name"),
        transaction=False,
    )
    assert locks(runs["2.js"]) == {("users", "ShareUpdateExclusiveLock", False), ("users", "RowExclusiveLock", False)}
    assert locks(runs["3.js"]) == {("users", "ShareUpdateExclusiveLock", False)}


def test_rows_are_counted_by_postgresql_triggers_and_functions_included(server, login):
    with connect(login) as session:
        session.execute("CREATE TABLE users (id int); INSERT INTO users SELECT generate_series(1, 30)")
        session.execute("CREATE TABLE audit (id int)")
        session.execute(
            "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO audit VALUES (1); RETURN NEW; END'"
        )
        session.execute("CREATE TRIGGER t AFTER UPDATE ON users FOR EACH ROW EXECUTE FUNCTION note()")
    runs = observe(
        server,
        login,
        ("1.js", "UPDATE users SET id = id + 1 WHERE id <= 10"),
        ("2.js", "DO $$ BEGIN DELETE FROM users; END $$", "CREATE TABLE copy AS SELECT generate_series(1, 7)"),
        ("3.js", "CREATE TABLE nothing (id int)"),
    )
    assert [run.rows for run in runs.values()] == [20, 37, 0]


def test_the_observed_database_is_left_as_it_was_and_its_copy_is_gone(server, login):
    def state() -> list[tuple]:
        with connect(server.superuser, quiet=True) as session:
            return session.execute("SELECT datname FROM pg_database ORDER BY 1").fetchall()

    with connect(login) as session:
        session.execute("CREATE TABLE users (id int)")
    before = state()
    runs = observe(server, login, ("1.js", "INSERT INTO users VALUES (1)"))
    assert runs["1.js"].rows == 1
    assert state() == before
    with connect(login) as session:
        assert session.execute("SELECT count(*) FROM users").fetchall() == [(1,)]


def test_of_rows_that_a_client_copied_the_locks_are_told(server, login):
    with Observer(app=None).watch(server, login, elapsed=60) as observation:
        with knex(login) as tool:
            tool.up("0.js", "CREATE TABLE users (id int)", "INSERT INTO users VALUES (1)")
            tool.session.execute("BEGIN")
            with tool.session.cursor().copy("COPY users FROM STDIN") as copy:
                copy.write_row([7])
            tool.session.execute("LOCK TABLE users IN SHARE MODE")
            tool.session.execute("COMMIT")
            tool.up("1.js")
        first, second = observation.migrations()
    assert (first.rows, first.note) == (1, "")
    assert locks(second) == {("users", "RowExclusiveLock", False), ("users", "ShareLock", False)}
    assert (second.rows, second.note) == (None, COPIED)
    assert 60 <= first.began <= second.began < 70


def test_what_cannot_be_executed_again_says_so(server, login, monkeypatch):
    monkeypatch.setattr("aegisgen.rehearsal.observe.second_run._MOST_STATEMENTS", 1)
    runs = observe(server, login, ("1.js", "CREATE TABLE users (id int)", "INSERT INTO users VALUES (1)"))
    run = runs["1.js"]
    assert (run.locks, run.rows) == ((), None)
    assert run.note == "locks and rows are not known: there are more than 1 statements"


def test_of_a_script_that_fails_the_statement_is_told(server, login):
    script = (
        "CREATE TABLE a (id int);\nCREATE TABLE b (id int);\nCREATE TABLE missing.c (id int);\nCREATE TABLE d (id int);"
    )
    with Observer(app=None).watch(server, login) as observation:
        with knex(login) as tool, pytest.raises(Exception, match="missing"):
            tool.up("1.js", script)
        (run,) = observation.migrations(['migration file "1.js" failed'])
    assert (run.file, run.error) == ("1.js", 'schema "missing" does not exist')
    assert run.failed_statement == "CREATE TABLE missing.c (id int)"


def test_two_scenarios_share_what_was_found_out(server, login, monkeypatch):
    made = []
    logins = Before.logins
    monkeypatch.setattr(Before, "logins", lambda before: made.append(before) or logins(before))
    observer = Observer(app=None)
    for _ in range(2):
        with observer.watch(server, login) as observation:
            with knex(login) as tool:
                tool.up("1.js", "CREATE TABLE users (id int)", "INSERT INTO users VALUES (1)")
            (run,) = observation.migrations()
        assert run.rows == 1
        assert locks(run) == {("users", "AccessExclusiveLock", True), ("users", "RowExclusiveLock", True)}
        server.drop("observed")
        server.database("observed", owner="aegisx", password=login.password)
    assert len(made) == 1


def test_a_server_that_goes_down_and_comes_back_is_observed_further(server, login):
    with Observer(app=None).watch(server, login) as observation:
        with suppress(psycopg.OperationalError), knex(login) as tool:
            tool.up("1.js", "CREATE TABLE users (id int)")
            tool.session.execute("BEGIN")
            tool.session.execute("CREATE TABLE visits (id int)")
            server.stop()
        server.start()
        with knex(login) as tool:
            tool.up("2.js", "CREATE TABLE visits (id int)")
        runs = observation.migrations()
    assert [(run.file, run.error) for run in runs] == [("1.js", ""), ("2.js", CUT), ("2.js", "")]
    assert all(not run.note for run in runs)


class Theirs:
    """The same server, as if it were the user's own."""

    own = False
    log = None

    def __init__(self, server: Server) -> None:
        self.superuser = server.superuser
        self.version = server.version


def test_on_a_server_of_the_users_own_tools_tell_names_and_times(server, login):
    with knex(login) as tool:
        tool.up("0.js", "CREATE TABLE users (id int)")
    with Observer(app=None).watch(Theirs(server), login) as observation:
        with knex(login) as tool:
            tool.up("1.js", "ALTER TABLE users ADD COLUMN age int", "SELECT pg_sleep(0.2)")
            tool.up("2.js", "CREATE TABLE visits (id int)")
            tool.session.execute("CREATE TABLE django_migrations (id int, app text, name text, applied timestamptz)")
            tool.session.execute("INSERT INTO django_migrations VALUES (1, 'shop', '0001_initial', now())")
        first, second, third = observation.migrations()
    assert [first.file, second.file, third.file] == ["1.js", "2.js", "shop.0001_initial"]
    assert first.seconds > 0.1
    assert (first.locks, first.rows) == ((), None)
    assert first.note.startswith("the server is your own, so its log is not read")


def _environment(login: Login, **more: str) -> dict[str, str]:
    names = {"HOST": login.host, "PORT": str(login.port), "USER": login.user, "NAME": login.database}
    database = {f"DATABASE_{name}": value for name, value in names.items()}
    return {**os.environ, **database, "DATABASE_PASSWORD": login.password, **more}


def test_a_pod_with_knex_that_is_killed_while_it_migrates_and_is_tried_again(server, login, app: Path):
    command = ["node", "scripts/knex.js", "migrate:latest"]
    with Observer(app=app).watch(server, login) as observation:
        first = subprocess.Popen(command, cwd=app, env=_environment(login, FIXTURE_SLEEP="30"))
        _wait_for(login, "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_sleep($1)%' AND pid <> pg_backend_pid()")
        first.send_signal(signal.SIGKILL)
        first.wait()
        with connect(login) as session:
            session.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep($1)%' "
                            "AND pid <> pg_backend_pid()")  # fmt: skip
            session.execute("UPDATE knex_migrations_lock SET is_locked = 0")
        subprocess.run(command, cwd=app, env=_environment(login), check=True, capture_output=True, timeout=60)
        runs = observation.migrations()
    folder = "migrations"
    assert [(run.file, bool(run.error)) for run in runs] == [
        (f"{folder}/20260101000000_users.js", False),
        (f"{folder}/20260102000000_history.js", True),
        (f"{folder}/20260102000000_history.js", False),
        (f"{folder}/20260103000000_users_by_name.js", False),
    ]
    users, cut, history, index = runs
    assert 'create table "users"' in users.statements[0]
    assert history.rows == 1
    assert TableLock("users", "ShareUpdateExclusiveLock", index.locks[0].seconds) == index.locks[0]
    assert cut.rows is not None
    assert {advice.rule for advice in users.advice} >= {"prefer-bigint-over-int"}


def _wait_for(login: Login, question: str) -> None:
    with connect(login) as session:
        deadline = time.monotonic() + 20
        while not session.execute(question.encode()).fetchall():
            assert time.monotonic() < deadline
            time.sleep(0.02)
