"""The file of a migration, from the name that its tool recorded."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from aegisgen.tools import TOOLS

UNATTRIBUTED = "unattributed"
_NOT_ITS_OWN = {"node_modules", ".git", ".venv", "__pycache__"}
_MOST_FILES = 100_000

_SAYS_FAILED = tuple(re.compile(tool.says_failed) for tool in TOOLS.values() if tool.says_failed)


class Files:
    """The files of an application, by what their names say. Without a folder, names stay as they are."""

    def __init__(self, app: Path | None) -> None:
        self._by_name: dict[str, list[str]] = {}
        for path in _paths(app) if app else ():
            self._by_name.setdefault(path.rpartition("/")[2], []).append(path)

    def locate(self, name: str) -> str:
        """Return the file's path from the application's folder, with `/`; the name itself where none is found."""
        for candidate in (name, *(tool.file(name) for tool in TOOLS.values() if tool.file)):
            folder, _, base = candidate.rpartition("/")
            for path in self._by_name.get(base, ()):
                if path.endswith(candidate) and (not folder or path == candidate or path.endswith(f"/{candidate}")):
                    return path
        return self._by_start(name) or name

    def next_after(self, applied: Iterable[str]) -> str:
        """Return the first file beside those of `applied` that is not among them; empty where there is none."""
        done = {self.locate(name) for name in applied}
        for folder in dict.fromkeys(path.rpartition("/")[0] for path in sorted(done) if "/" in path):
            suffix = next(path.rpartition(".")[2] for path in done if path.startswith(f"{folder}/"))
            beside = [path for found in self._by_name.values() for path in found if path.rpartition("/")[0] == folder]
            after = [path for path in sorted(beside) if path not in done and path.endswith(f".{suffix}")]
            if after and after[0] > max(path for path in done if path.startswith(f"{folder}/")):
                return after[0]
        return ""

    def _by_start(self, name: str) -> str:
        """Alembic names a revision and golang-migrate a number, which the file begins with."""
        if not re.fullmatch(r"\w+", name):
            return ""
        found = [
            path
            for base, paths in self._by_name.items()
            if re.match(rf"0*{re.escape(name)}_.*\.(?:py|sql)$", base) and ".down." not in base
            for path in paths
        ]
        return min(found, default="")


def said_to_fail(logs: Iterable[str]) -> tuple[str, ...]:
    """Return the names of migrations that their tools said to fail, in the order of the logs."""
    return tuple(dict.fromkeys(name for log in logs for pattern in _SAYS_FAILED for name in pattern.findall(log)))


def _paths(app: Path) -> Iterator[str]:
    count = 0
    for folder, folders, files in os.walk(app):
        folders[:] = sorted(name for name in folders if name not in _NOT_ITS_OWN)
        count += len(files)
        if count > _MOST_FILES:
            return
        for name in files:
            yield os.path.relpath(os.path.join(folder, name), app).replace(os.sep, "/")  # noqa: PTH118
