"""Production's schema, loaded into a rehearsal's fresh database: what `--schema-dump` names."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

from aegisgen.errors import InputError, Problem, ToolError
from aegisgen.rehearsal.postgres import sessions
from aegisgen.rehearsal.postgres.dump_text import as_sql, survey
from aegisgen.rehearsal.postgres.server import Server
from aegisgen.rehearsal.postgres.sessions import Login
from aegisgen.rehearsal.processes import answer

_LOAD_SECONDS = 900
_ROLES_AT_MOST = 50
_ERROR = re.compile(r"^psql:.*:(?P<line>\d+): (?:ERROR|FATAL|error):\s+(?P<text>.*)$", re.MULTILINE)
_NO_ROLE = re.compile(r'^role "(?P<role>.+)" does not exist$')
# Tables in which migration tools keep what they have run.
_BOOKKEEPING = (
    r"(_migrations|^migrations|^alembic_version|^flyway_schema_history|^databasechangelog|^schema_migrations)$"
)

_OWNERS = """
SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1
"""

_CHOOSE = "choose another with --postgres-version"
_LESS = "dump without what needs more rights: pg_dump --no-owner --no-privileges"
_WAYS_OUT = {
    "unrecognized configuration parameter": f"a later pg_dump than this server wrote it: {_CHOOSE}",
    "invalid command \\restrict": f"this psql is older than the pg_dump that wrote it: update it, or {_CHOOSE}",
    "is not available": "install the extension for this server, or choose another with --postgres-bin",
    'role "': "dump without roles: pg_dump --no-owner --no-privileges",
    "must be": _LESS,
    "permission denied": _LESS,
}

_Refusal = tuple[int, str]
"""What PostgreSQL did not take: the line, 0 where psql names none, and the message."""


def load_dump(server: Server, login: Login, file: Path, *, scratch: Path) -> tuple[str, ...]:
    """Load the file into the login's empty database; return what a reader of the rehearsal must know about it.

    The file is SQL, also compressed with gzip, or an archive of pg_dump's. On a server of one's own, roles that it
    names and that do not exist are made without a login, and what it gives to nobody belongs to the login's role. On
    `--database-url` everything is loaded as the login's role, and no roles are made. `scratch` is a folder of the run.

    Raises UsageError and InputError for the file, ToolError where psql or pg_restore is missing.
    """
    programs = server.programs
    if programs is None:
        raise ToolError(f"--schema-dump needs psql and pg_restore, which {server.version} has not got")
    with as_sql(file, programs, scratch) as text:
        with text.open(encoding="utf-8", errors="replace") as lines:
            makes_public, elsewhere = survey(lines)
        has_lines = text == file
        if elsewhere:
            reason = (
                "it makes or connects to a database of its own, as pg_dumpall and pg_dump --create write it; expected "
                "a dump of one database without --create"
            )
            raise _unusable(file, elsewhere if has_lines else 0, reason)
        if makes_public:
            with sessions.connect(login) as session:
                session.execute("DROP SCHEMA IF EXISTS public")
        load = partial(_run, programs, text)
        made, refusal = _load_as_superuser(server, login, load) if server.own else ([], load(login))
    if refusal:
        way_out = next((f"; {advice}" for words, advice in _WAYS_OUT.items() if words in refusal[1]), "")
        reason = f"PostgreSQL does not take it: {refusal[1]}{way_out}"
        raise _unusable(file, refusal[0] if has_lines else 0, reason)
    return _notes(login, made)


def _load_as_superuser(
    server: Server, login: Login, load: Callable[[Login], _Refusal | None]
) -> tuple[list[str], _Refusal | None]:
    """Load as a superuser of its own, whose objects then go to the login's role; return the roles that were made."""
    loader = server.superuser._replace(
        user=f"loader_{secrets.token_hex(4)}", password=secrets.token_hex(16), database=login.database
    )
    with sessions.connect(server.superuser._replace(database=login.database)) as session:
        made: list[str] = []
        sessions.create_role(session, loader.user, loader.password, superuser=True)
        try:
            while refusal := load(loader):
                missing = _NO_ROLE.match(refusal[1])
                if not missing or len(made) >= _ROLES_AT_MOST or not sessions.create_group(session, missing["role"]):
                    break
                made.append(missing["role"])
        finally:
            sessions.give_all(session, loader.user, login.user)
            sessions.drop_role(session, loader.user)
    return made, refusal


def _run(programs: Path, text: Path, login: Login) -> _Refusal | None:
    """Let psql load the text, all or nothing."""
    options = ["--no-psqlrc", "--quiet", "--single-transaction", "--set", "ON_ERROR_STOP=1", "--output", os.devnull]
    address = ["--host", login.host, "--port", str(login.port), "--username", login.user, "--dbname", login.database]
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "PGPASSWORD": login.password,
        "PGCLIENTENCODING": "UTF8",
        "PGOPTIONS": "-c client_min_messages=error",
        "LC_ALL": "C",
    }
    try:
        command = [str(programs / "psql"), *options, *address, "--no-password", "--file", str(text)]
        done = answer(*command, seconds=_LOAD_SECONDS, env=environment)
    except subprocess.TimeoutExpired:
        return 0, f"it is not loaded after {_LOAD_SECONDS} s"
    if done.returncode == 0:
        return None
    match = _ERROR.search(done.stderr)
    if match:
        return int(match["line"]), match["text"]
    return 0, done.stderr.strip().replace("\n", "; ") or f"psql ended with exit code {done.returncode}"


def _unusable(file: Path, line: int, reason: str) -> InputError:
    return InputError(Problem(str(file), line, 1, "", reason))


def _notes(login: Login, made: list[str]) -> tuple[str, ...]:
    notes = []
    if made:
        notes.append(f"roles that the schema dump names were made, without a login: {', '.join(sorted(made))}")
    with sessions.connect(login) as session:
        owners = [str(name) for (name,) in session.execute(_OWNERS).fetchall()]
        tables = session.execute(
            "SELECT format('%%I.%%I', schemaname, tablename) FROM pg_tables WHERE tablename ~ %s "
            "AND has_table_privilege(format('%%I.%%I', schemaname, tablename), 'SELECT') ORDER BY 1",
            (_BOOKKEEPING,),
        ).fetchall()
        empty = [str(name) for (name,) in tables if sessions.is_empty(session, str(name))]
    if owners and login.user not in owners:
        notes.append(
            f"the schema dump's objects belong to {', '.join(owners)}; migrations run as {login.user}, which may not "
            "alter them: if production is otherwise, dump with --no-owner"
        )
    if empty:
        notes.append(
            f"the schema dump has {', '.join(empty)} without rows: migrations that production has run will run again; "
            "add the rows with pg_dump --data-only --table"
        )
    return tuple(notes)
