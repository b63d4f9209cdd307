"""`--schema-dump`: a rehearsal that starts from production's schema, whatever form it was dumped in."""

from __future__ import annotations

import gzip
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from aegisgen.errors import InputError, UsageError
from aegisgen.rehearsal.postgres import Supply, Wanted, load_dump, sessions
from aegisgen.rehearsal.postgres.dump_text import survey
from aegisgen.rehearsal.postgres.server import Server
from aegisgen.rehearsal.postgres.sessions import Login

SECRET = "not 'so' $secret\\"
PRODUCTION = """
CREATE ROLE reporting NOLOGIN;
CREATE ROLE "Data Owner" NOLOGIN;
CREATE SCHEMA inventory AUTHORIZATION aegisx;
CREATE EXTENSION citext;
CREATE TABLE inventory.items (id int PRIMARY KEY, name citext);
ALTER TABLE inventory.items OWNER TO aegisx;
CREATE TABLE audit (what text);
ALTER TABLE audit OWNER TO "Data Owner";
CREATE TABLE knex_migrations (id int, name text);
ALTER TABLE knex_migrations OWNER TO aegisx;
GRANT SELECT ON inventory.items TO reporting;
ALTER DEFAULT PRIVILEGES FOR ROLE "Data Owner" GRANT SELECT ON TABLES TO reporting;
"""


@pytest.fixture(scope="module")
def dumps(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with production's schema in every form that pg_dump has."""
    folder = tmp_path_factory.mktemp("dumps")
    server.database("production", owner="aegisx", password=SECRET)
    login = server.superuser._replace(database="production")
    with sessions.connect(login) as session:
        session.execute(PRODUCTION)
    for form, name in (("plain", "schema.sql"), ("custom", "schema.dump"), ("tar", "schema.tar"), ("directory", "dir")):
        pg_dump(server, login, "--schema-only", f"--format={form}", f"--file={folder / name}")
    pg_dump(server, login, "--schema-only", "--no-owner", "--no-privileges", f"--file={folder / 'bare.sql'}")
    pg_dump(server, login, "--create", f"--file={folder / 'create.sql'}")
    with gzip.open(folder / "schema.sql.gz", "wb") as packed:
        packed.write((folder / "schema.sql").read_bytes())
    server.drop("production")
    with sessions.connect(server.superuser) as session:
        session.execute('DROP ROLE reporting; DROP ROLE "Data Owner"')
    return folder


def pg_dump(server: Server, login: Login, *options: str) -> None:
    """Dump the login's database."""
    assert server.programs
    address = [f"--host={login.host}", f"--port={login.port}", f"--username={login.user}", f"--dbname={login.database}"]
    command = [server.programs / "pg_dump", *address, *options]
    subprocess.run(command, env={**os.environ, "PGPASSWORD": login.password}, check=True, timeout=60)


@pytest.fixture
def login(server: Server) -> Iterator[Login]:
    """A scenario's empty database."""
    yield server.database("scenario", owner="aegisx", password=SECRET)
    server.drop("scenario")
    with sessions.connect(server.superuser) as session:
        session.execute('DROP ROLE IF EXISTS reporting, "Data Owner"')


@pytest.mark.tools
@pytest.mark.parametrize("name", ["schema.sql", "schema.sql.gz", "schema.dump", "schema.tar", "dir"])
def test_every_form_that_pg_dump_writes_gives_the_same_schema(server, login, dumps, tmp_path, name) -> None:
    notes = load_dump(server, login, dumps / name, scratch=tmp_path)

    with sessions.connect(login) as session:
        session.execute("INSERT INTO inventory.items VALUES (1, 'A')")
        assert session.execute("SELECT id FROM inventory.items WHERE name = 'a'").fetchall() == [(1,)]
        session.execute("ALTER TABLE inventory.items ADD COLUMN more int")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute("ALTER TABLE audit ADD COLUMN more int")
        owners = session.execute(
            "SELECT tablename, tableowner FROM pg_tables WHERE schemaname IN ('public', 'inventory') ORDER BY 1"
        ).fetchall()
    assert owners == [("audit", "Data Owner"), ("items", "aegisx"), ("knex_migrations", "aegisx")]
    assert notes == (
        "roles that the schema dump names were made, without a login: Data Owner, reporting",
        "the schema dump has public.knex_migrations without rows: migrations that production has run will run again; "
        "add the rows with pg_dump --data-only --table",
    )
    assert not list(tmp_path.iterdir())
    with sessions.connect(server.superuser) as session:
        assert not session.execute("SELECT FROM pg_roles WHERE rolname LIKE 'loader%'").fetchall()


@pytest.mark.tools
def test_what_a_dump_gives_to_nobody_is_the_applications(server, login, dumps, tmp_path) -> None:
    rows = tmp_path / "with-rows.sql"
    rows.write_text((dumps / "bare.sql").read_text() + "\nINSERT INTO public.knex_migrations VALUES (1, 'one.js');\n")
    assert load_dump(server, login, rows, scratch=tmp_path) == ()
    with sessions.connect(login) as session:
        session.execute("ALTER TABLE audit ADD COLUMN more int; ALTER SCHEMA inventory RENAME TO stock")


@pytest.mark.tools
def test_somebody_elses_schema_is_loaded_with_a_word_of_warning(server: Server, login: Login, tmp_path: Path) -> None:
    file = tmp_path / "theirs.sql"
    file.write_text("CREATE TABLE theirs (id int);\nALTER TABLE theirs OWNER TO postgres;\n")
    assert load_dump(server, login, file, scratch=tmp_path) == (
        "the schema dump's objects belong to postgres; migrations run as aegisx, which may not alter them: if production "
        "is otherwise, dump with --no-owner",
    )


@pytest.mark.tools
def test_a_role_that_only_postgresql_finds_is_made_too(server: Server, login: Login, tmp_path: Path) -> None:
    file = tmp_path / "policy.sql"
    file.write_text(
        "CREATE SCHEMA public;\nCREATE TABLE public.own (id int);\n"
        'CREATE POLICY p ON public.own\n    TO reporting, "Data Owner" USING (true);\n'
    )
    assert load_dump(server, login, file, scratch=tmp_path) == (
        "roles that the schema dump names were made, without a login: Data Owner, reporting",
    )


@pytest.mark.tools
@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "SELECT 1;\nCREATE TABLE a (id nonsense);\n",
            r":2:1: PostgreSQL does not take it: type \"nonsense\" does not",
        ),
        (
            "\n\nCREATE EXTENSION postgis_x;\n",
            r":3:1: .*extension \"postgis_x\" is not available; install the extension",
        ),
        (
            "SET not_yet_known = 1;\n",
            r":1:1: .*unrecognized configuration parameter .*; a later pg_dump than this server",
        ),
        ("\\restrict_x abc\n", r":1:1: PostgreSQL does not take it: invalid command"),
        ("SELECT 1;\nCREATE DATABASE other;\n", r":2:1: it makes or connects to a database of its own"),
        ("SELECT 1;\nSELECT 'open\n", r":2:1: PostgreSQL does not take it: unterminated quoted string"),
    ],
)
def test_what_is_wrong_with_a_dump_is_said_with_its_line(server, login, tmp_path, text, message) -> None:
    file = tmp_path / "bad.sql"
    file.write_text(text)
    with pytest.raises(InputError, match=rf"(?s)bad\.sql{message}"):
        load_dump(server, login, file, scratch=tmp_path)
    with sessions.connect(login) as session:
        assert not session.execute("SELECT FROM pg_tables WHERE schemaname = 'public'").fetchall()


