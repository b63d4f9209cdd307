"""The application's folder, as its image would hold it: a private copy for each scenario."""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from aegisgen.errors import UsageError
from aegisgen.kube.shape import mapping

# What an image gets elsewhere, or not at all. Packages are linked: copying them would take longer than the scenario.
_LINKED = frozenset({"node_modules", ".venv", "venv", "vendor", ".pnpm-store"})
_LEFT_OUT = frozenset({".git", ".hg", ".nx", ".turbo", ".next", ".cache", "coverage", "__pycache__"})
_COPIED = frozenset({stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK})
# Yarn's way to do without node_modules.
_PLUG_AND_PLAY = (".pnp.cjs", ".pnp.js")
_INSTALLERS = {
    "pnpm-lock.yaml": "pnpm install --frozen-lockfile",
    "yarn.lock": "yarn install --immutable",
    "package-lock.json": "npm ci",
}


class App(NamedTuple):
    """`--app DIR[:PATH]`: where the application is, and where its image has it (empty: not known)."""

    folder: Path
    path: str = ""


def app_of(text: str) -> App:
    """Read the option. Raises UsageError for a folder that is not there, or whose packages are not installed."""
    folder, colon, path = text.rpartition(":")
    if not (colon and path.startswith("/")):
        folder, path = text, ""
    if not Path(folder).is_dir():
        raise UsageError(f"--app {folder}: no such folder; expected the application's, with its package.json")
    missing = _not_installed(Path(folder))
    if missing:
        raise UsageError(
            f"--app {folder}: {missing[0]} and whatever else its package.json depends on are not in its node_modules; "
            f"run '{_install(Path(folder))}' in it first, as the build of its image does"
        )
    return App(Path(folder).resolve(), path.rstrip("/"))


def copy_app(source: Path, target: Path) -> None:
    """Copy an application's own files. Installed packages stay where they are, linked."""
    linked: list[Path] = []

    def ignored(folder: str, names: list[str]) -> set[str]:
        linked.extend(Path(folder, name) for name in _LINKED.intersection(names))
        special = {name for name in names if stat.S_IFMT(Path(folder, name).lstat().st_mode) not in _COPIED}
        return special | _LEFT_OUT | _LINKED

    shutil.copytree(source, target, symlinks=True, ignore=ignored)
    for folder, _, _ in os.walk(target):  # it is written to, also where its source may not be
        Path(folder).chmod(0o755)
    for path in linked:
        (target / path.relative_to(source)).symlink_to(path.resolve())


def packages(folder: Path, depth: int = 3) -> Iterator[Path]:
    """Yield the folders with a package.json of their own, the workspace's packages after its top."""
    if (folder / "package.json").is_file():
        yield folder
    if depth:
        for child in sorted(folder.iterdir()):
            if child.is_dir() and not child.is_symlink() and not child.name.startswith("."):
                yield from packages(child, depth - 1)


def _not_installed(folder: Path) -> list[str]:
    """Return what package.json depends on, if nothing of it is there: nothing would start, which takes long to see."""
    try:
        package = json.loads((folder / "package.json").read_bytes())
    except (OSError, ValueError):
        return []
    names = list(mapping(mapping(package).get("dependencies")))
    if any((folder / name).exists() for name in _PLUG_AND_PLAY):
        return []
    return [] if any((folder / "node_modules" / name).exists() for name in names) else names


def _install(folder: Path) -> str:
    return next((command for file, command in _INSTALLERS.items() if (folder / file).exists()), "npm install")
