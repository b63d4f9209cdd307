"""Paths that changed, and what of a tree they touch. Pure."""

from __future__ import annotations

from collections.abc import Collection

from aegisgen.project.fleet.units import above


class Changed:
    """A set of files and folders, seen from the project's folder; of a folder, anything may have changed."""

    def __init__(self, paths: Collection[str]) -> None:
        self.paths = frozenset(paths)
        self._above = {folder for path in self.paths for folder in above(path)}
        # A path that leads out of the project, such as one of the repository's top, has all of it below itself.
        self.everything = any(path == "." or path.rpartition("/")[2] == ".." for path in self.paths)

    def touches(self, path: str) -> bool:
        """Tell whether something that changed is this path, lies in it, or holds it."""
        if self.everything or path in self._above:
            return True
        if path == "." or path.rpartition("/")[2] == "..":
            return bool(self.paths)
        while path := path.rpartition("/")[0]:
            if path in self.paths:
                return True
        return False
