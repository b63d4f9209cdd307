"""Migration tools from their registries, installed once for all sessions, and an application of each with three releases."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.tools import need
from tests.trees import executable, put

ROOT = Path(__file__).resolve().parents[1]
VERSIONS = ROOT / "tests/fixtures/real-tools"
USERS, NOTE, OTHER = (
    "CREATE TABLE users (id int);",
    "ALTER TABLE users ADD note text;",
    "ALTER TABLE users ADD other text;",
)


class Application(NamedTuple):
    """How a service with a tool is described and built."""

    install: Callable[[Path], Mapping[str, str]]
    """Installs the tool into a folder; returns the files of an application, besides its migrations."""
    migration: Callable[[int, str, str], dict[str, str]]
    """Returns the files of a migration, given its number, its name and its statement."""
    says: dict
    """What the project says of `migrations`."""
    recorded: str
    """How the tool records the second migration."""


def installed(tool: str) -> Path:
    """Return the folder of a tool, `bin` in it; skips the test where the registry does not give it."""
    application = TOOLS[tool]
    key = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(VERSIONS.iterdir()))).hexdigest()[:16]
    folder = ROOT / ".tools/real-tools" / key / tool
    # What is installed knows its own path: a folder that an interrupted run left is made anew.
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        put(folder, dict(application.install(folder)) | {"complete": ""})
    return folder


def release(tool: str, folder: Path, *names: str) -> Path:
    """Make an image with some migrations of the three: users, note, other."""
    application, source = TOOLS[tool], installed(tool)
    shutil.copytree(
        source, folder, symlinks=True, ignore=shutil.ignore_patterns("node_modules", "bin", "lib", "venv", "mod")
    )
    if (source / "node_modules").exists():
        (folder / "node_modules").symlink_to(source / "node_modules")
    statements = {"users": USERS, "note": NOTE, "other": OTHER}
    for number, (name, statement) in enumerate(statements.items(), start=1):
        if name in names:
            put(folder, application.migration(number, name, statement))
    return folder


def _run(folder: Path, *command: str, **env: str) -> None:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=900, check=False, env={**os.environ, **env}
    )
    if done.returncode:
        pytest.skip(f"{command[0]} does not give it: {(done.stderr or done.stdout)[-300:]}")


def _pip(folder: Path, *packages: str) -> None:
    _run(folder, "python3", "-m", "venv", "venv")
    pinned = [line for line in (VERSIONS / "requirements.txt").read_text().split() if line.split("==")[0] in packages]
    _run(folder, "venv/bin/pip", "install", "--quiet", *pinned)
    (folder / "bin").mkdir()
    for program in ("python", "python3", "alembic"):
        if (folder / "venv/bin" / program).exists():
            executable(folder / "bin" / program, f'exec {folder}/venv/bin/{program} "$@"')


def _alembic(folder: Path) -> dict[str, str]:
    _pip(folder, "alembic", "sqlalchemy", "psycopg", "psycopg-binary", "typing-extensions", "mako", "markupsafe")
    env = """
import os
from alembic import context
from sqlalchemy import URL, create_engine, pool
env = os.environ
url = URL.create("postgresql+psycopg", env["DATABASE_USER"], env["DATABASE_PASSWORD"], env["DATABASE_HOST"], int(env["DATABASE_PORT"]), env["DATABASE_NAME"],
    query={"application_name": env["HIDE"]} if "HIDE" in env else {})
with create_engine(url, poolclass=pool.NullPool).connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""
    return {"alembic.ini": "[alembic]\nscript_location = migrations\n", "migrations/env.py": env}


def _revision(number: int, name: str, statement: str) -> dict[str, str]:
    before = {1: "None", 2: "'users'", 3: "'users'"}[number]
    text = f"revision, down_revision = {name!r}, {before}\nfrom alembic import op\ndef upgrade(): op.execute({statement!r})\n"
    return {f"migrations/versions/{name}.py": f"{text}def downgrade(): pass\n"}


