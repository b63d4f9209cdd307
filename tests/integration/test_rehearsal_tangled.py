"""Sets of migrations that need each other, run by Knex on an empty database and on one that starts from production."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.servers import setting
from tests.tools import need

from aegisgen.rehearsal.diagnosis import Around, explained
from aegisgen.rehearsal.outcome import MigrationRun
from aegisgen.rehearsal.postgres import extensions_at_hand, load_dump, sessions
from aegisgen.rehearsal.postgres.server import Server
from aegisgen.rehearsal.postgres.sessions import Login
from aegisgen.rehearsal.sources import migration_texts

need("npm", "node")
pytestmark = pytest.mark.tools

TANGLED = Path(__file__).parents[1] / "fixtures/tangled"
SECRET = "not 'so' $secret\\"


class Application(NamedTuple):
    """The tangled application with its database."""

    folder: Path
    login: Login
    server: Server

    def migrate(self, knexfile: str = "knexfile.js") -> str:
        """Run a set as its script would; return what it printed."""
        login = self.login
        address = {
            "DATABASE_HOST": login.host,
            "DATABASE_PORT": str(login.port),
            "DATABASE_USER": login.user,
            "DATABASE_NAME": login.database,
            "DATABASE_PASSWORD": login.password,
        }
        command = ["node", "scripts/knex.js", "--knexfile", knexfile, "migrate:latest"]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**os.environ, **address},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.stdout + done.stderr

    def explain(self, log: str, schema_dump: str = "") -> MigrationRun:
        """Diagnose what was printed, with the files as they lie there."""
        sources = migration_texts(TANGLED)
        with sessions.connect(self.login) as session:
            exists = session.execute("SELECT to_regclass('knex_migrations') IS NOT NULL").fetchone() == (True,)
            rows = session.execute("SELECT name FROM knex_migrations ORDER BY id").fetchall() if exists else []
        named = {Path(file).name: file for file in sources}
        around = Around(
            applied=[named[str(name)] for (name,) in rows],
            sources=sources,
            server=self.server.version,
            major=int(setting(self.server, "server_version").split(".")[0]),
            elsewhere=extensions_at_hand(),
            schema_dump=schema_dump,
        )
        (failure,) = explained((), around, log)
        return failure


@pytest.fixture
def tangled(app: Path, server: Server, tmp_path: Path) -> Iterator[Application]:
    """The application, installed, with an empty database."""
    folder = tmp_path / "tangled"
    shutil.copytree(TANGLED, folder)
    (folder / "node_modules").symlink_to((app / "node_modules").resolve())
    shutil.copytree(app / "scripts", folder / "scripts")
    yield Application(folder, server.database("tangled", owner="aegisx", password=SECRET), server)
    server.drop("tangled")


def test_sets_that_need_each_other_are_told_apart_on_an_empty_database(tangled: Application) -> None:
    first = tangled.explain(tangled.migrate("knexfile.inventory.js"))
    assert first.file == "inventory/20260115000000_items.js"
    assert first.failed_statement.startswith('create table "inventory"."items"')
    assert first.error == 'schema "inventory" does not exist'
    assert first.cause.startswith('no migration of the application creates the schema "inventory"')
    assert "--schema-dump" in first.way_out

    with sessions.connect(tangled.login) as session:
        session.execute("CREATE SCHEMA inventory")
    second = tangled.explain(tangled.migrate())
    assert second.file == "migrations/20260201000000_orders.js"
    assert second.error == 'relation "inventory.items" does not exist'
    assert second.cause == (
        'inventory/20260115000000_items.js creates the table "inventory.items": another set of migrations, which has '
        'not run and itself needs the table "users" of this one: on an empty database no order works'
    )
    assert "--schema-dump" in second.way_out


def test_an_extension_that_is_not_to_be_had_is_named_with_the_migration_that_asked(tangled: Application) -> None:
    if "postgis" in extensions_at_hand():
        pytest.skip("this machine has postgis")
    found = tangled.explain(tangled.migrate("knexfile.extension.js"))
    assert found.file == "extension/20260301000000_places.js"
    assert found.failed_statement == "CREATE EXTENSION IF NOT EXISTS postgis"
    assert found.cause == f'{tangled.server.version} has no extension "postgis"'
    assert "apt-get install postgresql-" in found.way_out


def test_productions_schema_is_the_way_out_that_it_is_said_to_be(tangled: Application, tmp_path: Path) -> None:
    # Given production, where history made what no order makes.
    programs = tangled.server.programs
    assert programs
    superuser = tangled.server.superuser._replace(database=tangled.login.database)
    with sessions.connect(tangled.login) as session:
        session.execute("CREATE SCHEMA inventory; CREATE TABLE inventory.items (id serial PRIMARY KEY)")
    assert "Ran 2" in tangled.migrate()
    address = [f"--host={superuser.host}", f"--port={superuser.port}", "--username=postgres", "--dbname=tangled"]
    environment = {**os.environ, "PGPASSWORD": superuser.password}
    dump = tmp_path / "schema.sql"
    # When it is dumped as the way out says
    with dump.open("wb") as file:
        for options in (["--schema-only"], ["--data-only", "--table=*_migrations"]):
            subprocess.run(
                [programs / "pg_dump", *address, *options], env=environment, stdout=file, check=True, timeout=60
            )
    tangled.server.drop("tangled")
    tangled.server.database("tangled", owner="aegisx", password=SECRET)
    # Then the set that could not run has nothing left to run.
    assert load_dump(tangled.server, tangled.login, dump, scratch=tmp_path) == ()
    assert "Ran 0" in tangled.migrate()
    # And without those rows it says so.
    tangled.server.drop("tangled")
    tangled.server.database("tangled", owner="aegisx", password=SECRET)
    dump.write_text(dump.read_text().split("COPY public.knex_migrations")[0])
    assert "public.knex_migrations without rows" in load_dump(tangled.server, tangled.login, dump, scratch=tmp_path)[0]
    found = tangled.explain(tangled.migrate(), schema_dump="schema.sql")
    assert found.cause.startswith('the schema dump has the relation "users" already')
