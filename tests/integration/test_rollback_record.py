"""What each hook of a rollback does, whatever happened before: never a table lost that a release uses, no false success."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.postgres import Database
from tests.syncs import World
from tests.tools import need

need("npm", "node")
pytestmark = [pytest.mark.tools, pytest.mark.slow]


@pytest.fixture
def fresh(database: Database, app: Path, tmp_path: Path) -> Iterator[World]:
    """A database to which nothing was ever deployed."""
    with closing(World(database, app, tmp_path)) as world:
        yield world


@pytest.fixture
def world(fresh: World) -> World:
    """A database with a release that is confirmed."""
    fresh.release("one", "a_old")
    fresh.deploy()
    return fresh


def test_a_failed_rollback_is_not_resumed_by_the_sync_after_the_next(world: World) -> None:
    world.release("two", "a_old", "b", "c")
    assert (world.begin(), world.migrate()) == (0, 0)
    assert world.roll_back(fails="c").code == 22
    world.deploy()
    assert world.begin() == 0
    ended = world.roll_back()
    assert (ended.code, ended.out, world.tables) == (0, "", {"a_old", "b", "c"})
    assert world.states == ["confirmed", "superseded", "confirmed", "rolled back"]


def test_a_failed_rollback_does_not_refuse_later_ones(world: World) -> None:
    world.release("two", "a_old", "b")
    assert (world.begin(), world.migrate()) == (0, 0)
    assert world.roll_back(fails="b").code == 22
    world.release("three", "a_old", "b", "c")
    world.deploy()
    world.release("four", "a_old", "b", "c", "d")
    assert (world.begin(), world.migrate()) == (0, 0)
    assert world.roll_back().code == 0
    assert world.tables == {"a_old", "b", "c"}


def test_a_failed_rollback_is_taken_up_by_its_own_job_and_by_a_person(world: World) -> None:
    world.release("two", "a_old", "b", "c")
    assert (world.begin(), world.migrate()) == (0, 0)
    assert world.roll_back(fails="b", job="failing").code == 22
    assert world.tables == {"a_old", "b"}
    assert world.roll_back(fails="b", job="failing").code == 22
    assert world.begin() == 0
    assert world.roll_back().out == ""
    assert world.roll_back("newest").code == 0
    assert world.tables == {"a_old"}


def test_half_of_a_migration_without_a_transaction_is_refused_by_name(world: World) -> None:
    world.release("two", "a_old", "b", "c", outside=["c"])
    assert world.begin() == 0
    assert world.migrate(fails="c") == 12
    ended = world.roll_back(job="it")
    assert ended.code == 21
    assert "main/c.js was running when the run failed, and has no transaction" in ended.err
    assert "table b, table c" in ended.err
    assert world.tables == {"a_old", "b", "c"}
    assert world.roll_back(job="it").code == 21, "its second pod says success"


def test_half_of_a_migration_of_a_killed_pod_is_refused_by_name(world: World) -> None:
    world.release("two", "a_old", "c", outside=["c"])
    assert world.begin() == 0
    assert world.migrate(fails="c", killed=True) == 137
    ended = world.roll_back()
    assert (ended.code, world.tables) == (21, {"a_old", "c"})
    assert "main/c.js was perhaps running when the pod was killed" in ended.err


def test_half_of_a_migration_whose_file_does_not_tell_is_seen_in_the_schema(world: World) -> None:
    world.release("two", "a_old", "c")  # disableTransactions in the knexfile
    assert world.begin() == 0
    assert world.migrate(fails="c") == 12
    world.session.execute("CREATE TABLE c (id int)")
    ended = world.roll_back()
    assert ended.code == 21
    assert "new: table c" in ended.err


def test_a_person_finishes_what_was_refused(world: World) -> None:
    world.release("two", "a_old", "b", "c", outside=["c"])
    assert world.begin() == 0
    assert world.migrate(fails="c") == 12
    assert world.roll_back().code == 21
    world.session.execute("DROP TABLE c")
    assert world.roll_back("newest").code == 0
    assert (world.tables, world.states[-1]) == ({"a_old"}, "rolled back")


def test_a_down_that_leaves_something_is_no_success(world: World) -> None:
    world.release("two", "a_old", "b")
    assert (world.begin(), world.migrate()) == (0, 0)
    world.session.execute("CREATE TABLE more (id int)")  # what b's own down does not know
    ended = world.roll_back()
    assert ended.code == 22
    assert "new: table more" in ended.err


def test_what_another_service_migrated_meanwhile_is_not_compared(world: World) -> None:
    world.release("two", "a_old", "b")
    assert (world.begin(), world.migrate()) == (0, 0)
    world.service = "web"
    assert (world.begin(), world.record("begin").code) == (0, 0)
    world.session.execute("CREATE TABLE page (id int)")
    assert world.record("end", "ok").code == 0
    world.service = "api"
    ended = world.roll_back()
    assert (ended.code, ended.out, world.tables) == (0, "main/b.js\n", {"a_old", "page"})


def test_partitions_and_the_tools_own_tables_are_not_compared(world: World) -> None:
    world.session.execute("CREATE TABLE log (day date) PARTITION BY RANGE (day)")
    world.release("two", "a_old", "b")
    assert (world.begin(), world.migrate()) == (0, 0)
    world.session.execute("CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')")
    world.session.execute("CREATE TABLE knex_migrations_lock (index serial PRIMARY KEY, is_locked int)")
    assert world.roll_back().code == 0


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ("ALTER TABLE a_old ADD COLUMN more int", "changed: table a_old"),
        ("CREATE INDEX by_id ON a_old (id)", "new: index by_id of a_old"),
        ("ALTER TABLE a_old ADD CONSTRAINT above CHECK (id > 0)", "new: constraint above of a_old"),
        (
            "ALTER TABLE a_old DROP CONSTRAINT a_old_pkey",
            "gone: constraint a_old_pkey of a_old, index a_old_pkey of a_old",
        ),
        ("CREATE VIEW seen AS SELECT id FROM a_old", "new: view seen"),
        ("CREATE TYPE mood AS ENUM ('good')", "new: type mood"),
        ("CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'", "new: function one()"),
        ("CREATE SEQUENCE numbers", "new: sequence numbers"),
        ("CREATE SCHEMA more", "new: schema more"),
        ("DROP TABLE a_old", "gone: table a_old"),
    ],
)
def test_what_a_down_leaves_is_named(world: World, change: str, difference: str) -> None:
    world.release("two", "a_old", "b")
    assert (world.begin(), world.migrate()) == (0, 0)
    world.session.execute(change)
    ended = world.roll_back()
    assert (ended.code, ended.err) == (22, f"the schema is not what it was before: {difference}\n")


def test_a_migration_without_a_first_job_is_taken_back_by_nobody(world: World) -> None:
    world.release("two", "a_old", "b")
    assert world.migrate() == 0
    assert (world.roll_back().out, world.states[-1]) == ("", "alone")
    assert world.begin() == 0
    assert (world.roll_back().out, world.tables) == ("", {"a_old", "b"})


def test_what_the_schema_was_is_kept_for_the_syncs_that_ask_for_it_only(world: World) -> None:
    kept = "SELECT image FROM aegisgen_runs WHERE catalog IS NOT NULL ORDER BY id"
    assert world.database.ask(kept) == []
    world.release("two", "a_old", "b")
    assert world.migrate() == 0  # rollback.record alone: no Job ever confirms it
    assert world.database.ask(kept) == []
    world.release("three", "a_old", "b", "c")
    assert (world.begin(), world.migrate()) == (0, 0)
    assert world.database.ask(kept) == [("three",)]
    assert (world.roll_out(), world.confirm()) == (0, 0)
    assert world.database.ask(kept) == []


def test_a_release_that_is_rolled_out_keeps_its_schema(world: World) -> None:
    world.release("two", "a_old", "b")
    assert (world.begin(), world.migrate(), world.roll_out()) == (0, 0, 0)
    ended = world.roll_back()
    assert (ended.code, world.tables) == (21, {"a_old", "b"})
    assert "the release is being rolled out" in ended.err


def test_a_profile_may_ask_for_it(world: World) -> None:
    world.after = "sync"
    world.release("two", "a_old", "b")
    assert (world.begin(), world.migrate(), world.roll_out()) == (0, 0, 0)
    assert world.roll_back().code == 0
    assert world.tables == {"a_old"}


def test_a_rollout_without_a_migration_fails_without_a_refusal(world: World) -> None:
    assert (world.begin(), world.migrate(), world.roll_out()) == (0, 0, 0)
    assert world.roll_back().code == 0


def test_what_a_person_took_back_is_not_rolled_out(world: World) -> None:
    world.release("two", "a_old", "b")
    assert (world.begin(), world.migrate()) == (0, 0)
    assert world.roll_back("newest").code == 0
    assert world.roll_out() == 21


def test_a_sync_that_fails_before_its_first_job_takes_nothing_back(world: World) -> None:
    world.release("two", "a_old", "b")
    assert (world.begin(), world.migrate()) == (0, 0)  # and then somebody terminated it
    world.release("three", "a_old", "b", "c")
    assert world.roll_back().out == ""
    world.deploy()
    assert world.roll_back().out == ""
    assert world.tables == {"a_old", "b", "c"}


def test_what_a_killed_pod_did_not_apply_is_not_taken_back(world: World) -> None:
    world.release("two", "a_old", "b", "c")
    assert world.begin() == 0
    assert world.migrate(fails="c", killed=True) == 137
    world.apply("c")  # by hand, in a batch of its own
    ended = world.roll_back()
    assert (ended.code, world.tables) == (21, {"a_old", "b", "c"})
    assert "not applied by this sync, and applied since: main/c.js" in ended.err


def test_a_person_takes_back_nothing_of_an_earlier_release_for_a_sync_that_recorded_nothing(world: World) -> None:
    world.release("two", "a_old", "c", outside=["c"])
    assert world.begin() == 0
    assert world.migrate(fails="c") == 12
    assert world.roll_back().code == 21
    assert world.roll_back("newest").code == 21
    assert world.tables == {"a_old", "c"}


def test_a_table_of_before_is_brought_up_to_date(fresh: World) -> None:
    world, database = fresh, fresh.database
    database.ask(
        "CREATE TABLE aegisgen_runs (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, service text NOT NULL, "
        "image text NOT NULL, pod text NOT NULL, job text NOT NULL, started timestamptz NOT NULL DEFAULT now(), "
        "finished timestamptz, outcome text, before jsonb NOT NULL, applied jsonb NOT NULL DEFAULT '[]', "
        "state text NOT NULL DEFAULT 'open')"
    )
    insert = "INSERT INTO aegisgen_runs (service, image, pod, job, before, applied, state, finished) VALUES"
    database.ask(f"{insert} ('test/api', 'two', 'p', 'j', '[]', '[\"main/a_old.js\"]', 'confirmed', now())")
    database.ask(
        f"{insert} ('test/api', 'two', 'p', 'j', '[\"main/a_old.js\"]', '[\"main/b.js\"]', 'rolling back', now())"
    )
    world.release("two", "a_old", "b")
    world.apply("a_old")
    world.apply("b")
    assert world.begin() == 0
    assert (world.roll_back().out, world.tables) == ("", {"a_old", "b"})
    world.release("three", "a_old", "b", "c")
    world.deploy()
    assert world.states == ["confirmed", "superseded", "rolled back", "confirmed"]


def test_people_read_the_history(world: World) -> None:
    world.release("two", "a_old", "b", "c")
    assert world.begin() == 0
    assert world.migrate(fails="c") == 12
    assert world.roll_back(job="4711").code == 0
    row = "SELECT state, image, outcome, failed_in, applied, unfinished, changes, since > started FROM aegisgen_history LIMIT 1"
    *texts, changes, later = world.database.ask(row)[0]
    assert texts == ["rolled back", "two", "failed", "migrate", "main/b.js", "main/c.js"]
    assert "rolling back at " in changes
    assert " in job 4711, pod " in changes
    assert "; rolled back at " in changes
    assert later
