"""Where a rehearsal's servers come from: chosen once, then as many as scenarios ask for."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

from aegisgen.errors import ToolError, UsageError
from aegisgen.rehearsal.leftovers import Workspace
from aegisgen.rehearsal.postgres.installation import Installation, at, choose
from aegisgen.rehearsal.postgres.layout import prepared
from aegisgen.rehearsal.postgres.own_server import OwnServer
from aegisgen.rehearsal.postgres.server import Server
from aegisgen.rehearsal.postgres.template import Template, server_account
from aegisgen.rehearsal.postgres.users_server import users_server


class Wanted(NamedTuple):
    """What the user said about the database; nothing said: the embedded one, else the newest on this machine."""

    url: str = ""
    """`--database-url`."""
    programs: Path | None = None
    """`--postgres-bin`."""
    major: int | None = None
    """`--postgres-version`."""


class Supply:
    """Gives servers, one after the other or several at once, from any thread."""

    def __init__(self, wanted: Wanted, run: Workspace) -> None:
        """Choose the database of a run. Raises UsageError and ToolError with what was looked for and what to do."""
        if wanted.url and (wanted.programs or wanted.major):
            raise UsageError("--database-url is a server of its own: leave out --postgres-bin and --postgres-version")
        self._wanted = wanted
        self._run = run
        self._choosing = threading.Lock()
        self._own: _OwnServers | None = None
        self._users = users_server(wanted.url, run.name) if wanted.url else None
        self.version = self._users.version if self._users else self._local().version
        """For people: version and origin of every server from `server`."""

    def server(self, name: str, settings: Mapping[str, str] | None = None) -> AbstractContextManager[Server]:
        """A fresh server for the block, gone after it; or, the same each time, the user's own.

        `settings` are PostgreSQL's, for a server that is started here. `name` is not to be used twice at the same time.
        Raises ToolError with the server's own words where it does not start.
        """
        if self._users:
            return self._users.used()
        return self._local().running(name, settings or {})

    def copy(self, name: str) -> AbstractContextManager[Server]:
        """A server of a pod's own, which asks for no password; started here, also where `server` gives the user's own.

        Raises ToolError as `server` does, and where there is no PostgreSQL on this machine.
        """
        return self._local().running(name, {}, password=False)

    def _local(self) -> _OwnServers:
        with self._choosing:
            if self._own is None:
                self._own = _OwnServers(self._run, _installation(self._wanted))
            return self._own


class _OwnServers:
    """Servers that are started here, each with a data folder of its own."""

    def __init__(self, run: Workspace, installation: Installation) -> None:
        self.version = str(installation)
        self._environment = run.environment
        self._account = server_account()
        with _files_of(installation):
            self._folder = Path(tempfile.mkdtemp(prefix="postgres-", dir=run.folder))
            self._folder.chmod(run.folder.stat().st_mode)
            self._installation = prepared(installation, self._folder / "installation", self._account)
        self._template = Template(self._installation, self._folder / "template", self._account)

    @contextmanager
    def running(self, name: str, settings: Mapping[str, str], *, password: bool = True) -> Iterator[Server]:
        folder = self._folder / f"server-{name}"
        server = OwnServer(
            self._installation,
            folder,
            template=self._template,
            account=self._account,
            environment=self._environment,
            settings=settings,
            password=password,
        )
        try:
            with _files_of(self._installation):
                server.create()
            yield server
        finally:
            server.stop()
            shutil.rmtree(folder, ignore_errors=True)


def _installation(wanted: Wanted) -> Installation:
    found = at(wanted.programs) if wanted.programs else choose(major=wanted.major)
    if wanted.major not in {None, found.version[0]}:
        raise UsageError(f"--postgres-version {wanted.major}: {found} is another version")
    return found


@contextmanager
def _files_of(installation: Installation) -> Iterator[None]:
    """A full disk or a file system that is not writable is a matter of this machine."""
    try:
        yield
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        raise ToolError(f"{installation} cannot be set up: {place}{error.strerror or error}") from error
