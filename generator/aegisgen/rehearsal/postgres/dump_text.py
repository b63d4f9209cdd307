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

from aegisgen.errors import InputError, Problem, UsageError
from aegisgen.rehearsal.processes import answer

_CONVERT_SECONDS = 300
_ARCHIVE = b"PGDMP"
_GZIP = b"\x1f\x8b"
_TAR_MARK = slice(257, 262)
_HEAD_BYTES = 512

_COPY = re.compile(r"^COPY .* FROM stdin", re.IGNORECASE)
_ELSEWHERE = re.compile(r"^(?:\\connect\b|\\c\s|CREATE DATABASE\b)", re.IGNORECASE)
_PUBLIC = re.compile(r"^CREATE SCHEMA public;", re.IGNORECASE)


def survey(lines: Iterable[str]) -> tuple[bool, int]:
    """Return whether the text makes the schema `public`, and the line at which it makes or connects to a database.

    A new database has that schema. The line is 0 where there is none. pg_dump writes such statements on lines of their
    own; rows of a COPY are passed over.
    """
    makes_public = rows = False
    elsewhere = 0
    for number, line in enumerate(lines, start=1):
        if rows:
            rows = line.rstrip("\r\n") != "\\."
        else:
            rows = bool(_COPY.match(line))
            makes_public = makes_public or bool(_PUBLIC.match(line))
            elsewhere = elsewhere or (number if _ELSEWHERE.match(line) else 0)
    return makes_public, elsewhere


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
