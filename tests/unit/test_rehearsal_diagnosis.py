"""Why a set of migrations does not run from scratch, and the way out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.trees import put

from aegisgen.rehearsal.diagnosis import Around, diagnose, explained
from aegisgen.rehearsal.extensions import CONTRIB, extension_of, where_to_get
from aegisgen.rehearsal.outcome import MigrationRun
from aegisgen.rehearsal.sources import migration_texts

USERS = 'exports.up = (knex) => knex.schema.createTable("users", (table) => table.increments());'
ORDERS = (
    'exports.up = (knex) => knex.schema.createTable("orders", (t) => t.integer("i").references("inventory.items.id"));'
)
ITEMS = 'knex.schema.withSchema("inventory").createTable("items", (t) => t.integer("o").references("public.users.id"));'
SOURCES = {"db/main/01_users.js": USERS, "db/main/02_orders.js": ORDERS, "db/inventory/01_items.js": ITEMS}
AROUND = Around(applied=("db/main/01_users.js",), sources=SOURCES, server="PostgreSQL 17.10, from a wheel", major=17)
DUMPED = AROUND._replace(schema_dump="prod.sql")


def explain(message: str, around: Around = AROUND, file: str = "db/main/02_orders.js") -> tuple[str, str]:
    """Diagnose a message."""
    return diagnose(message, file, around)


def test_two_sets_that_need_each_other_are_told_apart() -> None:
    assert explain('relation "inventory.items" does not exist') == (
        'db/inventory/01_items.js creates the table "inventory.items": another set of migrations, which has not '
        'run and itself needs the table "users" of this one: on an empty database no order works',
        "start from production's schema: pg_dump --schema-only > schema.sql; pg_dump --data-only "
        "--table='*_migrations' >> schema.sql; then --schema-dump schema.sql",
    )


def test_a_failure_without_a_known_reason_is_reported_as_it_is() -> None:
    assert diagnose("division by zero", "", Around()) == ("", "")


def test_a_schema_that_nobody_creates_comes_from_production_alone() -> None:
    cause, way_out = explain('schema "inventory" does not exist', file="db/inventory/01_items.js")
    assert cause == 'no migration of the application creates the schema "inventory": somebody made it by hand'
    assert "--schema-dump" in way_out
    _, way_out = explain('schema "inventory" does not exist', DUMPED)
    assert way_out == "dump production's schema anew: prod.sql has not got it"


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("db/main/09_later.js", 'createTable("things"', ("creates the table", "and runs later", "their order")),
        (
            "db/extra/01.sql",
            "CREATE TABLE IF NOT EXISTS things (id int)",
            ("another set", "run that set first, or start"),
        ),
        ("db/extra/01.sql", 'create unlogged table public."things" (id int)', ("another set", "run that set first")),
        ("db/extra/01.sql", "CREATE OR REPLACE VIEW things AS SELECT 1", ("another set", "run that set first")),
        ("db/extra/v.py", 'op.create_table("things", sa.Column("id"))', ("another set", "run that set first")),
        (
            "db/extra/01.sql",
            "CREATE TABLE all_things (id int); CREATE INDEX i ON x (things)",
            ("by hand", "--schema-dump"),
        ),
        ("db/extra/01.sql", "CREATE TABLE thingsx (id int)", ("by hand", "--schema-dump")),
    ],
)
def test_who_creates_what_is_missing_is_found_in_the_migrations_texts(file, text, expected) -> None:
    found = " | ".join(explain('relation "things" does not exist', AROUND._replace(sources={**SOURCES, file: text})))
    assert all(words in found for words in expected), found


def test_what_ran_and_is_gone_is_no_matter_of_order() -> None:
    cause, way_out = explain('relation "users" does not exist')
    assert cause == 'db/main/01_users.js creates the table "users" and has run, but it is not there'
    assert way_out == ""


@pytest.mark.parametrize(
    "message",
    [
        'extension "postgis" is not available',
        'could not open extension control file "/usr/share/postgresql/15/extension/postgis.control": No such file',
        'could not access file "$libdir/postgis": No such file or directory',
        'could not load library "/usr/lib/postgresql/15/lib/postgis.so": libgeos.so: cannot open shared object file',
    ],
)
def test_a_missing_extension_is_named_with_where_to_get_it(message: str) -> None:
    cause, way_out = explain(message)
    assert cause == 'PostgreSQL 17.10, from a wheel has no extension "postgis"'
    assert "apt-get install postgresql-17-postgis-3" in way_out
    assert "--postgres-version 17" in way_out
    assert "--database-url" in way_out
    here = AROUND._replace(elsewhere={"postgis": ("PostgreSQL 15.1, from Debian (--postgres-version 15)",)})
    assert explain(message, here)[1] == "PostgreSQL 15.1, from Debian (--postgres-version 15) has it"


def test_where_to_get_an_extension_depends_on_whose_it_is() -> None:
    assert "contrib" in where_to_get("uuid-ossp", 16, {})
    assert "brew install postgresql@16" in where_to_get("uuid-ossp", 16, {})
    assert "--postgres-bin DIR" in where_to_get("their_own", 16, {})


@pytest.mark.parametrize(
    ("message", "extension"),
    [
        ("function uuid_generate_v4() does not exist", "uuid-ossp"),
        ("function public.gen_salt(unknown) does not exist", "pgcrypto"),
        ('type "citext" does not exist', "citext"),
        ('operator class "gin_trgm_ops" does not exist for access method "gin"', "pg_trgm"),
        ('type "public.geometry" does not exist', "postgis"),
    ],
)
def test_what_belongs_to_an_extension_is_known_by_its_name(message: str, extension: str) -> None:
    cause, way_out = explain(message)
    assert f'no migration of the application creates the extension "{extension}", to which' in cause
    assert way_out.startswith(f'add CREATE EXTENSION IF NOT EXISTS "{extension}" to a migration, or start from')
    created = {**SOURCES, "db/setup/01.sql": f'create extension if not exists "{extension}";'}
    cause, way_out = explain(message, AROUND._replace(sources=created))
    assert cause.startswith(f'db/setup/01.sql creates the extension "{extension}"')
    assert way_out.startswith("run that set first")


def test_a_function_of_the_applications_own_is_looked_for_like_a_table() -> None:
    assert (
        "creates the function total"
        in explain(
            "function total(integer) does not exist",
            AROUND._replace(sources={"db/x/1.sql": "CREATE OR REPLACE FUNCTION total(a int)"}),
        )[0]
    )


def test_an_extension_that_needs_a_superuser_is_no_missing_one() -> None:
    cause, way_out = explain('permission denied to create extension "postgres_fdw"')
    assert cause.startswith('only a superuser may create the extension "postgres_fdw"')
    assert way_out.startswith("let a superuser create it once")


def test_what_a_dump_has_and_the_bookkeeping_has_not_is_explained() -> None:
    message = 'relation "users" already exists'
    assert explain(message) == ("", "")
    cause, way_out = explain(message, DUMPED)
    assert cause.startswith('the schema dump has the relation "users" already')
    assert way_out.endswith("--table='*_migrations' >> prod.sql")


@pytest.mark.parametrize(
    ("log", "failure"),
    [
        (
            'migration file "2_orders.js" failed\nmigration failed with error: alter table "o" add - x - relation "i" does '
            "not exist\nalter table ...",
            ("2_orders.js", 'alter table "o" add - x', 'relation "i" does not exist'),
        ),
        (
            'Error: P3018\nDatabase error code: 42P01\nDatabase error:\nERROR: relation "i" does not exist\n',
            ("unknown", "", 'relation "i" does not exist'),
        ),
        (
            'SQL State  : 0A000\nMessage    : ERROR: extension "postgis" is not available\n',
            ("unknown", "", 'extension "postgis" is not available'),
        ),
        ("all is well", None),
    ],
)
def test_what_tools_print_is_read_where_nothing_else_is_known(log: str, failure: tuple[str, str, str] | None) -> None:
    records = explained((), Around(), log)
    assert [(run.file, run.failed_statement, run.error) for run in records] == ([failure] if failure else [])


def run_of(file: str, error: str = "", *, reverts: bool = False) -> MigrationRun:
    """Return the record of a migration."""
    return MigrationRun(file, 0, 1, 0, error=error, reverts=reverts)


def test_records_are_explained_by_what_ran_before_them() -> None:
    missing = 'relation "users" does not exist'
    records = explained(
        [
            run_of("db/main/02_orders.js", missing),
            run_of("db/main/01_users.js"),
            run_of("db/main/02_orders.js", missing),
            run_of("db/main/01_users.js", reverts=True),
            run_of("db/main/02_orders.js", missing),
        ],
        AROUND._replace(applied=()),
    )
    assert [record.cause for record in records] == [
        'db/main/01_users.js creates the table "users", and runs later',
        "",
        'db/main/01_users.js creates the table "users" and has run, but it is not there',
        "",
        'db/main/01_users.js creates the table "users", and runs later',
    ]


def test_what_only_the_container_says_gets_a_record() -> None:
    log = (
        'migration file "01_items.js" failed\nmigration failed with error: create x - schema "inventory" does not exist'
    )
    before = run_of("db/main/01_users.js")
    (first, added) = explained([before], AROUND, log)
    assert first == before
    assert (added.file, added.failed_statement, added.error) == (
        "db/inventory/01_items.js",
        "create x",
        'schema "inventory" does not exist',
    )
    assert "--schema-dump" in added.way_out
    assert added.rows is None
    assert added.note == "known from the container's log alone"
    refused = run_of("db/main/02_orders.js", "refused")
    assert explained([refused], AROUND, log) == (refused,)


def test_texts_are_read_of_what_looks_like_a_migration(tmp_path: Path) -> None:
    files = {
        "db/20260101_users.js": "users",
        "prisma/migrations/2026_x/migration.sql": "sql",
        "alembic/versions/0123456789ab_users.py": "python",
        "flyway/V1__users.sql": "flyway",
        "src/migrations/users.ts": "by folder",
        "src/index.js": "no migration",
        "node_modules/knex/migrations/001_x.js": "not its own",
        "db/002_picture.png": "no text",
    }
    put(tmp_path, {**files, "db/003_large.sql": "x" * 600_000})
    (tmp_path / "db/004_gone.sql").symlink_to("nowhere")
    assert migration_texts(tmp_path) == dict(list(files.items())[:5])


@given(
    st.sampled_from(["relation", "schema", "type", "extension"]),
    st.text(st.characters(exclude_characters="\0"), min_size=1, max_size=20),
    st.sampled_from(["does not exist", "is not available", "already exists"]),
    st.text(max_size=200),
)
def test_no_name_and_no_text_breaks_a_diagnosis(kind: str, name: str, what: str, text: str) -> None:
    around = AROUND._replace(sources={**SOURCES, "db/x/1.sql": text}, schema_dump=text[:1])
    cause, _ = explain(f'{kind} "{name}" {what}', around)
    assert not re.search(r"\bNone\b", cause.replace(name, ""))
    explained((), around, text)


def test_every_extension_that_a_name_points_to_is_one() -> None:
    assert extension_of("st_distance") == "postgis"
    assert extension_of("own_function") == ""
    assert {extension_of(name) for name in ("uuid_nil", "crosstab", "earth", "hstore", "levenshtein")} <= CONTRIB
