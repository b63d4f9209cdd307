"""What production tells in files, what gates there are, and what they stop."""

from __future__ import annotations

import json

import pytest
from tests.conftest import aegisgen
from tests.rehearsals import HISTORY, REHEARSAL, USERS

from aegisgen.errors import InputError, UsageError
from aegisgen.rehearsal.compat.files import Query, Statistics, Table, read_queries, read_tables
from aegisgen.rehearsal.compat.gates import read_gates
from aegisgen.rehearsal.compat.plans import split_off_utilities
from aegisgen.rehearsal.compat.records import (
    NOTHING_PENDING,
    NOTHING_RAN_BEFORE,
    BrokenQuery,
    Change,
    Compatibility,
    FilledTable,
    Waits,
)
from aegisgen.rehearsal.compat.stops import stopped_by
from aegisgen.rehearsal.compat.values import allowed
from aegisgen.rehearsal.show import FORMATS

QUERIES = [{"query": "SELECT 1", "calls": 30, "seconds": 10}, {"query": "SELECT 2"}, {"query": "SELECT 1", "calls": 3}]
BROKEN = Compatibility(
    planned=3,
    skipped=1,
    unplanned=2,
    broken=(BrokenQuery("SELECT name FROM users", 9, 1.5, 'column "name" does not exist', "migrations/1.js"),),
    changes=(Change("contract", "users.name renamed to full_name", "migrations/1.js"),),
    renames=("users.name becomes full_name",),
)
HELD = HISTORY._replace(rewritten=("history",))
DONE = REHEARSAL._replace(
    scenarios=(REHEARSAL.scenarios[0]._replace(migrations=(USERS, HELD)),),
    compatibility=BROKEN,
    waits=(Waits("users", 1.9, 2.0, 0.01),),
    filled=(FilledTable("users", 1000, 1000, ""), FilledTable("shapes", 0, 5, "no values of the type path are made")),
)
HISTORY_ROWS = Table("public", "history", 2_000_000, {})


@pytest.mark.parametrize(
    "text",
    [
        "query,calls,seconds\nSELECT 1,30,10\nSELECT 2,,\nSELECT 1,3,\n",
        json.dumps(QUERIES),
        "\n".join(map(json.dumps, QUERIES)),
    ],
    ids=["csv", "json", "json lines"],
)
def test_queries_are_read_the_most_called_first(tmp_path, text) -> None:
    (tmp_path / "queries").write_text(text)
    assert read_queries(tmp_path / "queries") == (Query("SELECT 1", 33, None), Query("SELECT 2", None, None))


def test_a_rate_is_known_where_the_file_has_seconds(tmp_path) -> None:
    (tmp_path / "queries.csv").write_text('query,calls,seconds\n"SELECT ""a"",\n1",30,10\n')
    assert read_queries(tmp_path / "queries.csv") == (Query('SELECT "a",\n1', 30, 3.0),)


def test_tables_are_read_with_their_columns(tmp_path) -> None:
    (tmp_path / "rows.csv").write_text(
        "schema,table,rows,column,null_frac,n_distinct\npublic,users,1000,id,0,-1\npublic,users,1000,name,0.5,20\n"
        "shop,items,-1,id,,\n"
    )
    columns = {"id": Statistics(0, -1), "name": Statistics(0.5, 20)}
    assert read_tables(tmp_path / "rows.csv") == (
        Table("public", "users", 1000, columns),
        Table("shop", "items", 0, {}),
    )


@pytest.mark.parametrize("text", ["", "sql\nSELECT 1\n", "[1]", "[{", '{"calls": 1}', "query,calls\nSELECT 1,often\n"])
def test_a_file_that_is_no_such_file_is_an_error(tmp_path, text) -> None:
    (tmp_path / "queries.csv").write_text(text)
    with pytest.raises(InputError, match=r"queries\.csv"):
        read_queries(tmp_path / "queries.csv")


def test_what_has_no_plan_is_told_from_what_has_one() -> None:
    planned = [
        "SELECT 1",
        " -- a\n/* b */ (select 2)",
        "WITH a AS (SELECT 1) INSERT INTO b SELECT * FROM a",
        "VALUES (1)",
    ]
    others = [
        "BEGIN",
        "SET a = $1",
        "<insufficient privilege>",
        "SELECT 1; DROP TABLE users",
        "CREATE INDEX i ON t (c)",
    ]
    queries, skipped = split_off_utilities([Query(text) for text in (*planned, *others)])
    assert [query.text for query in queries] == planned
    assert skipped == len(others)


