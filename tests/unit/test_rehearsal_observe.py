"""From PostgreSQL's log to migrations: whose statements they are, and which file they come from."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import ROOT
from tests.trees import put

from aegisgen.bundle import program
from aegisgen.rehearsal.observe import squawk
from aegisgen.rehearsal.observe.attribute import Executed, executed
from aegisgen.rehearsal.observe.bookkeeping import Mark, mark
from aegisgen.rehearsal.observe.migrations import CUT, HALF_DONE, assemble
from aegisgen.rehearsal.observe.script import split
from aegisgen.rehearsal.observe.serverlog import (
    COMMITTED,
    LOST,
    ROLLED_BACK,
    Line,
    Statement,
    Transaction,
    read,
    transactions,
)
from aegisgen.rehearsal.observe.squawk import Adviser
from aegisgen.rehearsal.outcome import Advice, MigrationRun
from aegisgen.rehearsal.postgres.sessions import NOT_MIGRATING
from aegisgen.rehearsal.sources import UNATTRIBUTED, Files, failed_names

LOGS = ROOT / "tests/fixtures/postgres-logs"


class Log:
    """A server's log, written as PostgreSQL writes it."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self._millisecond = count()
        self._number = count(1)
        self._open: dict[str, str] = {}

    def run(
        self, session: str, *texts: str, error: str = "", values: str = "", done: bool = True, app: str = ""
    ) -> Log:
        """Execute statements in autocommit mode, or in the transaction that a BEGIN among them has opened."""
        for text in texts:
            word = text.split()[0].rstrip(";").upper()
            inside = self._open.get(session)
            vxid = inside or f"{session}/{next(self._number)}"
            if word == "BEGIN":
                self._open[session] = vxid
            elif word in {"COMMIT", "ROLLBACK"} and " to " not in text.lower():
                self._open.pop(session, None)
            failed = error if text is texts[-1] else ""
            detail = f"Parameters: {values}" if values else ""
            self._line(session, vxid, "idle", "LOG", f"statement: {text}", app, detail=detail)
            if failed:
                self._line(session, vxid, word, "ERROR", failed, app, statement=text)
            elif done or text is not texts[-1]:
                self._line(
                    session, vxid if session in self._open else f"{session}/0", word, "LOG", "duration: 1 ms", app
                )
        return self

    def knex(self, session: str, name: str) -> Log:
        """Write the row that ends a migration of Knex."""
        columns = '"batch", "migration_time", "name"'
        text = f'insert into "knex_migrations" ({columns}) values ($1, $2, $3)'
        return self.run(session, text, values=f"$1 = '1', $2 = '2026-01-01', $3 = '{name}'")

    def executed(self) -> list[tuple[str, bool, list[str]]]:
        """Return name, completeness and texts of the migrations."""
        return [(one.name, one.complete, [it.text for it in one.statements]) for one in executed(self.transactions())]

    def transactions(self) -> tuple[Transaction, ...]:
        return transactions(self.lines, ignored=NOT_MIGRATING)

    def _line(self, *line: str, **more: str) -> None:
        stamp = f"2026-01-01 00:00:00.{next(self._millisecond):03} UTC"
        session, vxid, ps, severity, message, app = line
        self.lines.append(Line(stamp, "db", session, app, vxid, 0, ps, severity, message, **more))


# The log


def test_of_a_log_the_lines_of_one_database_are_read_from_a_place_on(tmp_path: Path):
    log = tmp_path / "server.json"
    first = '{"timestamp": "t", "dbname": "db", "message": "one"}\n'
    log.write_bytes(
        first.encode()
        + b'{"timestamp": "t", "dbname": "other", "message": "two"}\n'
        + b"no json\n"
        + b'{"timestamp": "t", "dbname": "db", "message": "\xff"}\n'
        + b'{"timestamp": "t", "dbname": "db", "message": "half a li'
    )
    assert [line.message for line in read(log, 0, "db")] == ["one", "\ufffd"]
    assert [line.message for line in read(log, len(first), "db")] == ["\ufffd"]


