"""What a repository says about its service before anybody is asked. Reads files and asks git; writes nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path

from aegisgen import files
from aegisgen.kube.overlay import Overlay, read_overlay
from aegisgen.kube.shape import KUSTOMIZATION_NAMES
from aegisgen.project.git import command, environment
from aegisgen.record import Record
from aegisgen.tools import TOOLS

# What tells of a tool or a package manager, or has something to say about either.
WITNESSES = (
    *("package.json", "pnpm-lock.yaml", "package-lock.json", "yarn.lock", "Dockerfile"),
    *(file for tool in TOOLS.values() for file in tool.files),
)
_MAX_BYTES = 1_000_000
_GIT_SECONDS = 5


class Clues(Record):
    """What was found in a repository."""

    name: str
    project: str
    """The folder, relative to the repository's, that the project goes into; empty: the repository's own."""
    files: dict[str, bytes]
    """Those of WITNESSES that are there; empty where one is too large or cannot be read."""
    go_migrations: tuple[str, ...]
    """Folders with migrations in the manner of golang-migrate, relative to the repository's."""
    remote: str
    bases: dict[str, Overlay]
    """Kustomize bases by their folder relative to the project's."""


def look(directory: Path) -> Clues:
    """Look around in a repository. A folder that does not exist holds no clues."""
    files.admit(directory)
    project = "" if any((directory / name).is_dir() for name in ("base", "overlays")) else "argocd"
    return Clues(
        name=directory.resolve().name,
        project=project,
        files={name: _content(directory / name) for name in WITNESSES if (directory / name).is_file()},
        go_migrations=tuple(
            folder
            for folder in ("migrations", "db/migrations", "database/migrations")
            if next((directory / folder).glob("*.up.sql"), None)
        ),
        remote=_remote(directory),
        bases=_bases(directory / project),
    )


def _content(file: Path) -> bytes:
    try:
        return files.read(file, _MAX_BYTES)
    except files.OutsideError:
        raise
    except (OSError, files.UnsafeFileError):
        return b""


def _bases(project: Path) -> dict[str, Overlay]:
    base = project / "base"
    folders = [base, *sorted(folder for folder in base.glob("*") if folder.is_dir())]
    return {
        folder.relative_to(project).as_posix(): read_overlay(folder)
        for folder in folders
        if any((folder / name).is_file() for name in KUSTOMIZATION_NAMES)
    }


def _remote(directory: Path) -> str:
    if not directory.is_dir():
        return ""
    try:
        outcome = subprocess.run(
            command(directory, "config", "--get", "remote.origin.url"),
            env=environment(),
            capture_output=True,
            text=True,
            timeout=_GIT_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):  # git is a witness like the others: without it one clue is missing
        return ""
    return outcome.stdout.strip() if outcome.returncode == 0 else ""
