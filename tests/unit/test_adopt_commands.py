"""What `aegisgen adopt` makes of command lines that people write."""

from __future__ import annotations

import pytest

from aegisgen.adopt.shell import read_script, script_of
from aegisgen.adopt.tooling import tooling_of
from aegisgen.adopt.tools import call_of

HOST = {"host": "DB_HOST", "port": "DB_PORT", "user": "DB_USER", "name": "DB_NAME"}
NODE_PING = (
    "const [port, host] = [process.env.DB_PORT, process.env.DB_HOST]; "
    'require("net").connect(port || 5432, host).on("connect", () => process.exit(0)).on("error", () => process.exit(1))'
)


@pytest.mark.parametrize(
    ("words", "tool", "role"),
    [
        ("pnpm run db:migrate", "script", "migrate"),
        ("npm run db:migrate:status", "script", "status"),
        ("yarn db:rollback", "script", "rollback"),
        ("pnpm -s run db:ping", "script", "ping"),
        ("npm run build", "script", ""),
        ("npx knex migrate:latest --knexfile k.js", "knex", "migrate"),
        ("./node_modules/.bin/knex migrate:list", "knex", "status"),
        ("npx --no-install prisma migrate deploy", "prisma", "migrate"),
        ("pnpm exec prisma migrate status", "prisma", "status"),
        ("yarn prisma migrate deploy", "prisma", "migrate"),
        ("prisma generate", "prisma", ""),
        ("alembic upgrade head", "alembic", "migrate"),
        ("python -m alembic -c a.ini upgrade heads", "alembic", "migrate"),
        ("poetry run alembic current", "alembic", "status"),
        ("python3.12 manage.py migrate --noinput", "django", "migrate"),
        ("python manage.py migrate --check", "django", "verify"),
        ("./manage.py showmigrations", "django", "status"),
        ("python manage.py collectstatic", "django", ""),
        ("flyway -url=jdbc:x migrate", "flyway", "migrate"),
        ("liquibase --changelog-file=c.xml update", "liquibase", "migrate"),
        ("/migrate -path /m -database $URL up", "golang-migrate", "migrate"),
        ("migrate", "command", ""),
        ("gosu app bundle exec rails db:migrate", "command", "migrate"),
        ("env RAILS_ENV=production bin/rails db:migrate", "command", "migrate"),
        ("npx sequelize-cli db:migrate", "command", "migrate"),
        ("dotnet ef database update", "command", "migrate"),
        ("nc -z db 5432", "", "wait"),
        ("/wait-for-it.sh db:5432", "", "wait"),
        ("curl -X POST https://hooks.example.com", "", "notify"),
        ("node server.js", "command", ""),
    ],
)
def test_a_command_is_known_by_its_words(words, tool, role) -> None:
    call = call_of(words.split())
    assert (call.tool, call.role) == (tool, role)


def commands(script: str) -> list[tuple[str, int]]:
    return [(" ".join(command.words), command.line) for command in read_script(script).commands]


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("a b && c; d | e", [("a b", 0), ("c", 0), ("d", 0), ("e", 0)]),
        ("# a comment\na 'b c' # another\n\nd", [("a b c", 1), ("d", 3)]),
        ("a \\\n  b\nc", [("a b", 0), ("c", 2)]),
        ('a "b\nc" d\ne', [("a b\nc d", 0), ("e", 2)]),
        ("a > /tmp/x 2>&1\nb < c", [("a", 0), ("b", 1)]),
        ("exec a b", [("a b", 0)]),
        ("X=1 a b", [("env X=1 a b", 0)]),
        ("for i in 1 2; do a; done; b", [("a", 0), ("b", 0)]),
        ("", []),
    ],
)
def test_a_script_is_read_command_by_command(script, found) -> None:
    assert commands(script) == found


def test_loops_wait_and_conditions_are_remembered() -> None:
    script = read_script("until pg_isready; do sleep 1; done\nif [ -f x ]; then a; fi\nb || c\ncd /app && d")
    kinds = {" ".join(each.words): (each.waiting, each.conditional, each.cwd) for each in script.commands}
    assert kinds["pg_isready"][0]
    assert kinds["a"][1]
    assert not kinds["b"][1]
    assert kinds["c"][1]
    assert kinds["d"] == (False, False, "/app")


def test_what_is_beyond_this_reader_is_said() -> None:
    script = read_script("a\nb $(date)\nc 'never closed")
    assert [" ".join(each.words) for each in script.commands] == ["a"]
    assert [line for line, _ in script.unread] == [1, 2]


@pytest.mark.parametrize(
    ("container", "words"),
    [
        ({"command": ["sh", "-c", "a b"]}, ["a b"]),
        ({"command": ["/bin/bash"], "args": ["-euo", "pipefail", "-c", "a\nb"]}, ["a", "b"]),
        ({"command": ["tini", "--", "sh", "-ec", "a"]}, ["a"]),
        ({"command": ["a", "-c", "b"]}, ["a -c b"]),
        ({"command": ["migrate", "-database", "$(URL)", "up"]}, ["migrate -database ${URL} up"]),
        ({"args": ["a"]}, ["a"]),
        ({}, []),
    ],
)
def test_command_and_args_are_one_line(container, words) -> None:
    assert [" ".join(command.words) for command in script_of(container).commands] == words


def tooling(script: str | list[str], *, parts=HOST, packages=(), **container) -> tuple[dict, list[str], list[str]]:
    command = ["sh", "-ec", script] if isinstance(script, str) else script
    made = tooling_of({"command": command, "image": "x", **container}, parts, frozenset(packages))
    return made.migrations, [what for _, what in made.lost], list(made.remarks)