def test_parameters_come_as_values():
    log = Log().run("a", "insert into t values ($1, $2, $3)", values="$1 = 'it''s, $2 = ''x''', $2 = NULL, $3 = '7'")
    assert log.transactions()[0].statements[0].values == ("it's, $2 = 'x'", None, "7")


@pytest.mark.parametrize(
    ("log", "end"),
    [
        (Log().run("a", "create table t (i int)"), COMMITTED),
        (Log().run("a", "create table t (i int)", error="exists"), ROLLED_BACK),
        (Log().run("a", "create table t (i int)", done=False), LOST),
        (Log().run("a", "BEGIN", "create table t (i int)", "COMMIT"), COMMITTED),
        (Log().run("a", "BEGIN", "create table t (i int)", "ROLLBACK"), ROLLED_BACK),
        (Log().run("a", "BEGIN", "create table t (i int)"), LOST),
        (Log().run("a", "BEGIN", "drop table t", error="none").run("a", "COMMIT"), ROLLED_BACK),
        (Log().run("a", "BEGIN", "insert into t values (1)", "COMMIT", error="violates"), ROLLED_BACK),
        (
            Log()
            .run("a", "BEGIN", "savepoint s", "drop table t", error="none")
            .run("a", "rollback to savepoint s", "create table t (i int)", "COMMIT"),
            COMMITTED,
        ),
    ],
)  # fmt: skip
def test_a_transaction_ends_as_its_statements_say(log, end):
    (found,) = log.transactions()
    assert found.end == end


def test_who_holds_the_lock_and_who_looks_on_does_not_migrate():
    log = Log()
    for name in ("aegisgen", "aegisgen-api-holder", "pg_dump"):
        log.run("a", "create table t (i int)", app=name)
    assert log.transactions() == ()


# Bookkeeping


def names(tool: str) -> list[tuple[str, str, str]]:
    done = transactions(read(LOGS / f"{tool}.jsonl", 0, "aegisx"), ignored=NOT_MIGRATING)
    return [(one.name, _how(one), one.statements[0].text.strip()) for one in executed(done)]


def _how(one: Executed) -> str:
    if not one.complete:
        return "failed" if one.failed else "cut"
    return "down" if one.reverts else "up"


def test_knex_records_what_it_applied_after_the_transaction():
    users, history = "20260101000000_users.js", "20260102000000_history.js"
    assert [found[:2] for found in names("knex")] == [
        (users, "up"),
        (history, "up"),
        ("20260103000000_users_by_name.js", "up"),
        ("", "failed"),
        ("", "failed"),
        ("20260103000000_users_by_name.js", "down"),
        (history, "down"),
        (users, "down"),
    ]
    assert names("knex")[2][2] == 'insert into "history" ("what") values ($1)'  # outside a transaction
    assert names("knex")[3][2] == "alter table users add column n int"


@pytest.mark.parametrize(
    ("tool", "records"),
    [
        (
            "golang-migrate",  # a version before and after
            [
                ("1", "up", "BEGIN;\nCREATE TABLE users (id int);\nCOMMIT;"),
                ("2", "up", "ALTER TABLE users ADD COLUMN n int; UPDATE users SET n=1;"),
                ("3", "failed", "CREATE TABLE bad.x (id int);"),
                ("2", "down", "alter table users drop column n;"),
                ("1", "down", "DROP TABLE users;"),
            ],
        ),
        (
            "alembic",  # several in one transaction
            [
                ("aaa1", "up", "CREATE TABLE users (id int)"),
                ("bbb2", "up", "ALTER TABLE users ADD n int"),
                ("bbb2", "down", "ALTER TABLE users DROP n"),
                ("aaa1", "down", "DROP TABLE users"),
            ],
        ),
    ],
)
def test_what_a_tool_records_is_read(tool, records):
    assert names(tool) == records


def test_django_records_in_the_transaction():
    first, second = "app.0001_initial", "app.0002_x"
    assert [found[:2] for found in names("django")] == [
        (first, "up"),
        (second, "up"),
        (second, "down"),
        (first, "down"),
    ]
    assert names("django")[0][2].startswith('CREATE TABLE "app_thing"')


