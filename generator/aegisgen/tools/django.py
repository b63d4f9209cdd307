"""Django's migrations."""

from __future__ import annotations

from aegisgen.tools.tool import Called, Role, Shell, Tool, Written


def _others(called: Called) -> dict[Role, list[str] | Shell]:
    return {
        "ping": [*called.prefix, "showmigrations", "--verbosity", "0"],
        "status": [*called.prefix, "showmigrations"],
        "verify": [*called.prefix, "migrate", "--check"],
    }


def _usual(called: Called) -> dict[str, object] | None:
    usual = called.prefix == ["python", "manage.py"] and set(called.rest) <= {"--noinput", "--no-input"}
    return {} if usual else None


TOOL = Tool(
    title="Django",
    ping="python manage.py showmigrations --verbosity 0",
    status="python manage.py showmigrations",
    migrate="python manage.py migrate --noinput",
    verify="python manage.py migrate --check",
    mark_done="python manage.py migrate --fake APP NAME",
    lock="python",
    locking="not at all",
    tables=("django_migrations",),
    names="SELECT app || '.' || name FROM {table} ORDER BY id",
    listing=r'python manage.py showmigrations --plan | sed -nE "s/^\[[X ]\] +([^ ]+).*$/\1/p"',
    lock_timeout="PGOPTIONS",
    # django/db/migrations/recorder.py
    shipped=r"/migrations/\d+\w*\.py$",
    written=(
        Written("insert", "app name applied", "{app}.{name}"),
        Written("delete", "name app", "{app}.{name}", event="reverts"),
    ),
    recorded=("app name applied", "app || '.' || name, NULL, applied"),
    says_failed=r"Applying (\S+?)\.\.\.(?! ?OK)",
    file=lambda name: f"{name.replace('.', '/migrations/', 1)}.py",
    files=("manage.py",),
    program="django-admin",
    modules=("django", "manage.py"),
    roles=((("migrate",), "migrate"), (("showmigrations",), "status")),
    options={"--check": "verify", "--plan": "status"},
    others=_others,
    usual=_usual,
)
