"""The files of an application: which of them belongs to a migration that a tool named, and the migrations' texts."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

from aegisgen.tools import TOOLS

UNATTRIBUTED = "unattributed"
_FOREIGN = frozenset({"node_modules", ".git", ".venv", "__pycache__"})
BUILT = frozenset({"dist", "build"})
_SUFFIXES = frozenset({".js", ".cjs", ".mjs", ".ts", ".sql", ".py", ".java", ".xml", ".yaml", ".yml"})
# Names that migration tools give or ask for: a number or a date, Flyway's versions, Alembic's revisions.
_NAME = re.compile(r"(?:\d{3,}|[VUR]\d*|[0-9a-f]{12})[_.-]|migration\.sql$")
_FOLDER = re.compile(r"migrat|changelog|versions$", re.IGNORECASE)
_LARGEST_BYTES = 500_000
_MOST_FILES = 100_000

_SAYS_FAILED = tuple(re.compile(tool.says_failed) for tool in TOOLS.values() if tool.says_failed)


def own_files(app: Path, skipped: frozenset[str] = frozenset()) -> Iterator[PurePosixPath]:
    """Yield the paths of an application's own files from its folder; in `skipped` folders nothing is looked for."""
    count = 0
    for folder, folders, names in os.walk(app):
        folders[:] = sorted(set(folders) - _FOREIGN - skipped)
        count += len(names)
        if count > _MOST_FILES:
            return
        for name in sorted(names):
            yield PurePosixPath(os.path.relpath(folder, app), name)


def migration_texts(app: Path) -> dict[str, str]:
    """Return what looks like a migration: its path from the application's folder, with `/`, and its text.

    What cannot be read is left out, and what is larger than anybody writes.
    """
    texts: dict[str, str] = {}
    for file in own_files(app, BUILT):
        if file.suffix in _SUFFIXES and (_NAME.match(file.name) or _FOLDER.search(file.parent.name)):
            path = app / file
            with suppress(OSError):
                if path.stat().st_size <= _LARGEST_BYTES:
                    texts[str(file)] = path.read_text(encoding="utf-8", errors="replace")
    return texts


class Files:
    """The files of an application, by what their names say. Without a folder, names stay as they are."""

    def __init__(self, app: Path | None) -> None:
        self._by_name: dict[str, list[str]] = {}
        for path in own_files(app) if app else ():
            self._by_name.setdefault(path.name, []).append(str(path))

    def locate(self, name: str) -> str:
        """Return the file's path from the application's folder, with `/`; the name itself where there is none."""
        for candidate in (name, *(tool.file(name) for tool in TOOLS.values() if tool.file)):
            for path in self._by_name.get(candidate.rpartition("/")[2], ()):
                if f"/{path}".endswith(f"/{candidate}"):
                    return path
        return self._by_start(name) or name

    def next_after(self, applied: Iterable[str]) -> str:
        """Return the first file beside those of `applied` that is not among them; empty where there is none."""
        done = {self.locate(name) for name in applied}
        for folder in dict.fromkeys(path.rpartition("/")[0] for path in sorted(done) if "/" in path):
            last = max(path for path in done if path.startswith(f"{folder}/"))
            beside = (path for paths in self._by_name.values() for path in paths if path.rpartition("/")[0] == folder)
            after = [
                path
                for path in sorted(beside)
                if path not in done and PurePosixPath(path).suffix == PurePosixPath(last).suffix
            ]
            if after and after[0] > last:
                return after[0]
        return ""

    def _by_start(self, name: str) -> str:
        """Alembic names a revision and golang-migrate a number, which the file begins with."""
        pattern = re.compile(rf"0*{re.escape(name)}_.*\.(?:py|sql)$")
        starting = (
            path
            for base, paths in self._by_name.items()
            if pattern.match(base) and ".down." not in base
            for path in paths
        )
        return min(starting, default="") if re.fullmatch(r"\w+", name) else ""


def failed_names(logs: Iterable[str]) -> tuple[str, ...]:
    """Return the names of migrations that failed according to their tools' output, in the order of the logs."""
    return tuple(dict.fromkeys(name for log in logs for pattern in _SAYS_FAILED for name in pattern.findall(log)))
