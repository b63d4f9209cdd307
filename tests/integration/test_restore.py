"""Restoring a dump: into a fresh database, compared, and only then in the place of the old one."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import yaml
from tests.conftest import aegisgen
from tests.integration.steps_support import Container, connection, containers, dumped, fake, programs, say
from tests.pods import Ended, mounted
from tests.postgres import PASSWORD, Database, new_database
from tests.processes import printed
from tests.runbooks import lines
from tests.shells import IN_ONE_SHELL

from aegisgen.rehearsal.postgres.server import Server

pytestmark = [pytest.mark.tools, pytest.mark.slow]

SCHEMA = """
CREATE TABLE customers (id serial PRIMARY KEY, name text NOT NULL);
CREATE TABLE orders (id serial PRIMARY KEY, customer int NOT NULL, note text);
INSERT INTO customers (name) SELECT 'it''s ' || n FROM generate_series(1, 300) n;
INSERT INTO orders (customer, note) SELECT n, E'a\\ttab\\n\\\\.' FROM generate_series(1, 200) n;
"""


NEW_TABLE = """
CREATE TABLE invoices (id serial PRIMARY KEY, customer int REFERENCES customers);
INSERT INTO invoices (customer) SELECT id FROM customers;
DELETE FROM orders WHERE customer > 100;
ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers
"""


class Drill:
    """A database with a dump, and the Job that restores it."""

    def __init__(self, folder: Path, shell: list[str], database: Database) -> None:
        self.folder, self.shell, self.database = folder, shell, database
        self.target = folder / "target"

    def backup(self) -> None:
        ended = containers("backup")["backup"].run(
            self.folder,
            self.shell,
            connection(self.database),
            str(programs(self.database, self.folder)),
            {"/backup": self.target},
        )
        assert ended.code == 0, ended.log

    def restore(self, into: Database | None = None, **env: str) -> Ended:
        rendered = aegisgen("render", "production", "--stdout").out
        texts = (part.partition("\n") for part in rendered.split("---\n# Source: "))
        return self.run(next(text for name, _, text in texts if name.endswith("restore-manual.yaml")), into, **env)

    def run(self, job: str, into: Database | None = None, **env: str) -> Ended:
        """Run the Job of a manifest."""
        database = into or self.database
        (restore,) = yaml.safe_load(job)["spec"]["template"]["spec"]["containers"]
        container = Container("restore", mounted(restore), {})
        path = str(programs(database, self.folder))
        return container.run(self.folder, self.shell, connection(database) | env, path, {"/backup": self.target})

    def databases(self) -> list[str]:
        question = "SELECT datname FROM pg_database WHERE datname LIKE %s ORDER BY 1"
        return [name for (name,) in self.superuser(question, [f"{self.database.name}%"])]

    def superuser(self, text: str, values: list[object] | None = None) -> list[tuple]:
        with self.session("postgres") as session:
            session.autocommit = True
            cursor = session.execute(text, values)
            return cursor.fetchall() if cursor.description else []

    def session(self, database: str = "") -> psycopg.Connection:
        """Let the superuser into a database, or into the one that is backed up."""
        known = self.database.server.superuser
        address = {"host": "127.0.0.1", "port": known.port, "dbname": database or self.database.name}
        return psycopg.connect(**address, user=known.user, password=known.password)


@pytest.fixture
def drill(full: Path, tmp_path: Path, shell: list[str], database: Database) -> Iterator[Drill]:
    say(full, backup={"volume": {"claim": "backups"}}, dryRun=None, checks=None)
    database.ask(SCHEMA)
    made = Drill(tmp_path, shell, database)
    made.superuser("ALTER ROLE aegisx CREATEDB")
    yield made
    made.superuser("ALTER ROLE aegisx NOCREATEDB")


def test_what_came_after_the_dump_is_gone_and_nothing_else_is(drill: Drill) -> None:
    """New tables, and a new foreign key on an old one: `--clean --if-exists` left a mixture of two points in time."""
    drill.database.ask("ALTER DATABASE " + drill.database.name + " SET statement_timeout TO '77s'")
    drill.backup()
    before = dumped(drill.database)
    drill.database.ask(f"{NEW_TABLE}; UPDATE customers SET name = 'lost'")
    ended = drill.restore()
    assert ended.code == 0, ended.log
    assert dumped(drill.database) == before
    assert "2 tables have the dump's rows" in ended.log
    assert drill.database.ask("SHOW statement_timeout") == [("77s",)]
    names = drill.databases()
    assert names[0] == drill.database.name
    assert [name.startswith(f"{drill.database.name}_before_") for name in names[1:]] == [True]
    assert dumped(Database(drill.database.server, names[1])) != before


@pytest.mark.long
@IN_ONE_SHELL
def test_the_runbooks_own_commands_restore_the_newest_dump_and_another(drill: Drill) -> None:
    """As they stand there, but that a kubectl of the test's own keeps the manifest for `run`."""
    drill.backup()
    (oldest,) = drill.target.glob("*.dump")
    first = dumped(drill.database)
    drill.database.ask(NEW_TABLE)
    time.sleep(1.1)  # names tell seconds
    drill.backup()
    second = dumped(drill.database)
    drill.database.ask("DROP TABLE invoices; DELETE FROM orders; CREATE TABLE later (id int)")

    assert aegisgen("render", "production").code == 0
    runbook = aegisgen("runbook", "production").out
    newest, named = [line for line in lines(runbook) if "restore-manual.yaml" in line]
    kept = drill.folder / "created.yaml"
    kubectl = fake(drill.folder, "kubectl", f'[ "$1 $2" = "create --filename" ] && cat -- "$3" >{kept}')
    for command, expected in ((newest, second), (named.replace("THE_NAME_OF_THE_DUMP", oldest.name), first)):
        printed(["sh", "-c", command], cwd="argocd", env={**os.environ, "PATH": f"{kubectl}:{os.environ['PATH']}"})
        time.sleep(1.1)
        ended = drill.run(kept.read_text())
        assert ended.code == 0, ended.log
        assert dumped(drill.database) == expected


