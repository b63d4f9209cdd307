"""Who uses the database while a release migrates, as scenarios play them: the release before, and readers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from tests.leftovers import until

from aegisgen.rehearsal.compat.files import Query
from aegisgen.rehearsal.outcome import NotRehearsedError
from aegisgen.rehearsal.postgres.server import Server
from aegisgen.rehearsal.postgres.sessions import Login, connect
from aegisgen.rehearsal.scenario import beside
from aegisgen.rehearsal.scenario.beside import Questions, Readers

pytestmark = pytest.mark.tools


@pytest.fixture
def login(server: Server) -> Iterator[Login]:
    """A database with a table of the application's and one of a migration tool's."""
    login = server.database("beside", owner="aegisx", password="secret")
    with connect(login) as session:
        session.execute("CREATE TABLE users (id int, name text)")
        session.execute("CREATE TABLE knex_migrations (name text)")
    yield login
    server.drop("beside")


def change(login: Login, text: str) -> None:
    with connect(login) as session:
        session.execute(text.encode())


def test_what_the_release_before_reads_is_answered_while_nothing_is_taken_from_it(login: Login) -> None:
    with closing(Questions(login, [])) as questions:
        change(login, "ALTER TABLE users ADD COLUMN note text")
        change(login, "ALTER TABLE knex_migrations RENAME TO other")
    assert questions.queries == ["SELECT id, name FROM public.users LIMIT 1"]
    assert questions.rounds > 0
    assert questions.refused == {}


def test_a_column_that_is_gone_is_missed_by_reads_and_by_the_users_own_queries(login: Login) -> None:
    reads, never_ran = Query("SELECT name FROM users WHERE id = $1"), Query("SELECT no_such FROM users")
    with closing(Questions(login, [reads, never_ran])) as questions:
        change(login, "ALTER TABLE users RENAME COLUMN name TO called")
    assert questions.count == 2
    assert questions.refused == dict.fromkeys(
        ["SELECT id, name FROM public.users LIMIT 1", reads.text], 'column "name" does not exist'
    )


def test_without_tables_there_is_nothing_to_play(login: Login) -> None:
    change(login, "DROP TABLE users")
    with pytest.raises(NotRehearsedError):
        Questions(login, [])
    with pytest.raises(NotRehearsedError):
        Readers(login, lambda: True)


def test_readers_wait_behind_a_change_that_waits_for_a_report(login: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "_REPORT_SECONDS", 0.5)
    with closing(Readers(login, lambda: False)) as readers:
        change(login, "ALTER TABLE users ADD COLUMN note text")
    assert readers.table == "public.users"
    assert 0.4 < readers.longest < 5


def test_a_report_ends_when_the_change_gives_way(login: Login) -> None:
    gave_up: list[bool] = []
    with closing(Readers(login, lambda: bool(gave_up))) as readers:
        with pytest.raises(psycopg.errors.LockNotAvailable):
            change(login, "SET lock_timeout = '200ms'; ALTER TABLE users ADD COLUMN note text")
        gave_up.append(True)
        until(lambda: readers._report.closed)
        change(login, "SET lock_timeout = '200ms'; ALTER TABLE users ADD COLUMN note text")
    assert readers.longest < 2