def test_prisma_records_a_migration_before_it_and_comes_back_to_it():
    columns = '"id", "checksum", "started_at", "migration_name"'
    text = f'INSERT INTO "public"."_prisma_migrations" ({columns}) VALUES ($1, $2, $3, $4)'
    log = Log().run("a", "SELECT 1", text, values="$1 = 'u', $2 = 'c', $3 = 'now', $4 = '20260101_init'")
    log.run("a", "CREATE TABLE t (i int); CREATE TABLE u (i int)")
    log.run(
        "a",
        'UPDATE "public"."_prisma_migrations" SET "applied_steps_count" = "applied_steps_count" + 1 WHERE "id" = $1',
    )
    log.run("a", 'UPDATE "public"."_prisma_migrations" SET "finished_at" = $1 WHERE ("public"."_prisma_migrations"."id" = $2)',
            values="$1 = 'now', $2 = 'u'")  # fmt: skip
    assert log.executed() == [("20260101_init", True, ["CREATE TABLE t (i int); CREATE TABLE u (i int)"])]


def test_flyway_records_in_another_session():
    columns = "installed_rank, version, description, type, script, checksum, installed_by, execution_time, success"
    log = Log().run("books", "BEGIN", 'LOCK TABLE "public"."flyway_schema_history" IN SHARE UPDATE EXCLUSIVE MODE')
    log.run("work", "BEGIN", "CREATE TABLE t (i int)", "COMMIT")
    text = f'INSERT INTO "public"."flyway_schema_history" ({columns}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)'
    values = ", ".join(f"${place} = '{value}'" for place, value in enumerate(
        ["1", "1", "t", "SQL", "V1__t.sql", "42", "aegisx", "9", "t"], start=1))  # fmt: skip
    log.run("books", text, values=values).run("books", "COMMIT")
    assert log.executed() == [("V1__t.sql", True, ["CREATE TABLE t (i int)"])]


def test_liquibase_names_a_changeset():
    text = (
        "INSERT INTO public.databasechangelog (ID, AUTHOR, FILENAME, DATEEXECUTED, ORDEREXECUTED, MD5SUM) "
        "VALUES ('1', 'me', 'db/changelog.xml', NOW(), 1, '9:a')"
    )
    log = Log().run("a", "BEGIN", "CREATE TABLE public.t (i int)", text, "COMMIT")
    assert log.executed() == [("db/changelog.xml::1::me", True, ["CREATE TABLE public.t (i int)"])]


def test_tables_under_other_names_are_known_by_their_columns():
    log = Log().run("a", 'create table "mine" ("id" serial primary key, "name" varchar(255), "batch" integer)')
    log.run("a", "BEGIN", "create table t (i int)", "COMMIT")
    log.run("a", 'insert into "mine" ("batch", "migration_time", "name") values ($1, $2, $3)',
            values="$1 = '1', $2 = 'now', $3 = 'a.js'")  # fmt: skip
    assert log.executed() == [("a.js", True, ["create table t (i int)"])]


@pytest.mark.parametrize(
    "text",
    [
        "update jobs set finished_at = now() where id = 7",
        "delete from users where name = 'x'",
        'insert into "users" ("name") values ($1)',
        "insert into versions (version) values (1)",
    ],
)
def test_an_applications_own_rows_are_no_bookkeeping(text):
    assert mark(Statement(0, 0, "a", text, ("x",), "")) is None


def test_a_row_that_was_refused_marks_nothing():
    text = 'insert into knex_migrations ("batch", "migration_time", "name") values (1, now(), \'a.js\')'
    assert mark(Statement(0, 0, "a", text, (), "")) == Mark("ends", "a.js", "knex_migrations")
    assert mark(Statement(0, 0, "a", text, (), "permission denied")) is None


# Who did what


