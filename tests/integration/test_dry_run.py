"""The dry run: a faithful copy of the schema, and migrations that fail on it before they fail in production."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.integration.steps_support import connection, containers, dumped, job, programs, say
from tests.pods import Ended
from tests.postgres import Database, new_database
from tests.processes import printed
from tests.trees import replace

from aegisgen.rehearsal.postgres.server import Server

pytestmark = pytest.mark.tools

SCHEMA = """
CREATE TABLE knex_migrations (id serial PRIMARY KEY, name text, batch int, migration_time timestamptz);
CREATE TABLE knex_migrations_lock (index serial PRIMARY KEY, is_locked int);
INSERT INTO knex_migrations (name, batch) VALUES ('1_users.js', 1), ('2_more.js', 1);
INSERT INTO knex_migrations_lock (is_locked) VALUES (1);
CREATE SCHEMA "odd schema";
CREATE TABLE users (id serial PRIMARY KEY, name text UNIQUE);
CREATE TABLE "odd schema"."Table" (owner int REFERENCES users);
INSERT INTO users (name) VALUES ('somebody');
GRANT SELECT ON users TO PUBLIC;
"""

EMAIL = """
exports.up = (knex) => knex.schema.alterTable("users", (table) => table.text("email"));
exports.down = (knex) => knex.schema.alterTable("users", (table) => table.dropColumn("email"));
"""


class DryRun(NamedTuple):
    """The containers of the dry run, one by one, with a production and a sidecar."""

    folder: Path
    shell: list[str]
    production: Database
    server: Server

    @property
    def copy(self) -> Database:
        """The copy, under the same name as production's."""
        return Database(self.server, self.production.name)

    def load(self, **env: str) -> Ended:
        """Run the container that loads the schema."""
        work = self.folder / "work"
        work.mkdir(exist_ok=True)
        own = {"COPY_PORT": str(self.copy.port), "COPY_NAME": self.production.name, "COPY_USER": "aegisx"}
        path = programs(self.production, self.folder)
        env = connection(self.production) | own | env
        return containers("dry-run")["load"].run(self.folder, self.shell, env, path, {"/copy": work})

    def migrate(self, script: str) -> Ended:
        """Run the application's container, in which a script is all there is to the migration."""
        (self.folder / "migrate.sh").write_text(
            'export PGHOST="$DATABASE_HOST" PGPORT="$PORT" PGUSER="$DATABASE_USER" PGDATABASE="$DATABASE_NAME"\n'
            + script
        )
        return self.migrate_with(PORT=str(self.copy.port))

    def migrate_with(self, **env: str) -> Ended:
        """Run the application's container with what stands in the folder."""
        own = {"DATABASE_NAME": self.production.name, "DATABASE_USER": "aegisx", "DATABASE_PORT": str(self.copy.port)}
        path = programs(self.production, self.folder)
        return containers("dry-run")["dry-run"].run(self.folder, self.shell, own | env, path)


@pytest.fixture
def image(tmp_path: Path, app: Path) -> Path:
    """A folder with the packages of the application's image."""
    (tmp_path / "node_modules").symlink_to(app / "node_modules")
    return tmp_path


@pytest.fixture
def dry_run(full: Path, image: Path, shell: list[str], database: Database, copy: Server) -> DryRun:
    database.ask(SCHEMA)
    command = {"ping": ["true"], "status": ["true"], "migrate": ["sh", "migrate.sh"]}
    say(full, migrations={"commands": command, "wait": "5s"})
    empty(copy)
    return DryRun(image, shell, database, copy)


def empty(copy: Server) -> None:
    """Make the sidecar what it is when its pod starts."""
    with Database(copy, "postgres").connect(user="postgres") as session:
        for (name,) in session.execute("SELECT datname FROM pg_database WHERE datname LIKE 'aegisx%'").fetchall():
            session.execute(f"DROP DATABASE {name}")
        session.execute("DROP ROLE IF EXISTS aegisx, dryrun")


