"""Sessions that look without being seen: they write nothing to the log, and are known by their name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aegisgen.errors import ToolError

if TYPE_CHECKING:
    import psycopg

    from aegisgen.rehearsal.server import Login

NAME = "aegisgen-observe"
# Whoever holds aegisgen's lock, looks after the rehearsal or copies the schema does not migrate.
IGNORED = re.compile(r"aegisgen(?:-observe)?|.*-holder|pg_dump|pg_isready")
CONNECT_SECONDS = 5
_QUIET = "-c log_statement=none -c log_duration=off -c log_min_error_statement=panic -c log_min_messages=panic"


def connect(login: Login, *, quiet: bool = True) -> psycopg.Connection:
    """Open a session in autocommit mode; `quiet` needs a superuser. Raises psycopg.OperationalError."""
    try:
        import psycopg  # noqa: PLC0415 - costs 60 ms, and only rehearsals have it
    except ImportError as error:
        raise ToolError("the Python package psycopg is missing: pip install 'aegisgen[rehearse]'") from error
    return psycopg.connect(
        host=login.host,
        port=login.port,
        user=login.user,
        password=login.password,
        dbname=login.database,
        autocommit=True,
        connect_timeout=CONNECT_SECONDS,
        application_name=NAME,
        options=_QUIET if quiet else "",
    )


def session_errors() -> tuple[type[Exception], ...]:
    """Return what a session raises when the server goes away."""
    import psycopg  # noqa: PLC0415

    return (psycopg.Error,)