@pytest.mark.long
@IN_ONE_SHELL
def test_on_a_new_server_everything_comes_back_once_its_roles_are_there(drill: Drill, copy: Server) -> None:
    drill.superuser("CREATE ROLE reporting")
    new = Database(copy, drill.database.name)
    try:
        drill.database.ask(f"CREATE EXTENSION citext; {NEW_TABLE}; GRANT SELECT ON invoices TO reporting")
        drill.backup()
        copy.database(new.name, owner="aegisx", password=PASSWORD)
        with Database(copy, "postgres").connect(user="postgres") as session:
            session.execute("ALTER ROLE aegisx CREATEDB")
            ended = drill.restore(new)
            assert ended.code == 51, ended.log
            assert ended.message.endswith("create them first: reporting\n")
            session.execute("CREATE ROLE reporting")
        ended = drill.restore(new)
        assert ended.code == 0, ended.log
        assert dumped(new) == dumped(drill.database)
    finally:
        with Database(copy, "postgres").connect(user="postgres") as session:
            for (name,) in session.execute("SELECT datname FROM pg_database WHERE datname LIKE 'aegisx%'").fetchall():
                session.execute(f"DROP DATABASE {name}")
            session.execute("DROP ROLE IF EXISTS reporting, aegisx")
        drill.database.ask("DROP TABLE invoices")
        drill.superuser("DROP ROLE reporting")


def test_whoever_is_still_connected_is_named_and_nothing_is_switched(drill: Drill) -> None:
    drill.backup()
    before = dumped(drill.database)
    with drill.database.connect() as session:
        session.execute("SET application_name = 'a report'")
        ended = drill.restore()
    assert ended.code == 56, ended.log
    assert "a report (pid " in ended.message
    assert drill.databases() == [drill.database.name]
    assert dumped(drill.database) == before


def test_a_dump_that_was_changed_is_refused(drill: Drill) -> None:
    drill.backup()
    (dump,) = drill.target.glob("*.dump")
    dump.write_bytes(dump.read_bytes()[:-100])
    ended = drill.restore()
    assert ended.code == 50
    assert drill.databases() == [drill.database.name]


def test_a_dump_that_does_not_restore_leaves_everything_as_it_was(drill: Drill) -> None:
    """A table of the dump needs a role that may do more than the user."""
    drill.superuser("CREATE ROLE somebody_else")
    try:
        drill.database.ask("SELECT 1")
        with drill.session() as session:
            session.execute("CREATE SCHEMA theirs AUTHORIZATION somebody_else")
            session.execute("GRANT USAGE ON SCHEMA theirs TO aegisx")
        drill.backup()
        ended = drill.restore()
        assert ended.code == 54, ended.log
        assert ended.message.endswith("the old database is as it was\n")
        assert drill.databases() == [drill.database.name]
    finally:
        with drill.session() as session:
            session.execute("DROP SCHEMA theirs")
        drill.superuser("DROP ROLE somebody_else")


def test_without_the_right_to_make_a_database_it_says_which(drill: Drill) -> None:
    drill.backup()
    drill.superuser("ALTER ROLE aegisx NOCREATEDB")
    ended = drill.restore()
    assert ended.code == 52
    assert "CREATEDB" in ended.message


def test_extensions_are_made_first_without_a_superuser(drill: Drill) -> None:
    drill.database.ask("CREATE EXTENSION citext; CREATE TABLE keys (word citext)")
    drill.backup()
    ended = drill.restore()
    assert ended.code == 0, ended.log
    assert drill.database.ask("SELECT count(*) FROM pg_extension WHERE extname = 'citext'") == [(1,)]


def test_extensions_that_need_a_superuser_are_named_all_at_once(drill: Drill) -> None:
    with drill.session() as session:
        session.execute("CREATE EXTENSION pg_stat_statements; CREATE EXTENSION postgres_fdw")
    drill.backup()
    ended = drill.restore()
    assert ended.code == 53, ended.log
    assert "pg_stat_statements postgres_fdw" in ended.message
    assert drill.databases() == [drill.database.name]


def test_on_a_new_server_roles_are_asked_for_before_anything_is_made(drill: Drill) -> None:
    """Who owns something of the dump, and who may see something of it."""
    drill.superuser('CREATE ROLE owner_of_view; CREATE ROLE "see-all"')
    try:
        drill.database.ask('GRANT SELECT ON customers TO "see-all" WITH GRANT OPTION')
        with drill.session() as session:
            session.execute("CREATE VIEW numbers AS SELECT 1 AS one")
            session.execute("ALTER VIEW numbers OWNER TO owner_of_view")
        drill.backup()
        with drill.session() as session:
            session.execute("DROP VIEW numbers")
            session.execute('REVOKE ALL ON customers FROM "see-all"')
    finally:
        drill.superuser('DROP ROLE owner_of_view, "see-all"')
    fresh = new_database(drill.database.server)
    (dump,) = drill.target.glob("*.dump")
    name = dump.name.replace(drill.database.name.replace("_", "-"), fresh.name.replace("_", "-"))
    dump.rename(dump.with_name(name))
    checksum = dump.with_name(f"{dump.name}.sha256")
    checksum.with_name(f"{name}.sha256").write_text(checksum.read_text().replace(dump.name, name))
    ended = drill.restore(fresh)
    assert ended.code == 51, ended.log
    assert ended.message.endswith("create them first: owner_of_view see-all\n")
