"""Which variables tell an application where its database is, and the rehearsal's own values for them.

A tree says `production-aegisx-postgres:5432`; its containers are to reach the server of the rehearsal. What a variable
is for is told by its name, or by the key of the ConfigMap or Secret that it is read from: those of the profile, and the
usual ones below. A host of the pod's own (127.0.0.1) stays: that is a sidecar.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import chain
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from aegisgen.rehearsal.postgres.sessions import Login

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_PREFIX = r"(?:APP_|TYPEORM_|KNEX_|SPRING_|DJANGO_)?(?:DATABASE|DB|POSTGRES|POSTGRESQL|PG|TYPEORM|KNEX)_?"
_USUAL = {
    "host": rf"{_PREFIX}(?:HOST|HOSTNAME|SERVER)",
    "port": rf"{_PREFIX}PORT",
    "user": rf"{_PREFIX}(?:USER|USERNAME)|LIQUIBASE_COMMAND_USERNAME|FLYWAY_USER|SPRING_DATASOURCE_USERNAME",
    "name": rf"{_PREFIX}(?:NAME|DB|DATABASE|DBNAME)|POSTGRES_DB",
    "password": rf"{_PREFIX}(?:PASSWORD|PASS|PASSWD)|LIQUIBASE_COMMAND_PASSWORD|FLYWAY_PASSWORD"
    r"|SPRING_DATASOURCE_PASSWORD",
    "url": rf"{_PREFIX}(?:URL|URI|DSN)|LIQUIBASE_COMMAND_URL|FLYWAY_URL|SPRING_DATASOURCE_URL|PRISMA_DATABASE_URL",
}
_PATTERNS = {role: re.compile(pattern + r"\Z") for role, pattern in _USUAL.items()}
_JDBC = "jdbc:"


class Value(NamedTuple):
    """A variable's value, and the key of the ConfigMap or Secret that it was read from."""

    text: str
    key: str = ""


class Names(NamedTuple):
    """What the profile says: the variable for each role; empty where nothing is known beyond the usual names."""

    roles: Mapping[str, str] = {}
    direct: Mapping[str, str] = {}
    """The server's own address, where the application's is a pooler's: what the variable of a role has then.

    For a URL that is the Secret's key.
    """

    def is_direct(self, env: Mapping[str, Value]) -> bool:
        """Whether an environment has the server's own address."""
        roles = ((self.role(variable, value.key), value) for variable, value in env.items())
        return any(self.direct.get(role) in {value.text, value.key} for role, value in roles if role in self.direct)

    def role(self, *names: str) -> str:
        """Return what the first known name stands for: host, port, user, name, password, url; empty for none."""
        told = (role for name in names for role, variable in self.roles.items() if name == variable)
        usual = (role for name in names for role, pattern in _PATTERNS.items() if pattern.match(name))
        return next(chain(told, usual), "")


def wish(env: Mapping[str, Value], names: Names) -> tuple[str, str] | None:
    """Return the user and the database that an environment names; None where it names no host of a database."""
    told = {role: value.text for variable, value in env.items() if (role := names.role(variable, value.key))}
    if told.get("url"):
        parts = urlsplit(told["url"].removeprefix(_JDBC))
        if parts.hostname not in _LOOPBACK:
            user, name = unquote(parts.username or ""), unquote(parts.path.strip("/"))
            return user or told.get("user", ""), name or told.get("name", "")
    if not told.get("host") or told["host"] in _LOOPBACK:
        return None
    return told.get("user", ""), told.get("name", "")


def readdress(env: Mapping[str, Value], login: Login, names: Names, sidecar_port: int | None = None) -> dict[str, str]:
    """Return the environment with the rehearsal's database in it.

    `sidecar_port` is where a PostgreSQL of the pod's own listens.
    """
    roles = {variable: names.role(variable, value.key) for variable, value in env.items()}
    hosts = {env[variable].text for variable, role in roles.items() if role == "host"}
    if hosts and hosts <= set(_LOOPBACK):
        ports = {variable: str(sidecar_port) for variable, role in roles.items() if role == "port" and sidecar_port}
        return {variable: ports.get(variable, value.text) for variable, value in env.items()}
    ours = {
        "host": login.host,
        "port": str(login.port),
        "user": login.user,
        "name": login.database,
        "password": login.password,
    }
    return {
        variable: _url(value.text, login) if roles[variable] == "url" else ours.get(roles[variable], value.text)
        for variable, value in env.items()
    }


def _url(text: str, login: Login) -> str:
    """Keep the scheme and the options of a URL, and replace all that says where."""
    jdbc = text.startswith(_JDBC)
    try:
        parts = urlsplit(text.removeprefix(_JDBC))
        local = parts.hostname in _LOOPBACK
    except ValueError:
        return text
    if local:
        return text
    scheme = parts.scheme if "postgres" in parts.scheme or "psycopg" in parts.scheme else "postgresql"
    place = f"{login.host}:{login.port}"
    if not jdbc:  # JDBC's has the user in variables of its own
        place = f"{quote(login.user, safe='')}:{quote(login.password, safe='')}@{place}"
    return (_JDBC if jdbc else "") + urlunsplit((scheme, place, "/" + quote(login.database, safe=""), parts.query, ""))
