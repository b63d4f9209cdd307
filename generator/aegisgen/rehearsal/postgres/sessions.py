"""What is asked of any server by SQL: databases and roles that come and go."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import NamedTuple

import psycopg
from psycopg import errors, sql

CONNECT_SECONDS = 10
# Whoever holds aegisgen's lock, looks after the rehearsal or copies the schema does not migrate.
NOT_MIGRATING = re.compile(r"aegisgen|.*-holder|pg_dump|pg_isready")
"""The names of applications that the log tells of and that migrate nothing."""
_QUIET = "-c log_statement=none -c log_duration=off -c log_min_error_statement=panic -c log_min_messages=panic"


class Login(NamedTuple):
    """Where a session connects to, and as whom."""

    host: str
    port: int
    user: str
    password: str
    database: str


def connect(login: Login, *, quiet: bool = False) -> psycopg.Connection:
    """Open a session in autocommit mode; a `quiet` one writes nothing to the server's log, and is a superuser's.

    Raises psycopg.OperationalError.
    """
    return psycopg.connect(
        host=login.host,
        port=login.port,
        user=login.user,
        password=login.password,
        dbname=login.database,
        autocommit=True,
        connect_timeout=CONNECT_SECONDS,
        application_name="aegisgen",
        options=_QUIET if quiet else "",
    )


def create_role(session: psycopg.Connection, role: str, password: str, *, superuser: bool = False) -> None:
    """Make the role, or give the one that is there this password."""
    rest = sql.SQL("ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), sql.Literal(password))
    if superuser:
        rest += sql.SQL(" SUPERUSER")
    try:
        session.execute(sql.SQL("CREATE ") + rest)
    except (errors.DuplicateObject, errors.UniqueViolation):
        session.execute(sql.SQL("ALTER ") + rest)


def create_group(session: psycopg.Connection, role: str) -> bool:
    """Make a role that cannot log in; return False where there is one of that name or the name is PostgreSQL's own."""
    try:
        session.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(role)))
    except (errors.DuplicateObject, errors.UniqueViolation, errors.ReservedName):
        return False
    return True


def give_all(session: psycopg.Connection, giver: str, taker: str) -> None:
    """Let everything in the session's database that belongs to one role belong to another."""
    session.execute(sql.SQL("REASSIGN OWNED BY {} TO {}").format(sql.Identifier(giver), sql.Identifier(taker)))


def is_empty(session: psycopg.Connection, table: str) -> bool:
    """Whether the table, quoted where its name needs it, has no row."""
    row = session.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(sql.SQL(table))).fetchone()
    return bool(row and not row[0])


def join_role(session: psycopg.Connection, role: str) -> None:
    """Let the session's user make and drop what belongs to the role, which a superuser may anyway."""
    if session.info.parameter_status("is_superuser") != "on":
        session.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(role)))


def create_database(session: psycopg.Connection, name: str, owner: str, template: str = "template0") -> None:
    """Make a database: empty, or the copy of another, whose sessions are cut first."""
    if template != "template0":
        session.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (template,))
    text = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}")
    session.execute(text.format(*map(sql.Identifier, (name, owner, template))))


def drop_database(session: psycopg.Connection, name: str) -> None:
    """Cut the database's sessions and drop it."""
    session.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def drop_role(session: psycopg.Connection, role: str) -> None:
    """Drop the role unless something still belongs to it."""
    with suppress(errors.DependentObjectsStillExist):
        session.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))