def test_the_copy_has_the_schema_the_bookkeeping_and_no_other_rows(dry_run: DryRun) -> None:
    ended = dry_run.load()
    assert ended.code == 0, ended.log
    assert dumped(dry_run.copy, "--schema-only") == dumped(dry_run.production, "--schema-only")
    bookkeeping = "SELECT * FROM knex_migrations ORDER BY id"
    assert dry_run.copy.ask(bookkeeping) == dry_run.production.ask(bookkeeping)
    assert dry_run.copy.ask("SELECT nextval('knex_migrations_id_seq')") == [(3,)]
    rest = "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM knex_migrations_lock)"
    assert dry_run.copy.ask(rest) == [(0, 0)], "a lock of a killed run must not lock the copy"


def test_the_migrating_user_may_do_what_it_may_in_production(dry_run: DryRun) -> None:
    dry_run.load()
    rights = """SELECT current_user, rolsuper, pg_get_userbyid(datdba), current_setting('search_path')
                FROM pg_roles, pg_database WHERE rolname = current_user AND datname = current_database()"""
    assert dry_run.copy.ask(rights) == dry_run.production.ask(rights)
    assert dry_run.copy.ask(rights)[0][1] is False


def test_an_application_with_a_url_works_as_its_own_user(dry_run: DryRun) -> None:
    ended = dry_run.load(COPY_USER="dryrun")
    assert ended.code == 0, ended.log
    with dry_run.copy.connect(user="dryrun") as session:
        assert session.execute("SELECT session_user, current_user").fetchall() == [("dryrun", "aegisx")]


def test_nothing_leads_out_of_the_copy(dry_run: DryRun) -> None:
    """A migration through postgres_fdw wrote into the real remote database, with the password that the dump had."""
    production = dry_run.production
    with production.connect(user="postgres") as session:
        session.execute("CREATE EXTENSION postgres_fdw")
        session.execute(
            f"CREATE SERVER remote FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '{production.port}', dbname 'postgres')"
        )
        session.execute(
            "CREATE USER MAPPING FOR aegisx SERVER remote OPTIONS (user 'aegisx', password 'remote-password')"
        )
        session.execute("GRANT USAGE ON FOREIGN SERVER remote TO aegisx")
        session.execute("CREATE FOREIGN TABLE theirs (id int) SERVER remote")
        session.execute("CREATE FUNCTION note() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'")
        session.execute("CREATE EVENT TRIGGER told ON ddl_command_end EXECUTE FUNCTION note()")
    try:
        ended = dry_run.load()
        assert ended.code == 0, ended.log
        with dry_run.copy.connect(user="postgres") as session:
            assert session.execute("SELECT count(*) FROM pg_user_mappings").fetchall() == [(0,)]
            (options,) = session.execute("SELECT srvoptions FROM pg_foreign_server").fetchone() or ((),)
            assert "host=sealed.invalid" in options
            assert session.execute("SELECT evtenabled FROM pg_event_trigger").fetchall() == [("D",)]
        left = b"".join(file.read_bytes() for file in (dry_run.folder / "work").rglob("*") if file.is_file())
        assert b"remote-password" not in left
    finally:
        with production.connect(user="postgres") as session:
            session.execute("DROP EVENT TRIGGER told")
            session.execute("DROP EXTENSION postgres_fdw CASCADE")


def test_a_first_deployment_has_no_bookkeeping_yet(dry_run: DryRun) -> None:
    dry_run.production.ask("DROP TABLE knex_migrations")
    ended = dry_run.load()
    assert ended.code == 0, ended.log
    assert "is not there yet" in ended.log


def test_a_schema_that_cannot_be_read_fails_and_says_so(dry_run: DryRun) -> None:
    with dry_run.production.connect(user="postgres") as session:
        session.execute("CREATE TABLE not_ours (id int)")
    ended = dry_run.load()
    assert ended.code == 32
    assert "not_ours" in ended.log
    assert ended.message.startswith("read-schema: the schema cannot be read")