def test_package_scripts_are_named_where_they_differ() -> None:
    made, lost, remarks = tooling("npm run db:ping && npm run db:migrate:prod && npm run db:migrate:status")
    assert made == {"tool": "knex", "packageManager": "npm", "scripts": {"migrate": "db:migrate:prod"}}
    assert (lost, remarks) == ([], [])


def test_what_a_script_never_did_is_not_made_up() -> None:
    made, _, remarks = tooling("pnpm run migrate")
    assert made == {
        "tool": "knex",
        "packageManager": "pnpm",
        "scripts": {"migrate": "migrate"},
        "commands": {"status": ["true"], "ping": ["node", "-e", NODE_PING]},
    }
    assert remarks == ["nothing lists what is pending: put the command into migrations.commands.status"]


def test_options_of_a_package_manager_are_kept() -> None:
    made, _, _ = tooling("pnpm --filter api run db:ping; pnpm --filter api run db:migrate")
    assert made["commands"]["migrate"] == ["pnpm", "--filter", "api", "run", "db:migrate"]
    assert "packageManager" not in made


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("alembic upgrade head", {"tool": "alembic"}),
        ("python manage.py migrate --noinput", {"tool": "django"}),
        ("flyway migrate", {"tool": "flyway"}),
        ("liquibase update", {"tool": "liquibase"}),
        ('migrate -path db/migrations -database "$DB_URL" up', {"tool": "golang-migrate", "path": "db/migrations"}),
    ],
)
def test_what_the_preset_says_is_not_said_again(script, expected) -> None:
    assert tooling(script, parts={**HOST, "url": "DB_URL"})[0] == expected


def test_other_commands_of_a_tool_are_called_as_its_migration_is() -> None:
    made, _, _ = tooling("poetry run alembic -c conf/a.ini upgrade head")
    prefix = ["poetry", "run", "alembic", "-c", "conf/a.ini"]
    current = "poetry run alembic -c conf/a.ini current"
    assert made["commands"] == {
        "ping": ["sh", "-c", f"{current} || {current} 2>&1 | grep -F 'locate revision'"],
        "status": [*prefix, "current"],
        "migrate": [*prefix, "upgrade", "head"],
        "rollback": [*prefix, "downgrade", "-1"],
    }


def test_variables_in_words_are_expanded_by_a_shell() -> None:
    made, _, _ = tooling(["migrate", "-path", "/migrations", "-database", "$(DB_URL)", "up"], parts={"url": "DB_URL"})
    assert made["commands"]["migrate"] == ["sh", "-c", 'migrate -path /migrations -database "${DB_URL}" up']
    assert made["commands"]["ping"][2].startswith('migrate -path /migrations -database "${DB_URL}" version 2>&1 | grep')


@pytest.mark.parametrize("how", ["cd", "workingDir"])
def test_the_folder_is_kept(how) -> None:
    script = "cd /srv/app\nalembic upgrade head" if how == "cd" else "alembic upgrade head"
    made, _, _ = tooling(script, **({} if how == "cd" else {"workingDir": "/srv/app"}))
    assert made["commands"]["migrate"] == ["sh", "-c", 'cd /srv/app && exec "$@"', "sh", "alembic", "upgrade", "head"]


def test_several_migrations_are_sets() -> None:
    made, lost, _ = tooling("npm run db:migrate && npm run db:migrate:billing")
    assert made["tool"] == "command"
    assert [(each["name"], each["commands"]["migrate"]) for each in made["sets"]] == [
        ("set-1", ["npm", "run", "db:migrate"]),
        ("billing", ["npm", "run", "db:migrate:billing"]),
    ]
    assert lost == []


def test_commands_without_a_word_in_profiles_are_lost_and_shown() -> None:
    _, lost, _ = tooling("npm run db:migrate\nnpm run db:seed\ncurl -d done https://chat.example.com")
    assert lost == [
        "a command that profiles have no word for: npm run db:seed",
        "a message is sent: curl -d done https://chat.example.com; see `notifications`",
    ]


def test_a_secret_in_a_lost_command_is_not_shown() -> None:
    _, lost, _ = tooling("npm run db:migrate\nseed --password=tr0ub4dor")
    assert lost == ["a command that profiles have no word for: (not shown: it seems to hold a secret)"]


@pytest.mark.parametrize(
    ("script", "parts", "packages", "lock"),
    [
        ("npx prisma migrate deploy", {"url": "DATABASE_URL"}, [], {"runtime": "none"}),
        ("npx prisma migrate deploy", {"url": "DATABASE_URL"}, ["pg", "prisma"], None),
        ("alembic upgrade head", HOST, [], None),
        ("alembic upgrade head", {}, [], {"runtime": "none"}),
        ("npm run db:migrate", {}, [], {"enabled": False}),
        ("cd api && npm run db:migrate", HOST, [], {"directory": "api"}),
        ("cd /app && npm run db:migrate", HOST, [], {"module": "/app/node_modules/pg"}),
        ("bin/rails db:migrate", HOST, [], {"runtime": "none"}),
        ("flyway migrate", {}, [], None),
    ],
)
def test_the_lock_is_taken_where_it_can_be_held_for_certain(script, parts, packages, lock) -> None:
    assert tooling(script, parts=parts, packages=packages)[0].get("lock") == lock


def test_an_image_whose_entrypoint_is_the_tool_needs_no_command() -> None:
    made = tooling_of({"image": "flyway/flyway:11", "args": ["-connectRetries=60", "migrate"]}, {}, frozenset())
    assert made.migrations["commands"]["migrate"] == ["flyway", "-connectRetries=60", "migrate"]
    assert made.migrations["commands"]["status"] == ["flyway", "-connectRetries=60", "info"]
