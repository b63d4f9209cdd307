"""`--database-url`: a server of the user's own, where databases and roles come and go and nothing else happens."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from tests.leftovers import until
from tests.servers import Servers, setting

from aegisgen.errors import ToolError, UsageError
from aegisgen.rehearsal.leftovers import Workspace
from aegisgen.rehearsal.postgres import Supply, Wanted, sessions
from aegisgen.rehearsal.postgres.server import Server
from aegisgen.rehearsal.postgres.sessions import Login
from aegisgen.rehearsal.postgres.users_server import parse

SECRET = "s3cret@/:%"


@pytest.fixture(scope="module")
def theirs(servers: Servers) -> Iterator[Server]:
    """The user's server; this test's process started it, which the tested code does not know."""
    with servers.supply.server("theirs") as started:
        with sessions.connect(started.superuser) as session:
            sessions.create_role(session, "deployer", SECRET)
            session.execute("ALTER ROLE deployer CREATEDB CREATEROLE")
            sessions.create_database(session, "precious", "deployer")
            sessions.create_role(session, "poor", SECRET)
        yield started


def url(server: Server, user: str = "deployer", password: str = SECRET, database: str = "postgres") -> str:
    """Return an address as users write it."""
    from urllib.parse import quote

    return f"postgresql://{user}:{quote(password, safe='')}@127.0.0.1:{server.superuser.port}/{database}"


def names(server: Server) -> set[str]:
    """All databases and roles of the server."""
    with sessions.connect(server.superuser) as session:
        query = "SELECT datname FROM pg_database UNION SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_'"
        return {str(name) for (name,) in session.execute(query)}


@pytest.mark.tools
@pytest.mark.parametrize("user", ["deployer", "postgres"])
def test_scenarios_get_databases_and_roles_of_their_own_that_go_with_them(theirs, run, user) -> None:
    password = SECRET if user == "deployer" else theirs.superuser.password
    before = names(theirs)
    databases = Supply(Wanted(url=url(theirs, user, password)), run)
    assert databases.version.startswith("PostgreSQL 1")
    assert databases.version.endswith(f"at 127.0.0.1:{theirs.superuser.port} (--database-url)")
    with databases.server("one") as one, databases.server("two") as two:
        logins = [one.database("aegisx", owner="aegisx", password=SECRET) for one in (one, two)]
        assert logins[0].database != logins[1].database
        for login in logins:
            assert login.database.startswith("aegisgen_")
            with sessions.connect(login) as session:
                session.execute("CREATE TABLE own (id int)")
                assert session.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() == (
                    False,
                )
        with sessions.connect(logins[0]) as session:
            one.drop("aegisx")
            with pytest.raises(psycopg.OperationalError):
                session.execute("SELECT 1")
        assert one.programs
        assert (one.programs / "pg_dump").exists()
        assert setting(one, "deadlock_timeout") == "1s"
    assert names(theirs) == before


@pytest.mark.tools
def test_a_server_of_the_users_is_never_stopped_or_configured(theirs: Server, run: Workspace) -> None:
    databases = Supply(Wanted(url=url(theirs)), run)
    with databases.server("one", {"lock_timeout": "3s"}) as server:
        assert (server.own, server.log) == (False, None)
        assert setting(server, "lock_timeout") == "0"
        for action in (server.stop, server.start):
            with pytest.raises(RuntimeError, match="not ours to"):
                action()
    with databases.copy("copied") as copy:
        assert (copy.own, copy.superuser.port != theirs.superuser.port) == (True, True)


@pytest.mark.tools
def test_what_a_killed_run_left_goes_at_the_next_start_and_what_lives_stays(theirs: Server, run: Workspace) -> None:
    dead, living = run._replace(name="dead0001"), run._replace(name="beef0002")
    before = names(theirs)
    # The addresses name different databases of the server: that makes no difference to who lives.
    with Supply(Wanted(url=url(theirs, database="precious")), living).server("one") as server:
        kept = server.database("aegisx", owner="aegisx", password=SECRET)
        abandoned = Supply(Wanted(url=url(theirs)), dead).server("one")
        left = abandoned.__enter__().database("aegisx", owner="aegisx", password=SECRET)
        with sessions.connect(theirs.superuser) as session:
            session.execute("CREATE DATABASE aegisgen_deadbeef")
            session.execute("CREATE DATABASE aegisgen_dead000")
            held = "FROM pg_locks WHERE locktype = 'advisory' AND objid = %s"
            session.execute(f"SELECT pg_terminate_backend(pid) {held}", (int("dead000", 16),))
            # The server frees the lock when the session has ended, which it is only asked to.
            until(lambda: not session.execute(f"SELECT 1 {held}", (int("dead000", 16),)).fetchall())
        Supply(Wanted(url=url(theirs)), run)
        now = names(theirs)
        assert kept.database in now
        assert left.database not in now
        # Not of the form that ours have.
        assert {"aegisgen_deadbeef", "aegisgen_dead000", "precious"} <= now
        abandoned.__exit__(None, None, None)
    with sessions.connect(theirs.superuser) as session:
        session.execute("DROP DATABASE aegisgen_deadbeef")
        session.execute("DROP DATABASE aegisgen_dead000")
    assert names(theirs) == before


@pytest.mark.tools
def test_what_is_wrong_with_a_server_is_said_without_the_password(theirs: Server, run: Workspace) -> None:
    port = theirs.superuser.port
    for address, message in (
        (url(theirs, password="wr0ng!"), f"no session with 127.0.0.1:{port} as deployer: .*authentication failed"),
        (url(theirs, database="nowhere"), 'database "nowhere" does not exist'),
        (url(theirs, user="poor"), "the role poor may not create databases and roles.*ALTER ROLE poor CREATEDB"),
        (f"postgresql://a:{SECRET}@127.0.0.1:1/x".replace(SECRET, "wr0ng!"), "127.0.0.1:1 as a: .*refused"),
    ):
        with pytest.raises(ToolError, match=rf"(?s)^--database-url: .*{message}") as caught:
            Supply(Wanted(url=address), run)
        assert "wr0ng!" not in str(caught.value)
        assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "login"),
    [
        ("postgresql://a:b%40c@db.example:6543/x", Login("db.example", 6543, "a", "b@c", "x")),
        ("postgres://a@db.example", Login("db.example", 5432, "a", "", "postgres")),
        ("host=db.example user=a password='b c'", Login("db.example", 5432, "a", "b c", "postgres")),
        ("postgresql://a@/x", Login("localhost", 5432, "a", "", "x")),
    ],
)
def test_addresses_are_read_as_postgresql_reads_them(address: str, login: Login) -> None:
    assert parse(address) == login


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("mysql://a:hush@h/x", "not an address of a database"),
        ("postgresql://a:hush@h:port/x", "the port is no number"),
        ("postgresql://a:hush@h:1,i:2/x", "containers connect by TCP to one host"),
        ("postgresql://a:hush@%2Frun%2Fpostgresql/x", "containers connect by TCP to one host"),
        ("postgresql://h/x", "no user given"),
        ("postgresql://a:hush@h/x?sslmode=verify-full&options=-c", "options, sslmode cannot be given"),
        ("host=h user=a password=hush nonsense", "not an address of a database"),
    ],
)
def test_an_address_that_cannot_be_used_is_explained_and_not_repeated(address: str, message: str) -> None:
    with pytest.raises(
        UsageError, match=f"^--database-url: .*{message}.*expected.*postgresql://user:password@"
    ) as caught:
        parse(address)
    assert "hush" not in str(caught.value)