def _django(folder: Path) -> dict[str, str]:
    _pip(folder, "django", "asgiref", "sqlparse", "psycopg", "psycopg-binary", "typing-extensions")
    settings = """
import os
env = os.environ
SECRET_KEY, USE_TZ, INSTALLED_APPS = "x", True, ["shop"]
DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "HOST": env["DATABASE_HOST"], "PORT": env["DATABASE_PORT"],
    "NAME": env["DATABASE_NAME"], "USER": env["DATABASE_USER"], "PASSWORD": env["DATABASE_PASSWORD"]}}
"""
    manage = "import os, sys\nos.environ['DJANGO_SETTINGS_MODULE'] = 'settings'\nfrom django.core.management import execute_from_command_line\nexecute_from_command_line(sys.argv)\n"
    return {"settings.py": settings, "manage.py": manage, "shop/__init__.py": "", "shop/migrations/__init__.py": ""}


def _operation(number: int, name: str, statement: str) -> dict[str, str]:
    before = "" if number == 1 else "('shop', '0001_users')"
    text = f"from django.db import migrations\nclass Migration(migrations.Migration):\n    dependencies = [{before}]\n"
    return {f"shop/migrations/{number:04}_{name}.py": f"{text}    operations = [migrations.RunSQL({statement!r})]\n"}


def _prisma(folder: Path) -> dict[str, str]:
    need("npm", "node")
    for file in ("package.json", "package-lock.json"):
        shutil.copy(VERSIONS / file, folder)
    _run(folder, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
    (folder / "bin").mkdir()
    # Its own programs come from elsewhere than npm; the engine in WebAssembly needs none of them.
    executable(folder / "bin/none")
    config = """
import { defineConfig } from "prisma/config";
import { PrismaPg } from "@prisma/adapter-pg";
export default defineConfig({
  experimental: { adapter: true }, engine: "js", schema: "prisma/schema.prisma",
  adapter: async () => new PrismaPg({ connectionString: process.env.DATABASE_URL, idleTimeoutMillis: 1 }),
});
"""
    schema = 'datasource db {\n  provider = "postgresql"\n  url = env("DATABASE_URL")\n}\n'
    lock = 'provider = "postgresql"\n'
    return {"prisma.config.ts": config, "prisma/schema.prisma": schema, "prisma/migrations/migration_lock.toml": lock}


def _go(folder: Path, package: str, tags: str) -> dict[str, str]:
    need("go")
    _run(folder, "go", "install", "-tags", tags, package, GOBIN=str(folder / "bin"))
    return {}


def _flyway(folder: Path) -> dict[str, str]:
    need("mvn", "javac")
    shutil.copy(VERSIONS / "pom.xml", folder)
    _run(folder, "mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib")
    (folder / "bin").mkdir()
    _run(folder, "javac", "-cp", "lib/*", "-d", "lib", str(VERSIONS / "Flyway.java"))
    executable(folder / "bin/flyway", f'exec java -cp "{folder}/lib:{folder}/lib/*" Flyway "$@"')
    return {}


TOOLS = {
    "alembic": Application(_alembic, _revision, {"tool": "alembic"}, "note"),
    "django": Application(_django, _operation, {"tool": "django"}, "shop.0002_note"),
    "prisma": Application(
        _prisma,
        lambda number, name, statement: {f"prisma/migrations/{number}_{name}/migration.sql": statement},
        {"tool": "prisma", "packageManager": "npm", "path": "prisma/migrations"},
        "2_note",
    ),
    "golang-migrate": Application(
        lambda folder: _go(folder, "github.com/golang-migrate/migrate/v4/cmd/migrate@v4.19.1", "postgres"),
        lambda number, name, statement: {f"db/{number:06}_{name}.up.sql": statement},
        {"tool": "golang-migrate", "path": "db"},
        "2",
    ),
    "goose": Application(
        lambda folder: _go(
            folder,
            "github.com/pressly/goose/v3/cmd/goose@v3.27.0",
            "no_clickhouse no_mssql no_mysql no_sqlite3 no_ydb no_vertica no_libsql",
        ),
        lambda number, name, statement: {f"db/{number:05}_{name}.sql": f"-- +goose Up\n{statement}\n"},
        {"tool": "goose", "path": "db", "lock": {"runtime": "python"}},
        "2",
    ),
    "flyway": Application(
        _flyway,
        lambda number, name, statement: {f"db/V{number}__{name}.sql": statement},
        {"tool": "flyway", "path": "db"},
        "V2__note.sql",
    ),
}
