"""Migrations that a release has shipped, and that are not what they were: databases have run the former text."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from aegisgen import files
from aegisgen.errors import Finding, Severity
from aegisgen.profile.sources import display
from aegisgen.profile.target import Target
from aegisgen.project.git import Repository, open_repository
from aegisgen.rules.drift import EDITED
from aegisgen.tools import TOOLS


def edited(root: Path, revision: str, targets: Callable[[], Sequence[Target]]) -> Iterator[Finding]:
    """Yield a finding for each migration file that a revision has and that was changed or removed since.

    `targets` resolves all services; it is asked only where a changed file may be a migration. Contents are
    compared, not times. Raises UsageError for a revision that is not there, ToolError without git.
    """
    repository = open_repository(root, revision)
    known = [re.compile(tool.shipped) for tool in TOOLS.values() if tool.shipped]
    changed = [path for path in repository.changed() if any(pattern.search(path) for pattern in known)]
    if not changed:
        return
    folders = dict(folder for target in targets() for folder in _folders(repository, target))
    paths = {path: pattern for path in changed for folder, pattern in folders.items() if path.startswith(folder)}
    shipped = [path for path, pattern in paths.items() if pattern.search(path)]
    for path, before in sorted(repository.contents(shipped).items()):
        after = _read(root / path)
        if before is None or (after is not None and _lines(after) == _lines(before)):
            continue
        what = "removed" if after is None else "edited"
        shown = display(root / path)
        message = f"a migration that {revision} has was {what}: a database that ran it does not run it again"
        fix = f"write a new migration, and restore this one: git checkout {revision} -- {shlex.quote(shown)}"
        yield Finding(shown, 0, 0, EDITED.id, Severity.ERROR, message, fix=fix)


def _folders(repository: Repository, target: Target) -> Iterator[tuple[str, re.Pattern[str]]]:
    """Yield a service's folders of migrations, seen from the project's, and what a migration's path looks like."""
    migrations = target.settings.migrations
    shipped = TOOLS[migrations.tool].shipped
    for path in {migrations.path, *(each.path for each in migrations.sets)}:
        if isinstance(path, str) and shipped:
            yield f"{posixpath.relpath(f'/{path}', f'/{repository.prefix}')}/", re.compile(shipped)


def _read(path: Path) -> bytes | None:
    try:
        return files.read(path)
    except OSError:
        return None


def _lines(content: bytes) -> bytes:
    """Line ends are git's business (core.autocrlf), and no migration's."""
    return content.replace(b"\r\n", b"\n")
