"""The PostgreSQL of rehearsals for tests: started once a test session, and shared by whatever does not break it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from aegisgen.rehearsal.leftovers import Workspace, workspace
from aegisgen.rehearsal.postgres import Supply, Wanted, sessions
from aegisgen.rehearsal.postgres.installation import INSTALL, installations
from aegisgen.rehearsal.postgres.server import Server
from tests.tools import missing

NAMES = ("0", "1")
"""As a rehearsal with two jobs calls its servers."""


class Servers(NamedTuple):
    """Running servers, which a rehearsal gets in place of fresh ones."""

    run: Workspace
    supply: Supply
    started: Mapping[str, Server]

    @property
    def version(self) -> str:
        """For people: version and origin."""
        return self.supply.version

    @contextmanager
    def server(self, name: str) -> Iterator[Server]:
        """Use a running server; what a rehearsal keeps in it is dropped afterwards."""
        server = self.started[name]
        server.start()  # a scenario may have stopped it
        yield server
        server.start()
        with sessions.connect(server.superuser) as session:
            query = "SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres'"
            for (database,) in session.execute(query).fetchall():
                sessions.drop_database(session, str(database))

    def copy(self, name: str) -> AbstractContextManager[Server]:
        """Start a server of a pod's own."""
        return self.supply.copy(name)

    @contextmanager
    def workspace(self) -> Iterator[Workspace]:
        """A folder of its own for one rehearsal."""
        folder = Path(tempfile.mkdtemp(prefix="rehearsal-", dir=self.run.folder))
        folder.chmod(self.run.folder.stat().st_mode)
        yield self.run._replace(folder=folder)
        shutil.rmtree(folder, ignore_errors=True)


def setting(server: Server, name: str) -> str:
    """What a server does, worded as SHOW does."""
    with sessions.connect(server.superuser) as session:
        (value,) = session.execute("SELECT current_setting(%s)", (name,)).fetchone() or ("",)
        return str(value)


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """The session's servers."""
    if not installations():
        missing("PostgreSQL", INSTALL)
    with ExitStack() as stack:
        run = stack.enter_context(workspace())
        supply = Supply(Wanted(), run)
        yield Servers(run, supply, {name: stack.enter_context(supply.server(name)) for name in NAMES})


@pytest.fixture(scope="session")
def run(servers: Servers) -> Workspace:
    """The session's run, whose end removes what its servers leave."""
    return servers.run


@pytest.fixture(scope="session")
def server(servers: Servers) -> Server:
    """One of the session's servers; tests that stop it start it again."""
    return servers.started[NAMES[0]]


@pytest.fixture
def shared_servers(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `aegisgen rehearse` play on the session's servers: to make them takes longer than most scenarios."""
    monkeypatch.setattr("aegisgen.commands.rehearse.workspace", servers.workspace)
    monkeypatch.setattr("aegisgen.commands.rehearse.Supply", lambda _wanted, _run: servers)
