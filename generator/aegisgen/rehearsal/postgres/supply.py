"""Where a rehearsal's servers come from: chosen once, then as many as scenarios ask for."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, Protocol

from aegisgen.errors import UsageError
from aegisgen.rehearsal.postgres.accounts import server_account
from aegisgen.rehearsal.postgres.cluster import Cluster, Template
from aegisgen.rehearsal.postgres.installation import at, choose
from aegisgen.rehearsal.postgres.layout import prepared
from aegisgen.rehearsal.postgres.remote import remotes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from aegisgen.rehearsal.leftovers import Workspace
    from aegisgen.rehearsal.postgres.installation import Installation
    from aegisgen.rehearsal.server import Server


class Wanted(NamedTuple):
    """What the user said about the database; nothing said: the embedded one, else the newest on this machine."""

    url: str = ""
    """`--database-url`."""
    programs: Path | None = None
    """`--postgres-bin`."""
    major: int | None = None
    """`--postgres-version`."""


class Supply(Protocol):
    """Gives servers, one after the other or several at once."""

    @property
    def version(self) -> str:
        """For people: version and origin of every server from here."""

    def server(self, name: str, settings: Mapping[str, str] | None = None) -> AbstractContextManager[Server]:
        """A fresh server for the block, gone after it. `settings` are PostgreSQL's, for a server that is started here.

        `name` is that of a folder and not to be used twice at the same time. The user's own server is the same each
        time. Raises ToolError with the server's own words where it does not start.
        """


def supply(wanted: Wanted, run: Workspace) -> Supply:
    """Choose the database of a run. Raises UsageError and ToolError with what was looked for and what to do."""
    if wanted.url and (wanted.programs or wanted.major):
        raise UsageError("--database-url is a server of your own; --postgres-bin and --postgres-version choose others")
    if wanted.url:
        return remotes(wanted.url, run)
    installation = at(wanted.programs) if wanted.programs else choose(major=wanted.major)
    if wanted.major not in {None, installation.version[0]}:
        raise UsageError(f"--postgres-version {wanted.major}: {installation} is another version")
    account = server_account()
    return _Clusters(run, prepared(installation, run.folder / "postgres", account), account)


class _Clusters:
    """Servers that are started here, each with a data folder of its own."""

    def __init__(self, run: Workspace, installation: Installation, account: str | None) -> None:
        self._run = run
        self._installation = installation
        self._account = account
        self._template = Template(installation, run.folder / "template", account)

    @property
    def version(self) -> str:
        return str(self._installation)

    @contextmanager
    def server(self, name: str, settings: Mapping[str, str] | None = None) -> Iterator[Server]:
        folder = self._run.folder / f"server-{name}"
        server = Cluster(
            self._installation,
            folder,
            template=self._template,
            account=self._account,
            environment=self._run.environment,
            settings=settings or {},
        )
        try:
            server.create()
            yield server
        finally:
            server.stop()
            shutil.rmtree(folder, ignore_errors=True)
