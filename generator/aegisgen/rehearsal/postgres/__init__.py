"""The database of a rehearsal: embedded, installed on this machine, or the user's own."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from aegisgen.rehearsal.server import Server


class Wanted(NamedTuple):
    """What the user said about the database; nothing said: the embedded one, else the newest on this machine."""

    url: str = ""
    """`--database-url`."""
    programs: Path | None = None
    """`--postgres-bin`."""
    major: int | None = None
    """`--postgres-version`."""


@contextmanager
def open_server(wanted: Wanted, folder: Path, settings: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Run a fresh server in `folder`, which is made and, at the end, removed; or use the user's own.

    `settings` are PostgreSQL's, for a server that is started here. Several servers may run at once, each in a folder of
    its own. Raises UsageError and ToolError with what was looked for and what to do.
    """
    from aegisgen.rehearsal.postgres.cluster import cluster  # noqa: PLC0415 - only rehearsals pay for it
    from aegisgen.rehearsal.postgres.installation import at, choose  # noqa: PLC0415

    installation = at(wanted.programs) if wanted.programs else choose(major=wanted.major)
    with cluster(installation, folder, settings) as server:
        yield server
