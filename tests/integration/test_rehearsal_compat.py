"""Does the running release survive: its queries on the new schema, its tables with rows, its users meanwhile."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from copy import copy

import psycopg
import pytest
from tests.conftest import ROOT

from aegisgen.rehearsal.compat import catalogue, plans
from aegisgen.rehearsal.compat.files import Query, Statistics, Table, read_queries, read_tables
from aegisgen.rehearsal.compat.filling import fill
from aegisgen.rehearsal.compat.records import NOTHING_PENDING, NOTHING_RAN_BEFORE, Compatibility, FilledTable
from aegisgen.rehearsal.compat.study import Study
from aegisgen.rehearsal.observe import Observer
from aegisgen.rehearsal.outcome import MigrationRun
from aegisgen.rehearsal.postgres.server import Server
from aegisgen.rehearsal.postgres.sessions import Login, connect

pytestmark = pytest.mark.tools

BOOKS = (
    'create table if not exists "knex_migrations" '
    '("id" serial primary key, "name" varchar(255), "batch" integer, "migration_time" timestamptz)'
)
SHOP = (
    "CREATE TABLE users (id bigserial PRIMARY KEY, email varchar(200) NOT NULL UNIQUE, name text, age int)",
    "CREATE TABLE orders (id bigserial PRIMARY KEY, user_id bigint NOT NULL REFERENCES users, total numeric(10,2))",
    "CREATE TABLE carts (id int PRIMARY KEY, note text)",
)
RENAMED = ("20260101_rename.js", "ALTER TABLE users RENAME COLUMN name TO full_name")
DROPPED = ("20260102_drop.js", "DROP TABLE carts")
REQUIRED = ("20260103_required.js", "ALTER TABLE orders ADD COLUMN currency text NOT NULL")
HARMLESS = (
    "20260104_harmless.js",
    "ALTER TABLE users ADD COLUMN nickname text",
    "CREATE TABLE labels (id int PRIMARY KEY, text text NOT NULL)",
    "CREATE INDEX orders_user ON orders (user_id)",
)
READS_NAME = "SELECT id, name FROM users WHERE email = $1"
READS_CARTS = "SELECT note FROM carts WHERE id = $1"
INSERTS_ORDER = "INSERT INTO orders (user_id, total) VALUES ($1, $2) RETURNING id"
FINE = "SELECT u.email, o.total FROM users u JOIN orders o ON o.user_id = u.id WHERE o.total > $1 LIMIT $2"


@pytest.fixture
def login(server: Server) -> Iterator[Login]:
    """An empty database and its owner, who is no superuser."""
    yield server.database("compat", owner="aegisx", password="not 'so' $secret")
    server.drop("compat")


def released(login: Login, *statements: str) -> None:
    """Make what the running release has."""
    with connect(login) as session:
        for statement in (BOOKS, *statements):
            session.execute(statement.encode())


def study_of(
    server: Server, login: Login, study: Study, *migrations: tuple[str, ...], together: bool = False
) -> tuple[Compatibility, tuple[MigrationRun, ...]]:
    """Run the migrations as Knex does, each in a transaction or all `together` in one, and return what came of it."""
    address = {"host": login.host, "port": login.port, "dbname": login.database}
    observer = Observer(app=None)
    with observer.watch(server, login, study=study) as observation:
        with psycopg.connect(**address, user=login.user, password=login.password, autocommit=True) as session:
            session.execute(BOOKS)
            for statement in ["BEGIN"] if together else []:
                session.execute(statement)
            for name, *statements in migrations:
                for statement in statements if together else ["BEGIN", *statements, "COMMIT"]:
                    session.execute(statement.encode())
                session.execute(
                    'insert into "knex_migrations" ("batch", "migration_time", "name") values (%s, now(), %s)',
                    (1, name),
                )
            for statement in ["COMMIT"] if together else []:
                session.execute(statement)
        runs = observation.migrations()
    return study.compatibility, runs


def many(*breaking: str, number: int = 20) -> tuple[Query, ...]:
    """Return so many queries, among them the given ones."""
    others = [f"{FINE} OFFSET {place}" for place in range(number - len(breaking))]
    return tuple(Query(text, calls=1000 - place) for place, text in enumerate((*breaking, *others)))


def test_of_500_queries_exactly_those_are_told_that_break_with_the_migration_that_does_it(server, login) -> None:
    released(login, *SHOP)
    study = Study(many(READS_NAME, READS_CARTS, INSERTS_ORDER, number=500), ())

    compatibility, _ = study_of(server, login, study, RENAMED, HARMLESS, DROPPED, REQUIRED)

    assert {(query.query, query.migration.rpartition("/")[2]) for query in compatibility.broken} == {
        (READS_NAME, RENAMED[0]),
        (READS_CARTS, DROPPED[0]),
        (INSERTS_ORDER, REQUIRED[0]),
    }
    assert [query.calls for query in compatibility.broken] == [1000, 999, 998]
    assert compatibility.planned == 500
    assert {(change.kind, change.text, change.migration) for change in compatibility.changes} == {
        ("contract", "users.name renamed to full_name", RENAMED[0]),
        ("expand", "users.nickname added, nullable", HARMLESS[0]),
        ("expand", "table labels is new", HARMLESS[0]),
        ("contract", "table carts dropped", DROPPED[0]),
        ("contract", "orders.currency added, NOT NULL without a default", REQUIRED[0]),
    }
    assert compatibility.renames == ("users.name becomes full_name",)


@pytest.mark.parametrize("generic", [True, pytest.param(False, marks=pytest.mark.long)])
def test_500_queries_are_planned_in_under_2_seconds(server, login, generic) -> None:
    released(login, *SHOP)
    queries = many(READS_NAME, INSERTS_ORDER, number=500)
    with connect(login) as session:
        if generic and session.info.server_version < plans.GENERIC:
            pytest.skip("the server has no GENERIC_PLAN")
        began = time.monotonic()
        assert plans.failures(session, queries, generic=generic) == {}
        seconds = time.monotonic() - began
        session.execute("ALTER TABLE users DROP COLUMN name; ALTER TABLE orders ALTER total SET NOT NULL")
        session.execute("ALTER TABLE orders ADD COLUMN currency text NOT NULL")
        bad = plans.failures(session, queries, generic=generic)
    assert seconds < 2
    assert {query.text for query in bad} == {READS_NAME, INSERTS_ORDER}


def test_what_only_expands_breaks_nothing(server, login) -> None:
    released(login, *SHOP)
    with_default = ("20260105_default.js", "ALTER TABLE orders ADD COLUMN currency text NOT NULL DEFAULT 'THB'")
    wider = ("20260106_wider.js", "ALTER TABLE users ALTER email TYPE varchar(300), ALTER age TYPE bigint")

    compatibility, _ = study_of(
        server, login, Study(many(READS_NAME, INSERTS_ORDER), ()), HARMLESS, with_default, wider
    )

    assert not compatibility.broken
    assert not compatibility.breaking
    assert {change.kind for change in compatibility.changes} == {"expand"}


def test_a_release_that_makes_the_new_column_and_drops_the_old_is_told(server, login) -> None:
    released(login, *SHOP)
    both = ("20260107_move.js", "ALTER TABLE users ADD COLUMN full_name text", "ALTER TABLE users DROP COLUMN name")

    compatibility, _ = study_of(server, login, Study(many(), ()), both)

    assert compatibility.breaking == ("users.name is dropped where full_name is added, of the same type",)


def test_without_queries_every_contract_is_breaking(server, login) -> None:
    released(login, *SHOP)

    compatibility, _ = study_of(server, login, Study((), ()), RENAMED, REQUIRED, HARMLESS)

    assert compatibility.breaking == (
        "users.name renamed to full_name",
        "orders.currency added, NOT NULL without a default",
    )


def test_migrations_in_one_transaction_are_told_apart(server, login) -> None:
    released(login, *SHOP)

    compatibility, _ = study_of(
        server, login, Study(many(READS_NAME, READS_CARTS), ()), DROPPED, RENAMED, together=True
    )

    assert {(query.query, query.migration) for query in compatibility.broken} == {
        (READS_CARTS, DROPPED[0]),
        (READS_NAME, RENAMED[0]),
    }


def test_what_cannot_be_planned_before_either_and_what_has_no_plan_is_counted(server, login) -> None:
    released(login, *SHOP)
    odd = tuple(map(Query, ("SELECT nothing FROM nowhere", "SET search_path TO $1", "SELECT 1; DROP TABLE users")))

    compatibility, _ = study_of(server, login, Study((*odd, Query(READS_NAME)), ()), HARMLESS)

    assert (compatibility.planned, compatibility.unplanned, compatibility.skipped) == (1, 1, 2)


def test_an_empty_database_and_no_pending_migration_are_said_so(server, login) -> None:
    study = Study(many(READS_NAME), ())
    assert study_of(server, login, study, ("20260101_shop.js", *SHOP))[0].note == NOTHING_RAN_BEFORE
    assert study_of(server, login, study)[0].note == NOTHING_PENDING


def test_on_a_server_whose_log_is_not_read_all_but_the_migration_is_told(server, login) -> None:
    released(login, *SHOP)
    theirs = copy(server)
    theirs.log, theirs.own = None, False

    compatibility, _ = study_of(theirs, login, Study(many(READS_NAME), ()), DROPPED, RENAMED)

    assert [(query.query, query.migration) for query in compatibility.broken] == [(READS_NAME, "")]
    assert compatibility.breaking[1:] == ("users.name becomes full_name",)


def test_the_first_scenario_that_can_compare_decides(server, login) -> None:
    study = Study(many(READS_NAME), ())
    study_of(server, login, study, ("20260101_shop.js", *SHOP))
    assert study.compatibility.unknown
    study_of(server, login, study, RENAMED)
    assert [query.query for query in study.compatibility.broken] == [READS_NAME]
    study_of(server, login, study, DROPPED)
    assert [query.query for query in study.compatibility.broken] == [READS_NAME]


CONTRACTS = {
    "ALTER TABLE things ALTER size TYPE int": "things.size: type changed from bigint to integer",
    "ALTER TABLE things ALTER kind TYPE varchar(5)": "things.kind: type changed from character varying(20) to character "
    "varying(5)",
    "ALTER TABLE things ALTER kind SET NOT NULL": "things.kind is NOT NULL now",
    "ALTER TABLE things ALTER size DROP DEFAULT": "things.size has no default any more",
    "ALTER TABLE things RENAME TO stuff": "table things renamed to stuff",
    "DROP VIEW seen": "view seen dropped",
    "DROP VIEW seen; CREATE VIEW seen AS SELECT kind FROM things": "seen.size dropped",
    "ALTER TABLE things ADD CHECK (size > 0)": "things: things_size_check may refuse rows: CHECK ((size > 0))",
    "CREATE UNIQUE INDEX one ON things (kind)": "things: one may refuse rows: CREATE UNIQUE INDEX one ON public.things "
    "USING btree (kind)",
    "ALTER TYPE mood RENAME VALUE 'sad' TO 'low'": "type mood: value 'sad' is gone",
    "DROP FUNCTION twice(int)": "function twice(integer) dropped",
    "ALTER TABLE things ENABLE ROW LEVEL SECURITY": "things: row-level security is on",
    "DROP TABLE things CASCADE; CREATE TABLE things (kind varchar(20))": "things.size dropped",
}


def test_each_contract_has_its_words(server, login) -> None:
    released(
        login,
        "CREATE TYPE mood AS ENUM ('sad', 'ok')",
        "CREATE TABLE things (kind varchar(20), size bigint DEFAULT 1, mood mood)",
        "CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql AS 'SELECT n * 2'",
    )
    with connect(login) as session:
        for statements, words in CONTRACTS.items():
            with session.transaction(force_rollback=True):
                if "VIEW" in statements:  # its columns' types could not be changed otherwise
                    session.execute("CREATE VIEW seen AS SELECT kind, size FROM things")
                old = catalogue.read(session)
                session.execute(statements.encode())
                found = list(catalogue.differences(old, catalogue.read(session)))
            assert ("contract", words) in found, found


# Each kind of key and type that filling has to respect.
FULL = (
    "CREATE TYPE mood AS ENUM ('sad', 'ok', 'glad')",
    "CREATE DOMAIN percent AS int CHECK (VALUE >= 0)",
    "CREATE TABLE tenants (id uuid PRIMARY KEY, code char(8) NOT NULL UNIQUE)",
    "CREATE TABLE people (tenant uuid NOT NULL REFERENCES tenants, id int GENERATED ALWAYS AS IDENTITY, "
    "email varchar(40) NOT NULL, boss int, mood mood NOT NULL, kind text NOT NULL CHECK (kind IN ('a', 'b')), "
    "age int NOT NULL CHECK (age >= 18 AND age < 100), share percent NOT NULL, tags text[] NOT NULL, extra jsonb NOT NULL, "
    "born date, seen timestamptz NOT NULL DEFAULT now(), doubled int GENERATED ALWAYS AS (age * 2) STORED, "
    "PRIMARY KEY (tenant, id), UNIQUE (id))",
    "ALTER TABLE people ADD FOREIGN KEY (boss) REFERENCES people (id)",
    "CREATE UNIQUE INDEX people_email ON people (lower(email))",
    "CREATE TABLE roles (id smallint PRIMARY KEY, name text NOT NULL UNIQUE)",
    "INSERT INTO roles VALUES (7, 'reader'), (9, 'writer')",
    "CREATE TABLE grants (tenant uuid, person int, role smallint NOT NULL REFERENCES roles, "
    "FOREIGN KEY (tenant, person) REFERENCES people, UNIQUE (tenant, person, role))",
    "CREATE TABLE profiles (person int PRIMARY KEY REFERENCES people (id), photo bytea)",
    "CREATE TABLE shapes (id int PRIMARY KEY, outline path NOT NULL)",
)


def table(name: str, rows: int, **columns: Statistics) -> Table:
    """Return what `--rows` says of a table."""
    return Table("public", name, rows, columns)


def test_tables_are_filled_with_rows_that_keep_every_constraint(server, login) -> None:
    released(login, *FULL)
    superuser = server.superuser._replace(database=login.database)
    wanted = [
        table("tenants", 10),
        table("people", 1000, born=Statistics(0.25, 20), boss=Statistics(0.5, -0.1)),
        table("roles", 2),
        table("grants", 1500),
        table("profiles", 1000),
        table("shapes", 5),
        table("elsewhere", 3),
    ]
    with connect(superuser) as session:
        filled = {one.table: one for one in fill(session, wanted)}
        # Foreign keys were not checked meanwhile: they are when they are made anew.
        keys = "SELECT conrelid::regclass, conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f'"
        for owner, name, text in session.execute(keys).fetchall():
            session.execute(f'ALTER TABLE {owner} DROP CONSTRAINT "{name}", ADD {text}'.encode())
        ((born, dates, bosses),) = session.execute(
            "SELECT count(born), count(DISTINCT born), count(DISTINCT boss) FROM people"
        ).fetchall()
        session.execute(
            "INSERT INTO people (tenant, email, mood, kind, age, share, tags, extra) "
            "SELECT id, 'new', 'ok', 'a', 20, 1, '{}', '{}' FROM tenants LIMIT 1"
        )  # the sequence goes on

    made = {name: one.made for name, one in filled.items() if one.made}
    assert made == {"tenants": 10, "people": 1000, "grants": 1500, "profiles": 1000}
    assert filled["roles"].reason == "it has rows already"
    assert filled["elsewhere"] == FilledTable("elsewhere", 0, 3, "there is no such table")
    assert filled["shapes"] == FilledTable("shapes", 0, 5, "no values of the type path are made (outline)")
    assert born == pytest.approx(750, abs=50)
    assert dates == 20
    assert bosses > 10


def test_no_more_rows_are_made_than_there_is_time_for(server, login) -> None:
    released(login, "CREATE TABLE big (id int)", "CREATE TABLE small (id int)")
    with connect(server.superuser._replace(database=login.database)) as session:
        filled = fill(session, [table("big", 80_000), table("small", 30)], 1030)
    assert [(one.made, bool(one.reason)) for one in filled] == [(1000, True), (30, False)]


@pytest.mark.long
def test_the_two_documented_queries_write_what_is_read(supply, tmp_path) -> None:
    page = (ROOT / "docs/compat.md").read_text()
    texts = dict(re.findall(r"<!-- (\w+)\.sql -->\n```sql\n(.*?)```", page, re.DOTALL))
    with (
        supply.server("statements", {"shared_preload_libraries": "pg_stat_statements"}) as server,
        connect(server.superuser) as session,
    ):
        session.execute("CREATE EXTENSION pg_stat_statements")
        for statement in SHOP:
            session.execute(statement.encode())
        session.execute("INSERT INTO users (email, name) SELECT n, 'x' FROM generate_series(1, 40) n")
        session.execute("ANALYZE; ALTER ROLE postgres VALID UNTIL 'infinity'")
        for _ in range(3):
            session.execute("SELECT name FROM users WHERE email = 'somebody'")
        for name, text in texts.items():
            with session.cursor().copy(text.rstrip().rstrip(";").encode()) as rows:
                (tmp_path / f"{name}.csv").write_bytes(b"".join(rows))
    queries = {query.text: query for query in read_queries(tmp_path / "queries.csv")}
    assert queries["SELECT name FROM users WHERE email = $1"].calls == 3
    assert queries["SELECT name FROM users WHERE email = $1"].per_second
    assert not [text for text in queries if "ALTER" in text]
    (users,) = [table for table in read_tables(tmp_path / "rows.csv") if table.name == "users"]
    assert (users.rows, users.columns["name"].distinct, users.columns["age"].null_fraction) == (40, 1, 1)


@pytest.mark.long
def test_a_million_rows_take_less_than_15_seconds(server, login) -> None:
    released(
        login, *SHOP, "CREATE INDEX orders_user ON orders (user_id)", "CREATE INDEX orders_total ON orders (total)"
    )
    with connect(server.superuser._replace(database=login.database)) as session:
        began = time.monotonic()
        filled = fill(session, [table("users", 200_000), table("orders", 800_000)])
        seconds = time.monotonic() - began
    print(f"{seconds:.1f} s")
    assert sum(one.made for one in filled) == 1_000_000
    assert seconds < 15


def test_the_locks_are_those_that_postgresql_shows_while_the_migration_runs(server, login) -> None:
    released(login, *SHOP)
    sampled: set[tuple[str, str]] = set()
    query = """
    SELECT c.relname, l.mode FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_stat_activity a USING (pid)
    WHERE a.usename = 'aegisx' AND c.relname IN ('users', 'orders', 'carts') AND l.granted
    """
    done = threading.Event()

    def sample() -> None:
        with connect(server.superuser._replace(database=login.database), quiet=True) as session:
            while not done.wait(0.01):
                sampled.update(session.execute(query).fetchall())

    sampler = threading.Thread(target=sample)
    changes = ("ALTER TABLE orders ADD CHECK (total > 0)", "CREATE INDEX c ON carts (note)", "UPDATE users SET age = 1")
    with Observer(app=None).watch(server, login) as observation:
        sampler.start()
        with psycopg.connect(  # without aegisgen's own name, which is not observed
            host=login.host, port=login.port, dbname=login.database, user=login.user, password=login.password
        ) as session:
            for change in (*changes, "DO $$ BEGIN PERFORM pg_sleep(0.1); END $$"):
                session.execute(change)
        done.set()
        sampler.join()
        (run,) = observation.migrations()

    assert {(held.table, held.mode) for held in run.locks} == sampled
    assert {name for name, _ in sampled} == {"users", "orders", "carts"}


def test_users_of_a_table_wait_for_the_migration_that_locks_it(server, login) -> None:
    released(login, *SHOP)
    study = Study((), [table("users", 100), table("orders", 100), table("carts", 100)])
    study.fill(server.superuser._replace(database=login.database))
    slow = (
        "1.js",
        "ALTER TABLE users ALTER age TYPE bigint",
        "CREATE INDEX o ON orders (total)",
        "DO $$ BEGIN PERFORM pg_sleep(0.5); END $$",
    )

    _, (run,) = study_of(server, login, study, slow)

    waits = {one.table: one for one in study.waits}
    assert waits.keys() == {"users", "orders"}  # nobody asked for carts
    assert min(waits["users"].reads, waits["users"].writes, waits["users"].reports) > 0.4
    assert waits["orders"].reads < 0.3 < waits["orders"].writes
    assert run.rewritten == ("users",)