def test_pods_that_wait_and_ping_are_not_part_of_a_migration():
    log = Log().run("a", 'select "name" from "knex_migrations"', "BEGIN", "create table t (i int)")
    log.run("b", "SELECT 1", "select version()", 'select * from "knex_migrations_lock"', "select * from users")
    log.run("a", "COMMIT").knex("a", "a.js")
    assert log.executed() == [("a.js", True, ["create table t (i int)"])]


def test_an_application_that_was_there_before_is_not_part_of_a_migration():
    log = Log().run("app", "insert into visits values (1)").run("a", 'select "name" from "knex_migrations"')
    log.run("app", "insert into visits values (2)").run("a", "BEGIN", "create table t (i int)", "COMMIT")
    log.knex("a", "a.js").run("app", "insert into visits values (3)")
    assert log.executed() == [("a.js", True, ["create table t (i int)"])]


def test_an_attempt_that_was_cut_off_outside_a_transaction_stands_for_itself():
    log = Log().run("a", 'select "name" from "knex_migrations"', "create table t (i int)")
    log.run("b", 'select "name" from "knex_migrations"', "create table if not exists t (i int)").knex("b", "a.js")
    assert log.executed() == [
        ("", False, ["create table t (i int)"]),
        ("a.js", True, ["create table if not exists t (i int)"]),
    ]


def test_an_error_that_the_migration_caught_is_no_failure():
    log = Log().run("a", 'select "name" from "knex_migrations"').run("a", "drop type mood", error="does not exist")
    log.run("a", "create type mood as enum ('a')").knex("a", "a.js")
    (found,) = executed(log.transactions())
    assert (found.name, found.complete, found.failed, len(found.statements)) == ("a.js", True, None, 2)


def test_statements_that_no_tool_recorded_are_reported_as_such():
    log = Log().run("a", "create table t (i int)", "insert into t values (1)")
    (record,) = records(log)
    assert (record.file, record.error) == (UNATTRIBUTED, "")
    assert record.note.endswith("no bookkeeping of a known tool names these statements")


# The records


def records(
    log: Log, *, app: Path | None = None, logs: tuple[str, ...] = (), applied: tuple[str, ...] = (), start: float = 0
) -> tuple[MigrationRun, ...]:
    migrations = executed(log.transactions())
    return assemble(migrations, {}, "not executed again", Files(app), logs=logs, applied=applied, start=start)


def app(folder: Path, *files: str) -> Path:
    put(folder, dict.fromkeys(files, ""))
    return folder


def refused(session: str) -> Log:
    log = Log().run(session, 'select "name" from "knex_migrations"', "BEGIN", "create table t (i int)", "COMMIT")
    log.knex(session, "1_a.js")
    return log.run(session, "BEGIN", "create table s.t (i int)", error="no schema s").run(session, "ROLLBACK")


def test_a_failing_migration_is_the_one_that_its_tool_named(tmp_path: Path):
    folder = app(tmp_path, "migrations/1_a.js", "migrations/2_b.js", "migrations/3_c.js")
    _, failed = records(refused("a"), app=folder, logs=("", 'migration file "3_c.js" failed\n'))
    expected = ("migrations/3_c.js", "no schema s", "create table s.t (i int)")
    assert (failed.file, failed.error, failed.failed_statement) == expected


def test_a_failing_migration_that_nobody_named_is_the_next_of_its_folder(tmp_path: Path):
    folder = app(tmp_path, "migrations/1_a.js", "migrations/2_b.js", "migrations/2_b.md", "migrations/3_c.js")
    assert [one.file for one in records(refused("a"), app=folder)] == ["migrations/1_a.js", "migrations/2_b.js"]


def test_a_migration_that_was_cut_off_has_the_name_of_its_next_attempt():
    log = Log().run("a", 'select "name" from "knex_migrations"', "BEGIN", "create table t (i int)")
    log.run("b", 'select "name" from "knex_migrations"', "BEGIN", "create table t (i int)", "COMMIT").knex(
        "b", "1_a.js"
    )
    again, cut = sorted(records(log), key=lambda one: one.error)
    assert (cut.file, cut.error) == ("1_a.js", CUT)
    assert (again.file, again.error) == ("1_a.js", "")