def test_a_migration_that_the_existing_schema_refuses_is_caught(dry_run: DryRun) -> None:
    """It would do well on an empty database."""
    dry_run.load()
    before = dumped(dry_run.production)
    ended = dry_run.migrate('psql -v ON_ERROR_STOP=1 -c "CREATE TABLE users (id int)"')
    assert ended.code == 12, ended.log
    assert 'relation "users" already exists' in ended.log
    assert dumped(dry_run.production) == before


def test_a_migration_that_fits_the_schema_passes_and_leaves_production_alone(dry_run: DryRun) -> None:
    dry_run.load()
    before = dumped(dry_run.production)
    ended = dry_run.migrate('psql -v ON_ERROR_STOP=1 -c "ALTER TABLE users ADD COLUMN age int"')
    assert ended.code == 0, ended.log
    assert dumped(dry_run.production) == before
    assert "age integer" in dumped(dry_run.copy, "--schema-only")


def test_nothing_after_the_loading_can_reach_production(full: Path) -> None:
    pod = job("dry-run")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    variables = {entry["name"]: entry for entry in container["env"]}
    assert variables["DATABASE_HOST"]["value"] == "127.0.0.1"
    secrets = {entry.get("valueFrom", {}).get("secretKeyRef", {}).get("name") for entry in container["env"]} - {None}
    assert secrets == {"aegisx-webhooks"}
    assert len(variables) == len(container["env"]), "a variable is there twice"
    names = {each["name"]: each.get("restartPolicy") for each in pod["initContainers"]}
    assert names == {"postgres": "Always", "load": None}


@pytest.mark.slow
class TestWithKnex:
    """The application's own migrations made production; then it gets one more."""

    @pytest.fixture
    def dry_run(self, full: Path, tmp_path: Path, database: Database, copy: Server, app: Path) -> DryRun:
        replace(full / "aegisgen.yaml", "packageManager: pnpm", "packageManager: npm")
        folder = tmp_path / "app"
        shutil.copytree(app, folder, symlinks=True)
        knex(folder, database)
        database.ask("INSERT INTO users (name) VALUES ('somebody')")
        (folder / "migrations/20260201000000_email.js").write_text(EMAIL)
        empty(copy)
        return DryRun(folder, ["sh"], database, copy)

    def migrate(self, dry_run: DryRun) -> Ended:
        """Run both containers; production stays as it was, whatever they do."""
        before = dumped(dry_run.production)
        loaded = dry_run.load()
        assert loaded.code == 0, loaded.log
        ended = dry_run.migrate_with(DATABASE_PORT=str(dry_run.copy.port), DATABASE_PASSWORD="any", HOME="/tmp")
        assert dumped(dry_run.production) == before
        return ended

    def test_what_fails_only_on_the_existing_schema_is_caught(self, dry_run: DryRun) -> None:
        from_scratch = new_database(dry_run.production.server)
        knex(dry_run.folder, from_scratch)
        assert from_scratch.ask("SELECT email FROM users") == []

        dry_run.production.ask("ALTER TABLE users ADD COLUMN email text")  # by hand, in no migration
        ended = self.migrate(dry_run)
        assert ended.code == 12, ended.log
        assert 'column "email" of relation "users" already exists' in ended.log
        assert ended.message == "migrate: a migration failed; its error stands above\n"

    def test_what_fits_the_existing_schema_passes(self, dry_run: DryRun) -> None:
        ended = self.migrate(dry_run)
        assert ended.code == 0, ended.log
        batches = "SELECT batch, count(*) FROM knex_migrations GROUP BY batch ORDER BY batch"
        assert dry_run.copy.ask(batches) == [(1, 3), (2, 1)], "only what is pending in production runs"
        assert dry_run.copy.ask("SELECT email FROM users") == []


def knex(folder: Path, database: Database) -> None:
    """Migrate a database as the application does without a dry run."""
    env = {"PATH": os.environ["PATH"], "HOME": "/tmp", **database.env}
    printed(["npm", "run", "db:migrate"], cwd=folder, env=env)
