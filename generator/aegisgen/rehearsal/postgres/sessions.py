"""What is asked of any server by SQL: databases and roles that come and go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aegisgen.errors import ToolError
from aegisgen.rehearsal.postgres.installation import INSTALL

if TYPE_CHECKING:
    import psycopg

    from aegisgen.rehearsal.server import Login

CONNECT_SECONDS = 10


def connect(login: Login) -> psycopg.Connection:
    """Open a session in autocommit mode. Raises psycopg.OperationalError, and ToolError without psycopg."""
    try:
        import psycopg  # noqa: PLC0415 - costs 60 ms, and only rehearsals have it
    except ImportError as error:
        raise ToolError(f"the Python package psycopg is not installed; install it with: {INSTALL}") from error
    return psycopg.connect(
        host=login.host,
        port=login.port,
        user=login.user,
        password=login.password,
        dbname=login.database,
        autocommit=True,
        connect_timeout=CONNECT_SECONDS,
        application_name="aegisgen",
    )


def create_role(session: psycopg.Connection, role: str, password: str) -> None:
    """Make the role, or give the one that is there this password."""
    from psycopg import errors, sql  # noqa: PLC0415

    rest = sql.SQL("ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), sql.Literal(password))
    try:
        session.execute(sql.SQL("CREATE ") + rest)
    except (errors.DuplicateObject, errors.UniqueViolation):
        session.execute(sql.SQL("ALTER ") + rest)


def create_database(session: psycopg.Connection, name: str, owner: str) -> None:
    """Make an empty database."""
    from psycopg import sql  # noqa: PLC0415

    text = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0")
    session.execute(text.format(sql.Identifier(name), sql.Identifier(owner)))


def drop_database(session: psycopg.Connection, name: str) -> None:
    """Cut the database's sessions and drop it."""
    from psycopg import sql  # noqa: PLC0415

    session.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def drop_role(session: psycopg.Connection, role: str) -> None:
    """Drop the role unless something still belongs to it."""
    from contextlib import suppress  # noqa: PLC0415

    from psycopg import errors, sql  # noqa: PLC0415

    with suppress(errors.DependentObjectsStillExist):
        session.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))


def settings(session: psycopg.Connection) -> dict[str, str]:
    """Return every setting of the server, worded as SHOW does (`deadlock_timeout`: `1s`)."""
    rows = session.execute("SELECT name, current_setting(name, true) FROM pg_settings").fetchall()
    return {str(name): str(value) for name, value in rows}
