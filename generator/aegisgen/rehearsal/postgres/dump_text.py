"""A dump as SQL text, and what has to be known of it before it is loaded."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from aegisgen.errors import InputError, Problem, UsageError
from aegisgen.rehearsal.processes import answer

_CONVERT_SECONDS = 300
_ARCHIVE = b"PGDMP"
_GZIP = b"\x1f\x8b"
_TAR_MARK = slice(257, 262)
_HEAD_BYTES = 512

_NAME = r'(?:"(?:[^"]|"")+"|[A-Za-z_][\w$]*)'
_ROLES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"^ALTER .* OWNER TO ({_NAME});",
        rf"^GRANT .* TO ({_NAME}(?:\s*,\s*{_NAME})*)(?: WITH GRANT OPTION)?;",
        rf"^REVOKE .* FROM ({_NAME}(?:\s*,\s*{_NAME})*)(?: CASCADE)?;",
        rf"^ALTER DEFAULT PRIVILEGES FOR ROLE ({_NAME}) ",
        rf"^SET SESSION AUTHORIZATION ({_NAME});",
    )
)
_OWNER = _ROLES[0]
_NO_ROLES = frozenset({"public", "current_user", "current_role", "session_user", "default"})
_COPY = re.compile(r"^COPY .* FROM stdin", re.IGNORECASE)
_ELSEWHERE = re.compile(r"^(?:\\connect\b|\\c\s|CREATE DATABASE\b)", re.IGNORECASE)
_PUBLIC = re.compile(r"^CREATE SCHEMA public;", re.IGNORECASE)


class Survey(NamedTuple):
    """What a dump's text says about its surroundings."""

    roles: tuple[str, ...]
    """Roles that it names as owners or gives rights to, each once."""
    owners: frozenset[str]
    makes_public: bool
    """Whether it makes the schema `public`, which a new database has."""
    elsewhere: int
    """The line at which it makes or connects to a database of its own; 0 where it does not."""


def survey(lines: Iterable[str]) -> Survey:
    """Read the text as pg_dump writes it: statements of interest begin at a line's begin and end on that line.

    Rows of a COPY are passed over. A role that the patterns miss is found when PostgreSQL refuses it.
    """
    roles: dict[str, None] = {}
    owners: set[str] = set()
    makes_public = False
    elsewhere = 0
    rows = False
    for number, line in enumerate(lines, start=1):
        if rows:
            rows = line.rstrip("\r\n") != "\\."
        elif _COPY.match(line):
            rows = True
        else:
            roles |= dict.fromkeys(name for pattern in _ROLES for name in _names(pattern, line))
            owners.update(_names(_OWNER, line))
            makes_public = makes_public or bool(_PUBLIC.match(line))
            elsewhere = elsewhere or (number if _ELSEWHERE.match(line) else 0)
    return Survey(tuple(roles), frozenset(owners), makes_public, elsewhere)


@contextmanager
def as_sql(file: Path, programs: Path, scratch: Path) -> Iterator[Path]:
    """Give the dump as SQL text: the file itself or, for an archive or a compressed file, one in `scratch` for a while.

    Raises UsageError where there is no such file, InputError where it is damaged or no dump.
    """
    try:
        head = b"" if file.is_dir() else _head(file)
    except OSError as error:
        raise UsageError(f"--schema-dump {file}: {error.strerror}") from error
    if file.is_dir() and not (file / "toc.dat").is_file():
        raise _unusable(file, "a folder without toc.dat is no archive of pg_dump's")
    if file.is_dir() or head.startswith(_ARCHIVE) or head[_TAR_MARK] == b"ustar":
        convert = partial(_restore, file, programs)
    elif head.startswith(_GZIP):
        convert = partial(_unpack, file)
    elif b"\0" in head:
        raise _unusable(file, "neither SQL nor an archive of pg_dump's")
    else:
        yield file
        return
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        text = Path(folder) / "schema.sql"
        convert(text)
        yield text


def _names(pattern: re.Pattern[str], line: str) -> list[str]:
    match = pattern.match(line)
    if not match:
        return []
    plain = (
        name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()
        for name in re.findall(_NAME, match[1])
        if name.lower() not in _NO_ROLES
    )
    return [name for name in plain if not name.startswith("pg_")]  # PostgreSQL's own roles


def _head(file: Path) -> bytes:
    with file.open("rb") as source:
        return source.read(_HEAD_BYTES)


def _restore(file: Path, programs: Path, text: Path) -> None:
    try:
        done = answer(programs / "pg_restore", "--file", text, file, seconds=_CONVERT_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise _unusable(file, f"pg_restore has not read it after {_CONVERT_SECONDS} s") from error
    if done.returncode:
        reason = done.stderr.strip().replace("pg_restore: ", "").replace("\n", "; ")
        if "unsupported version" in reason:
            reason += "; a newer pg_dump wrote it: choose its major version with --postgres-version"
        raise _unusable(file, f"pg_restore cannot read it: {reason}")


def _unpack(file: Path, text: Path) -> None:
    try:
        with gzip.open(file) as source, text.open("wb") as target:
            shutil.copyfileobj(source, target)
    except (OSError, EOFError, zlib.error) as error:
        raise _unusable(file, f"gzip cannot read it: {error}") from error


def _unusable(file: Path, reason: str) -> InputError:
    expected = (
        "expected what pg_dump writes, as SQL, also compressed with gzip, or as its custom, tar or directory form"
    )
    return InputError(Problem(str(file), 0, 0, "", f"{reason}; {expected}"))