@pytest.mark.parametrize("text", ["lock", "lock:a", "lock:1@", "squawk:", "rewrites", "breaking:1", ""])
def test_an_unknown_gate_is_an_error(text) -> None:
    with pytest.raises(UsageError, match="expected lock:SECONDS"):
        read_gates([text])


@pytest.mark.parametrize(
    ("gate", "stopped"),
    [
        ("breaking", ['column "name" does not exist: SELECT name FROM users', "users.name becomes full_name"]),
        ("rewrite", ["migrations/20260102000000_history.js writes every row of history anew"]),
        ("lock:2", ["migrations/20260102000000_history.js locks history, blocks reads and writes, for 2.4 s"]),
        ("lock:2@1000000", ["migrations/20260102000000_history.js locks history, blocks reads and writes, for 2.4 s"]),
        ("lock:3", []),
        ("lock:2@2000000", []),
        ("squawk:prefer-big-int", [f"{USERS.file}: {USERS.advice[0].message}"]),
        ("squawk:renaming-column", []),
    ],
)
def test_a_gate_stops_what_it_names(gate, stopped) -> None:
    assert list(stopped_by(read_gates([gate]), DONE, [HISTORY_ROWS])) == [f"{gate}: {what}" for what in stopped]


@pytest.mark.parametrize(("note", "open_"), [(NOTHING_RAN_BEFORE, False), (NOTHING_PENDING, True)])
def test_a_gate_that_cannot_look_is_closed(note, open_) -> None:
    compatibility = Compatibility(0, 0, 0, (), (), (), note)
    stopped = list(stopped_by(read_gates(["breaking"]), DONE._replace(compatibility=compatibility), ()))
    assert stopped == ([] if open_ else [f"breaking: {note}"])


def test_a_rehearsal_that_a_gate_stops_fails() -> None:
    assert DONE.passed
    assert not DONE._replace(gates=("breaking: users.name becomes full_name",)).passed


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_says_what_breaks_and_what_users_wait(name) -> None:
    text = FORMATS[name](DONE._replace(gates=("rewrite: history is written anew",)))
    for words in ("SELECT name FROM users", "column", "users.name becomes full_name", "history is written anew"):
        assert words in text
    assert "reads 1.9 s, writes 2.0 s" in text or '"reads": 1.9' in text
    assert "no values of the type path are made" in text


def test_the_summary_does_not_hide_it_behind_scenarios_that_passed() -> None:
    last = FORMATS["text"](DONE).splitlines()[-1]
    assert last.startswith("1 of 1 scenario passed, 2 findings that the running release does not survive, in")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--fail-on", "lock:1@5"), "needs --rows"),
        (("--fail-on", "squawk:renaming-column"), "needs --schema-dump"),
        (("--fail-on", "rewrite", "--database-url", "postgresql://127.0.0.1/x"), "only 'breaking'"),
    ],
)
def test_a_gate_that_could_never_stop_anything_is_an_error(arguments, words) -> None:
    outcome = aegisgen("rehearse", "production", *arguments)
    assert outcome.code == 2
    assert words in outcome.err


@pytest.mark.parametrize(
    ("check", "type_name", "first"),
    [
        ("(kind = ANY (ARRAY['a'::text, 'it''s'::text]))", "text", "(ARRAY['a', 'it''s']::text[])[(0 % 2 + 1)::int]"),
        ("((age >= 18) AND (age < 100))", "integer", "(0 % 82 + 18)::integer"),
        ("((price)::numeric > (0)::numeric)", "numeric(10,2)", "(0 % 1000000 + 1)::numeric(10,2)"),
        ("(price >= 0.01)", "numeric(5,2)", "(0 % 1000 + 1)::numeric(5,2)"),
        ("(char_length(name) < 5)", "text", None),
        ("((age > 1) OR (age < 0))", "integer", None),
    ],
)
def test_values_keep_a_simple_check(check, type_name, first) -> None:
    column = next(name for name in ("kind", "age", "price", "name") if name in check)
    kind = allowed(check, column, type_name)
    assert (kind and kind.expression.format(n=0)) == first