def test_what_was_cut_off_outside_a_transaction_is_said_to_stay():
    log = Log().run("a", 'select "name" from "knex_migrations"', "create table t (i int)")
    log.run("b", 'select "name" from "knex_migrations"', "create table t (i int)").knex("b", "1_a.js")
    assert [one.error for one in records(log)] == [HALF_DONE, ""]


def test_times_count_from_the_beginning_of_the_scenario():
    log = Log().run("a", "BEGIN", "create table t (i int)", "COMMIT").knex("a", "1_a.js")
    began = log.transactions()[0].began
    (record,) = records(log, start=began - 2)
    assert record.began == pytest.approx(2.0, abs=1e-4)
    assert record.seconds == pytest.approx(0.005, abs=1e-4)  # until the row was written


def test_the_same_statement_again_and_again_is_listed_once():
    log = Log().run("a", "BEGIN", *(["insert into t values ($1)"] * 50), "drop table u", "COMMIT").knex("a", "1_a.js")
    assert records(log)[0].statements == ("insert into t values ($1)", "drop table u")


def test_what_was_cut_off_and_never_tried_again_is_the_next_after_what_was_there_before(tmp_path: Path):
    folder = app(tmp_path, "migrations/1_a.js", "migrations/2_b.js")
    log = Log().run("a", 'select "name" from "knex_migrations"', "create table t (i int)")
    (record,) = records(log, app=folder, applied=("1_a.js",))
    assert (record.file, record.error) == ("migrations/2_b.js", HALF_DONE)


# Files


def test_names_are_found_as_files(tmp_path: Path):
    files = Files(
        app(
            tmp_path,
            "apps/api/migrations/20260101_users.ts",
            "node_modules/x/20260101_users.ts",
            "prisma/migrations/20260101_init/migration.sql",
            "shop/migrations/0001_initial.py",
            "other/migrations/0001_initial.py",
            "versions/ab12_users.py",
            "sql/000003_more.down.sql",
            "sql/000003_more.up.sql",
            "db/changelog.xml",
            "V1__t.sql",
        )
    )
    assert files.locate("20260101_users.ts") == "apps/api/migrations/20260101_users.ts"
    assert files.locate("20260101_init") == "prisma/migrations/20260101_init/migration.sql"
    assert files.locate("shop.0001_initial") == "shop/migrations/0001_initial.py"
    assert files.locate("ab12") == "versions/ab12_users.py"
    assert files.locate("3") == "sql/000003_more.up.sql"
    assert files.locate("db/changelog.xml::1::me") == "db/changelog.xml"
    assert files.locate("V1__t.sql") == "V1__t.sql"
    assert files.locate("gone.js") == "gone.js"
    assert Files(None).locate("20260101_users.ts") == "20260101_users.ts"


@pytest.mark.parametrize(
    ("log", "name"),
    [
        ('migration file "2_b.js" failed\nmigration failed with error: x', "2_b.js"),
        (
            "Running migrations:\n  Applying app.0001_initial... OK\n  Applying app.0002_x...Traceback (most",
            "app.0002_x",
        ),
        ("Error: P3018\n\nMigration name: 20260102_more\n\nDatabase error", "20260102_more"),
        ("Migration V2__more.sql failed\n-----", "V2__more.sql"),
        ("Script V2__more.sql failed\n-----", "V2__more.sql"),
        ("Migration failed for changeset db/changelog.xml::2::me:\n", "db/changelog.xml::2::me"),
        ("INFO  Running upgrade a1 -> b2, more\nTraceback (most recent call last):", "b2"),
    ],
)
def test_tools_say_which_migration_failed(log, name):
    assert failed_names(["", log]) == (name,)


# Scripts


