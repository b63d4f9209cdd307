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
from aegisgen.rehearsal.postgres.own_server import OwnServer
from aegisgen.rehearsal.postgres.server import Server
from aegisgen.rehearsal.postgres.template import Template
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
        self._template: Template | None = None
        self._folder = run.folder
        self._users = users_server(wanted.url, run.name) if wanted.url else None
        self.version = self._users.version if self._users else str(self._local().installation)
        """For people: version and origin of every server from `server`."""

    def server(self, name: str, settings: Mapping[str, str] | None = None) -> AbstractContextManager[Server]:
        """A fresh server for the block, gone after it; or, the same each time, the user's own.

        `settings` are PostgreSQL's, for a server that is started here. `name` is not to be used twice at the same time.
        Raises ToolError with the server's own words where it does not start.
        """
        if self._users:
            return self._users.used()
        return self._running(name, settings or {})

    def copy(self, name: str) -> AbstractContextManager[Server]:
        """A server of a pod's own, which asks for no password; started here, also where `server` gives the user's own.

        Raises ToolError as `server` does, and where there is no PostgreSQL on this machine.
        """
        return self._running(name, {}, password=False)

    @contextmanager
    def _running(self, name: str, settings: Mapping[str, str], *, password: bool = True) -> Iterator[Server]:
        template = self._local()
        folder = self._folder / f"server-{name}"
        server = OwnServer(template, folder, settings, password=password)
        try:
            with _files_of(template.installation):
                server.create()
            yield server
        finally:
            server.stop()
            shutil.rmtree(folder, ignore_errors=True)

    def _local(self) -> Template:
        """What servers are made from that are started here, each with a data folder of its own."""
        with self._choosing:
            if self._template is None:
                installation = _installation(self._wanted)
                with _files_of(installation):
                    self._folder = Path(tempfile.mkdtemp(prefix="postgres-", dir=self._run.folder))
                    self._folder.chmod(self._run.folder.stat().st_mode)
                    self._template = Template(installation, self._folder, self._run.environment)
            return self._template


def _installation(wanted: Wanted) -> Installation:
    installation = at(wanted.programs) if wanted.programs else choose(major=wanted.major)
    if wanted.major not in {None, installation.version[0]}:
        raise UsageError(f"--postgres-version {wanted.major}: {installation} is another version")
    return installation


@contextmanager
def _files_of(installation: Installation) -> Iterator[None]:
    """A full disk or a file system that is not writable is a matter of this machine."""
    try:
        yield
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        raise ToolError(f"{installation} cannot be set up: {place}{error.strerror or error}") from error
