"""A rehearsal's own servers: fresh, with a password, with PostgreSQL's extensions, and stopped at will."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.servers import Servers, setting

from aegisgen.errors import ToolError, UsageError
from aegisgen.rehearsal import processes
from aegisgen.rehearsal.leftovers import Workspace
from aegisgen.rehearsal.postgres import Supply, Wanted, own_server, sessions
from aegisgen.rehearsal.postgres.installation import INSTALL, choose, installations
from aegisgen.rehearsal.postgres.layout import extension_folder, extensions, prepared
from aegisgen.rehearsal.postgres.server import Server
from aegisgen.rehearsal.postgres.template import server_account

pytestmark = pytest.mark.tools

PASSWORD = "not 'so' $secret\\"


@pytest.fixture(scope="module")
def databases(servers: Servers) -> Supply:
    """What a user gets who says nothing about the database."""
    return servers.supply


def wheel() -> bool:
    """Whether the embedded database is installed."""
    return any(one.package for one in installations())


needs_wheel = pytest.mark.skipif(not wheel(), reason=f"no embedded PostgreSQL installed: {INSTALL}")


@needs_wheel
def test_the_embedded_database_is_the_first_choice() -> None:
    assert choose().package
    assert str(choose()).startswith("PostgreSQL 1")


@needs_wheel
@pytest.mark.parametrize(
    ("extension", "question", "answer"),
    [
        ("uuid-ossp", "uuid_generate_v5(uuid_ns_dns(), 'a.example')", uuid.uuid5(uuid.NAMESPACE_DNS, "a.example")),
        ("pgcrypto", "encode(digest('a', 'sha1'), 'hex')", "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"),
        ("citext", "'A'::citext = 'a'::citext", True),
        ("pg_trgm", "similarity('word', 'word')", 1.0),
        ("ltree", "'a.b'::ltree <@ 'a'::ltree", True),
        ("hstore", "('a=>1'::hstore)->'a'", "1"),
        ("unaccent", "unaccent('é')", "e"),
    ],
)
def test_a_role_without_rights_creates_the_extensions_that_migrations_ask_for(
    server: Server, extension: str, question: str, answer: object
) -> None:
    if extension == "pgcrypto" and extension not in extensions(choose()):
        pytest.skip("this wheel comes without pgcrypto")
    login = server.database("extensions", owner="aegisx", password=PASSWORD)
    try:
        with sessions.connect(login) as session:
            session.execute(f'CREATE EXTENSION "{extension}"')
            assert session.execute(f"SELECT {question}").fetchone() == (answer,)
    finally:
        server.drop("extensions")


@pytest.fixture(scope="module")
def uuids(databases: Supply) -> Iterator[psycopg.Connection]:
    """A session in a database with uuid-ossp, in a schema of its own that is not on the search path."""
    with databases.server("uuids") as fresh, sessions.connect(fresh.superuser) as session:
        session.execute('CREATE SCHEMA apart; CREATE EXTENSION "uuid-ossp" SCHEMA apart')
        yield session


@settings(max_examples=150)
@given(
    namespace=st.uuids(),
    name=st.one_of(
        st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=20),
        # Around the edges of SHA-1's blocks: 16 bytes of the name space go before.
        st.integers(36, 116).map("x".__mul__),
    ),
)
def test_uuids_of_names_are_those_that_everybody_else_computes(uuids, namespace, name) -> None:
    found = uuids.execute(
        "SELECT apart.uuid_generate_v3(%s, %s), apart.uuid_generate_v5(%s, %s)", (namespace, name) * 2
    ).fetchone()
    # Python before 3.12 took names as text only; both encode them as UTF-8.
    assert found == (uuid.uuid3(namespace, name), uuid.uuid5(namespace, name))


def test_uuids_of_time_and_chance_are_what_they_say(uuids: psycopg.Connection) -> None:
    rows = uuids.execute(
        "SELECT apart.uuid_generate_v1(), apart.uuid_generate_v1mc(), apart.uuid_generate_v4(), "
        "extract(epoch FROM clock_timestamp())::float8 FROM generate_series(1, 500)"
    ).fetchall()
    for v1, v1mc, v4, now in rows:
        assert (v1.version, v1mc.version, v4.version) == (1, 1, 4)
        assert {v1.variant, v1mc.variant, v4.variant} == {uuid.RFC_4122}
        assert v1mc.node >> 40 & 1, "a node that is no network address has the multicast bit"
        assert abs((v1mc.time - 0x01B21DD213814000) / 10_000_000 - now) < 5
    assert len({value for row in rows for value in row[:3]}) == 1500


def test_what_is_written_here_has_the_interface_of_the_original(run: Workspace) -> None:
    originals = [one for one in installations() if (extension_folder(one) / "uuid-ossp--1.1.sql").exists()]
    if not (originals and wheel()):
        pytest.skip("needs a PostgreSQL with the real uuid-ossp beside the embedded one")
    interfaces = []
    for name, wanted in (("original", Wanted(programs=originals[0].programs)), ("written", Wanted())):
        with Supply(wanted, run).server(name) as fresh, sessions.connect(fresh.superuser) as session:
            session.execute('CREATE EXTENSION "uuid-ossp"')
            rows = session.execute(
                "SELECT proname, pg_get_function_identity_arguments(oid), prorettype::regtype::text, provolatile, "
                "proisstrict, proparallel FROM pg_proc WHERE proname LIKE 'uuid\\_%' AND pronamespace = "
                "'public'::regnamespace ORDER BY 1"
            ).fetchall()
            control = session.execute(
                "SELECT superuser, trusted, relocatable FROM pg_available_extension_versions "
                "WHERE name = 'uuid-ossp' AND version = '1.1'"
            ).fetchone()
        interfaces.append((rows, control))
    assert len(interfaces[0][0]) == 10
    assert interfaces[0] == interfaces[1]


def test_sessions_need_the_password_and_their_role_is_no_superuser(server: Server) -> None:
    login = server.database("guarded", owner="aegisx", password=PASSWORD)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        sessions.connect(login._replace(password="wrong"))
    with sessions.connect(login) as session:
        assert session.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() == (False,)
        session.execute("CREATE TABLE own (id int)")
    server.drop("guarded")
    with pytest.raises(psycopg.OperationalError, match=r"(?s)authentication failed|does not exist"):
        sessions.connect(login)


def test_a_database_is_dropped_under_its_sessions(server: Server) -> None:
    login = server.database("busy", owner="aegisx", password=PASSWORD)
    with sessions.connect(login) as session:
        server.drop("busy")
        with pytest.raises(psycopg.OperationalError):
            session.execute("SELECT 1")
    with sessions.connect(server.superuser) as other:
        assert not other.execute("SELECT FROM pg_database WHERE datname = 'busy'").fetchall()
        assert not other.execute("SELECT FROM pg_roles WHERE rolname = 'aegisx'").fetchall()


def test_a_role_stays_as_long_as_another_database_is_its_own(server: Server) -> None:
    server.database("one", owner="both", password="first")
    second = server.database("two", owner="both", password=PASSWORD)
    server.drop("one")
    with sessions.connect(second) as session:
        assert session.execute("SELECT current_user").fetchone() == ("both",)
    server.drop("two")


def test_a_stop_cuts_sessions_and_a_start_brings_back_the_data_on_the_same_port(server: Server) -> None:
    login = server.database("stopped", owner="aegisx", password=PASSWORD)
    with sessions.connect(login) as session:
        session.execute("CREATE TABLE kept AS SELECT 1 AS id")
        server.stop()
        with pytest.raises(psycopg.OperationalError):
            session.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError, match="refused"):
        sessions.connect(login)
    server.stop()
    server.start()
    server.start()
    assert server.superuser.port == login.port
    with sessions.connect(login) as again:
        assert again.execute("SELECT id FROM kept").fetchall() == [(1,)]
    server.drop("stopped")


def test_a_session_that_does_not_react_does_not_hold_up_a_stop(databases, monkeypatch) -> None:
    killed: list[int] = []
    with databases.server("hanging") as fresh, sessions.connect(fresh.superuser) as session:
        os.kill(session.info.backend_pid, signal.SIGSTOP)
        kill = processes._signal
        monkeypatch.setattr(processes, "_signal", lambda pids: killed.extend(pids) or kill(killed))
        fresh.stop()
        assert session.info.backend_pid in killed, "PostgreSQL itself would wait five seconds for it"
        fresh.start()
        with sessions.connect(fresh.superuser) as again:
            assert again.execute("SELECT 1").fetchone() == (1,)


def test_a_server_that_somebody_killed_is_started_again(databases: Supply, run: Workspace) -> None:
    with databases.server("killed") as fresh:
        (pidfile,) = run.folder.glob("*/server-killed/data/postmaster.pid")
        server = int(pidfile.read_text().split()[0])
        os.kill(server, signal.SIGKILL)
        os.waitid(os.P_PID, server, os.WEXITED | os.WNOWAIT)  # leaves its exit code to whom it belongs
        fresh.start()
        with sessions.connect(fresh.superuser) as session:
            assert session.execute("SELECT 1").fetchone() == (1,)


def test_several_servers_run_at_once_and_leave_no_folder(databases: Supply, run: Workspace) -> None:
    with databases.server("first") as first, databases.server("second", {"lock_timeout": "3s"}) as second:
        ports = {first.superuser.port, second.superuser.port}
        assert len(ports) == 2
        assert (setting(first, "lock_timeout"), setting(second, "lock_timeout")) == ("0", "3s")
        assert setting(first, "server_version").split()[0] in first.version
    assert not [*run.folder.glob("*/server-first*"), *run.folder.glob("*/server-second*")]
    for port in ports:
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port))


def test_a_copy_asks_for_no_password(databases: Supply) -> None:
    with databases.copy("copied") as copy, sessions.connect(copy.superuser._replace(password="")) as session:
        assert session.execute("SELECT current_user").fetchone() == ("postgres",)


def test_the_log_has_statements_and_errors_as_json(databases: Supply) -> None:
    with databases.server("logged") as fresh:
        with sessions.connect(fresh.superuser) as session, pytest.raises(psycopg.errors.UndefinedTable):
            session.execute("SELECT * FROM nowhere")
        fresh.stop()
        assert fresh.log
        entries = [json.loads(line) for line in fresh.log.read_text().splitlines()]
    assert any(entry["message"] == "statement: SELECT * FROM nowhere" for entry in entries)
    error = next(entry for entry in entries if entry["error_severity"] == "ERROR")
    assert (error["state_code"], error["statement"]) == ("42P01", "SELECT * FROM nowhere")


def test_a_port_that_somebody_was_faster_to_take_is_given_up(databases, monkeypatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ports = iter([taken.getsockname()[1], own_server.free_port()])
        monkeypatch.setattr(own_server, "free_port", lambda: next(ports))
        with databases.server("crowded") as fresh, sessions.connect(fresh.superuser) as session:
            assert session.execute("SELECT 1").fetchone() == (1,)


def test_a_server_that_does_not_start_says_why_and_is_gone(databases: Supply, run: Workspace) -> None:
    with pytest.raises(ToolError, match=r'does not start: .*invalid value for parameter "work_mem": "much"'):
        databases.server("broken", {"work_mem": "much"}).__enter__()
    assert not [*run.folder.glob("*/server-broken")]


def test_the_users_choice_of_version_and_folder_is_followed(run: Workspace) -> None:
    last = installations()[-1]
    with pytest.raises(UsageError, match=r"--postgres-version 9: PostgreSQL \d+\.\d+, from .* is another version"):
        Supply(Wanted(programs=last.programs, major=9), run)
    with pytest.raises(UsageError, match="is a server of its own"):
        Supply(Wanted(url="postgresql://a@b/c", major=15), run)


@needs_wheel
@pytest.mark.skipif(os.getuid() != 0, reason="only root's servers run under another account")
def test_a_wheel_that_the_servers_account_cannot_reach_is_copied(tmp_path: Path, run: Workspace) -> None:
    one = choose()
    closed = tmp_path / "closed"
    for package in (one.package, one.package.with_name(f"{one.package.name}.libs")):
        if package.is_dir():
            shutil.copytree(package, closed / package.name, symlinks=True)
    closed.chmod(0o700)
    hidden = one._replace(
        programs=closed / one.package.name / one.programs.relative_to(one.package.resolve()),
        package=closed / one.package.name,
    )
    copy = prepared(hidden, run.folder / "copied", server_account())
    assert copy.programs.is_relative_to(run.folder / "copied")
    assert extensions(copy) == extensions(hidden)
    shutil.rmtree(run.folder / "copied")
    with pytest.raises(ToolError, match=r"cannot run .* make the folder readable"):
        prepared(hidden._replace(package=None), run.folder / "copied", server_account())