@pytest.mark.parametrize(
    ("script", "statements"),
    [
        ("", []),
        (" ;; -- nothing\n/* at ; all /* */ */ ; ", []),
        ("select 1; select 2", ["select 1", "select 2"]),
        ("insert into t values ('a;''b', E'\\';', \"c;\"\"d\");x", ["insert into t values ('a;''b', E'\\';', \"c;\"\"d\")", "x"]),
        ("do $$ begin; end $$; do $a$ ; $$ ; $a$;", ["do $$ begin; end $$", "do $a$ ; $$ ; $a$"]),
        ("select $1; select a$b$; c", ["select $1", "select a$b$", "c"]),
        ("-- a;\nselect 1 -- b;\n; /* c; */ select 2", ["-- a;\nselect 1 -- b;", "/* c; */ select 2"]),
        (
            "create function f() returns int begin atomic select 1; select case when true then 1 end; end; select 2",
            ["create function f() returns int begin atomic select 1; select case when true then 1 end; end", "select 2"],
        ),
        ("select 'never closed; ", ["select 'never closed;"]),
    ],
)  # fmt: skip
def test_a_script_is_split_where_postgresql_splits_it(script, statements):
    assert list(split(script)) == statements


PIECE = st.sampled_from(["a", " ", "';'", '";"', "$$;$$", "$t$ ; $$ $t$", "/*;*/", "--;\n", "E'\\';'", "1"])


@given(st.lists(st.lists(PIECE, min_size=1, max_size=5).map(" ".join), max_size=5))
def test_what_hides_a_semicolon_never_splits(pieces):
    told = [piece.strip() for piece in pieces if split(piece)]
    assert list(split(";".join(pieces))) == told


# squawk

needs_squawk = pytest.mark.skipif(program("squawk") is None, reason=f"squawk not found: {squawk.INSTALL}")
STATEMENTS = (
    "create table t (\n  i bigint primary key\n)",
    "create index i on users (name);",
    "not ( sql $1",
    "alter table users add column x bigint not null",
)


@pytest.fixture
def adviser(tmp_path: Path) -> Adviser:
    """For an application with one migration."""
    return Adviser(app(tmp_path, "1_a.js"))


def advice(adviser: Adviser) -> tuple[Advice, ...]:
    record = MigrationRun("1_a.js", statements=STATEMENTS)
    return adviser.advice(record, "PostgreSQL 17.4", in_transaction=True)


@pytest.mark.tools
@needs_squawk
def test_squawk_reviews_each_statement(adviser: Adviser):
    found = advice(adviser)
    assert adviser.problems == ("squawk does not understand what PostgreSQL took: not ( sql $1",)
    assert {(advice.rule, advice.statement) for advice in found} == {
        ("require-concurrent-index-creation", STATEMENTS[1]),
        ("adding-required-field", STATEMENTS[3]),
    }
    assert all(advice.message and advice.help for advice in found)


@pytest.mark.tools
@needs_squawk
def test_the_applications_own_settings_of_squawk_hold(adviser: Adviser, tmp_path: Path):
    rules = '["adding-required-field", "require-concurrent-index-creation"]'
    (tmp_path / ".squawk.toml").write_text(f"excluded_rules = {rules}")
    assert advice(adviser) == ()


def test_a_squawk_that_does_not_answer_is_reported(adviser: Adviser, tmp_path: Path, monkeypatch):
    broken = tmp_path / "squawk"
    broken.write_text("#!/bin/sh\necho 'cannot read this' >&2\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setattr(adviser, "_program", str(broken))
    assert advice(adviser) == ()
    assert adviser.problems == ("squawk did not review 1_a.js: cannot read this",)


def test_without_squawk_the_rehearsal_says_so(monkeypatch):
    monkeypatch.setattr("aegisgen.rehearsal.observe.squawk.program", lambda _: None)
    (note,) = Adviser(None).problems
    assert note == "squawk not found: the SQL was not reviewed; pip install 'aegisgen[rehearse]'"


def test_the_recorded_logs_hold_only_what_is_read():
    for file in LOGS.glob("*.jsonl"):
        for line in file.read_text().splitlines():
            assert set(json.loads(line)) <= set(Line.__struct_fields__), file.name
