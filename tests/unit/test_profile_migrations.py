"""What is wrong with what a profile says of migrations is said with its position, its reason and what was expected."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tests.conftest import Cli
from tests.steps import migrate_with


@pytest.fixture
def render(project: Path, cli: Cli):
    """Render production with other `migrations` (and `database`) of the project's."""

    def rendered(migrations: str, database: str = "{}") -> tuple[int, str, str]:
        migrate_with(project, yaml.safe_load(migrations), **yaml.safe_load(database))
        return cli("render", "production", "--stdout")

    return rendered


COMMANDS = "commands: {ping: [a], status: [b], migrate: [c]}"
SET = "{name: a, table: t, scripts: {migrate: m}}"


@pytest.mark.parametrize(
    ("migrations", "field", "expected"),
    [
        ("{tool: kenx}", "tool", "did you mean 'knex'?"),
        ("{tool: command}", "commands.ping", "missing, expected a command's words"),
        ("{tool: command, commands: {ping: [a], migrate: [c]}}", "commands.status", "missing, expected a command's words"),
        ("{tool: command, " + COMMANDS + "}", "lock.runtime", "missing, expected node or python"),
        ("{tool: command, sets: [{name: a}], commands: {ping: [a]}}", "sets.0.commands.status", "missing, expected a command's words"),
        ("{tool: command, commands: {ping: [], status: [b], migrate: [c]}}", "commands.ping", "expected a command's words"),
        ("{tool: command, commands: {ping: ['$(HOME)'], status: [b], migrate: [c]}}", "commands.ping.0", "one word of a command, on one line, without $( and $$"),
        ("{tool: command, commands: {ping: [a], status: ['$$'], migrate: [c]}}", "commands.status.0", "without $( and $$"),
        ("{tool: django, scripts: {migrate: m}}", "scripts", "belongs to knex, but the tool here is django; remove it"),
        ("{tool: alembic, packageManager: npm}", "packageManager", "belongs to knex or prisma, but the tool here is alembic"),
        ("{tool: flyway, table: t}", "table", "belongs to knex, but the tool here is flyway"),
        ("{tool: flyway, sets: [{name: a}]}", "sets", "belongs to knex or command, but the tool here is flyway"),
        ("{tool: flyway, lock: {module: pg}}", "lock.module", "belongs to the runtime node, but the lock's runtime here is none"),
        ("{tool: golang-migrate, path: m}", "database.env.url", "which golang-migrate needs"),
        ("{tool: prisma}", "database.env.url", "which prisma needs"),
        ("{lock: {runtime: python}}", "lock.runtime", "python is not supported with knex, expected node, or lock.enabled: false"),
        ("{lock: {runtime: none}}", "lock.runtime", "none is not supported with knex, expected node, or lock.enabled: false"),
        ("{lock: {timeout: 30m}}", "lock.timeout", "expected time left to migrate"),
        ("{lock: {timeout: 0s}}", "lock.timeout", "expected a duration such as"),
        ("{lock: {name: 'a b'}}", "lock.name", "expected a lock's name"),
        ("{lock: {directory: ../api}}", "lock.directory", "without '..'"),
        ("{wait: 30m}", "wait", "not shorter than job.deadline"),
        ("{log: xml}", "log", "expected json or text"),
        ("{lockTable: 'a; DROP TABLE b'}", "lockTable", "expected a table, such as"),
        ("{path: m, sets: [" + SET + "]}", "path", "belongs to each of the sets"),
        ("{scripts: {migrate: m}, sets: [" + SET + "]}", "scripts.migrate", "belongs to each of the sets"),
        ("{sets: [" + SET + ", {name: a, table: u, scripts: {migrate: n}}]}", "sets.1.name", "is the set a's as well"),
        ("{sets: [" + SET + ", {name: b, table: t, scripts: {migrate: n}}]}", "sets.1.table", "t is the set a's as well"),
        ("{sets: [" + SET + ", {name: b, table: u, lockTable: t_lock, scripts: {migrate: n}}]}", "sets.1.lockTable", "t_lock is the set a's"),
        ("{sets: [" + SET + ", {name: b, table: u, scripts: {migrate: m}}]}", "sets.1.scripts.migrate", "m is the set a's as well"),
        ("{sets: [{name: a, scripts: {ping: x}}]}", "sets.0.scripts.ping", "unknown field"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_an_error_at_its_place(render, migrations: str, field: str, expected: str) -> None:
    code, out, err = render(migrations)
    assert (code, out) == (2, "")
    place = f"services.api.{field if field.startswith('database') else f'migrations.{field}'}: "
    (line,) = [line for line in err.splitlines() if place in line]
    assert line.startswith("argocd/aegisgen.yaml:")
    assert expected in line


@pytest.mark.parametrize(
    ("database", "expected"),
    [
        ("{env: {host: PGHOST}}", "database.env.host: PGHOST is no key of database.config or database.secret"),
        (
            "{env: {url: DATABASE_URL}}",
            "database.env.url: DATABASE_URL is no key of database.config or database.secret",
        ),
    ],
)
def test_the_lock_must_be_able_to_find_the_database(render, database: str, expected: str) -> None:
    code, _, err = render("{tool: knex}", database)
    assert code == 2
    assert expected in err


@pytest.mark.parametrize(
    ("migrations", "command"),
    [
        ("{packageManager: npm, scripts: {migrate: m}}", "npm run m"),
        ("{tool: flyway, path: db/sql, lock: {timeout: 2m}}", "flyway -locations=filesystem:db/sql -lockRetryCount=120 -initSql=''SET lock_timeout = 2000'' migrate"),
        ("{tool: liquibase}", "migrate=liquibase update"),
        ("{tool: alembic}", "migrate=alembic upgrade heads"),
        ("{tool: django}", "migrate=python manage.py migrate --noinput"),
        ("{tool: django, commands: {migrate: [./manage.py, \"it's\"]}}", "migrate=./manage.py ''it''\"''\"''s''"),
        ("{tool: command, " + COMMANDS + ", lock: {enabled: false}}", "migrate=c"),
        ("{sets: [" + SET + ", {name: b, table: u, scripts: {migrate: n}}]}", "- 'lock-table=\"t_lock\"'\n            - 'lock-table=\"u_lock\"'"),
        ("{lockTable: own.locked}", "- 'lock-table=\"own\".\"locked\"'"),
    ],
)  # fmt: skip
def test_each_tool_is_called_by_its_preset_unless_the_profile_says_otherwise(
    render, migrations: str, command: str
) -> None:
    code, out, err = render(migrations)
    assert code == 0, err
    assert command in out


def test_a_database_url_takes_the_place_of_the_other_variables(render) -> None:
    database = "{config: {keys: []}, secret: {keys: [DATABASE_URL]}, env: {url: DATABASE_URL}}"
    code, out, err = render("{tool: golang-migrate, path: db/it's}", database)
    assert code == 0, err
    assert '-database "$DATABASE_URL" -lock-timeout 600 up' in out