@pytest.mark.tools
def test_files_that_are_no_dump_of_one_database_are_refused(server, login, dumps, tmp_path) -> None:
    (tmp_path / "binary").write_bytes(b"\x7fELF\0\0")
    (tmp_path / "cut.dump").write_bytes((dumps / "schema.dump").read_bytes()[:200])
    (tmp_path / "cut.gz").write_bytes((dumps / "schema.sql.gz").read_bytes()[:200])
    (tmp_path / "folder").mkdir()
    for name, message in (
        ("binary", "neither SQL nor an archive"),
        ("cut.dump", "pg_restore cannot read it"),
        ("cut.gz", "gzip cannot read it"),
        ("folder", "a folder without toc.dat"),
    ):
        with pytest.raises(InputError, match=f"{name}: {message}.*expected"):
            load_dump(server, login, tmp_path / name, scratch=tmp_path)
    with pytest.raises(UsageError, match=r"--schema-dump .*nowhere: No such file"):
        load_dump(server, login, tmp_path / "nowhere", scratch=tmp_path)
    with pytest.raises(InputError, match="makes or connects to a database of its own"):
        load_dump(server, login, dumps / "create.sql", scratch=tmp_path)


@pytest.mark.tools
def test_on_a_server_of_the_users_no_roles_are_made(server, dumps, run, tmp_path) -> None:
    admin = server.superuser
    url = f"postgresql://{admin.user}:{admin.password}@{admin.host}:{admin.port}/postgres"
    with Supply(Wanted(url=url), run).server("theirs") as theirs:
        login = theirs.database("scenario", owner="aegisx", password=SECRET)
        with pytest.raises(InputError, match=r'role "aegisx" does not exist; .*--no-owner --no-privileges'):
            load_dump(theirs, login, dumps / "schema.sql", scratch=tmp_path)
        notes = load_dump(theirs, login, dumps / "bare.sql", scratch=tmp_path)
        assert [note for note in notes if "roles" in note] == []
        with sessions.connect(login) as session:
            session.execute("ALTER TABLE inventory.items ADD COLUMN more int")


def test_a_survey_reads_statements_and_not_rows() -> None:
    rows = ["COPY public.a (text) FROM stdin;\n", "\\connect other\n", "CREATE SCHEMA public;\n", "\\.\n"]
    assert survey(rows) == (False, 0)
    assert survey([*rows, "CREATE SCHEMA public;\n", "\\connect x\n", "CREATE DATABASE y;\n"]) == (True, 6)
