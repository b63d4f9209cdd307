"""What the runner's templates need of a target: its commands as shell text, and its lock."""

from __future__ import annotations

import json
import shlex
from typing import NamedTuple
from zlib import crc32

from aegisgen.profile.migrations import Migrations, MigrationSet
from aegisgen.profile.target import Target
from aegisgen.profile.types import seconds
from aegisgen.render.environment import Templates
from aegisgen.render.notices import notices
from aegisgen.render.record import bookkeeping_table, quoted, recording
from aegisgen.tools import EXEC, TOOLS

# One attempt of the ping must not use up the whole wait; a JVM on a small share of a CPU takes its time.
_ATTEMPT = 20
# What begins a tool's text that is more than the words of one command.
_SCRIPT = "sh: "


class Steps(NamedTuple):
    """The commands of one set of migrations, as text for a POSIX shell; None: there is none."""

    name: str
    """Empty for the only set."""
    status: str
    migrate: str
    rollback: str | None
    verify: str | None

    @property
    def argument(self) -> str:
        """The name behind another word."""
        return f" {self.name}" if self.name else ""


class Runner(NamedTuple):
    """What the container runs: `/bin/sh -c SCRIPT`, or with a lock `/bin/sh -c 'eval "$1"' runner SCRIPT HOLDER`."""

    script: str
    holder: str | None
    """The program that holds the lock while the script runs itself again."""
    runtime: str


def render_runner(target: Target, templates: Templates) -> Runner:
    """Render the runner's script and the program that holds its lock. Raises InputError where a template fails."""
    migrations = target.settings.migrations
    tool = TOOLS[migrations.tool]
    values = locked(target, templates)
    script = templates.render("runner/run.sh.j2", sets=sets(target), tool=tool, **values, **notices(target, templates))
    holder, runtime = None, lock_runtime(migrations)
    if runtime != "none":
        holder = templates.render({"node": "runner/lock.js.j2", "python": "runner/lock.py.j2"}[runtime])
    return Runner(script, holder, runtime)


def locked(target: Target, templates: Templates) -> dict[str, object]:
    """Return the values of `runner/locked.sh.j2`: whatever waits for the database and works under the lock."""
    migrations = target.settings.migrations
    runtime = lock_runtime(migrations)
    commands = [ping(target), *(text for one in sets(target) for text in one[1:] if text)]
    return {
        "ping": commands[0],
        "has_dollars": any("$" in text for text in commands),
        "attempt": min(_ATTEMPT, seconds(migrations.wait)),
        "wait": seconds(migrations.wait),
        "log": migrations.log,
        "runtime": runtime,
        "lock": _lock(target) if runtime != "none" else None,
        "timeout": seconds(migrations.lock.timeout),
        **recording(target, templates),
    }


def lock_runtime(migrations: Migrations) -> str:
    """Return what holds the lock: node, python, or none."""
    if not migrations.lock.enabled:
        return "none"
    return migrations.lock.runtime or TOOLS[migrations.tool].lock or "none"


def ping(target: Target) -> str:
    """Return the command that exits 0 as soon as the database answers."""
    migrations = target.settings.migrations
    if migrations.commands.ping:
        return shlex.join(migrations.commands.ping)
    return _fill(target, TOOLS[migrations.tool].ping, migrations, migrations)


def sets(target: Target) -> list[Steps]:
    """Return the commands of each set of migrations, in the order in which they run."""
    migrations = target.settings.migrations
    if migrations.sets:
        return [_steps(target, one.name, one) for one in migrations.sets]
    return [_steps(target, "", migrations)]


def lock_tables(migrations: Migrations) -> list[str]:
    """Return the tables with the tool's own lock rows, quoted for SQL."""
    if not TOOLS[migrations.tool].lock_table:
        return []
    return [quoted(lock_table(migrations, one)) for one in (migrations.sets or (migrations,))]


def lock_table(migrations: Migrations, one: Migrations | MigrationSet) -> str:
    """Return the table with a set's lock row; the tool derives its name from the bookkeeping table's."""
    return one.lock_table or TOOLS[migrations.tool].lock_table.format(table=bookkeeping_table(migrations, one))


def _steps(target: Target, name: str, one: Migrations | MigrationSet) -> Steps:
    tool, commands = TOOLS[target.settings.migrations.tool], one.commands
    verify = tool.verify
    if one.scripts.verify:
        verify = "{run} " + shlex.quote(one.scripts.verify)

    def command(own: list[str] | object, text: str | None) -> str | None:
        if isinstance(own, list):
            return shlex.join(own)
        return _fill(target, text, target.settings.migrations, one) if text else None

    return Steps(
        name,
        command(commands.status, tool.status) or ":",
        command(commands.migrate, tool.migrate) or ":",
        command(commands.rollback, tool.rollback),
        command(commands.verify, verify),
    )


def _fill(target: Target, text: str, migrations: Migrations, one: Migrations | MigrationSet) -> str:
    tool, path = TOOLS[migrations.tool], one.path or migrations.path
    filled = text.format(
        run=f"{migrations.package_manager} run",
        exec=EXEC[migrations.package_manager],
        ping=shlex.quote(migrations.scripts.ping),
        status=shlex.quote(one.scripts.status),
        migrate=shlex.quote(one.scripts.migrate),
        rollback=shlex.quote(one.scripts.rollback),
        at=shlex.join(word.format(path=path) for word in tool.at.split()) if path else "",
        url=target.settings.database.env.url or "",
        timeout=seconds(migrations.lock.timeout),
    )
    filled = filled.replace("  ", " ")  # where there is no folder to name
    return f"sh -c {shlex.quote(filled.removeprefix(_SCRIPT))}" if filled.startswith(_SCRIPT) else filled


def _lock(target: Target) -> str:
    settings, lock = target.settings, target.settings.migrations.lock
    env = settings.database.env
    names = {name: getattr(env, name) for name in env.__struct_fields__}
    return json.dumps(
        {
            "key": lock_key(lock.name),
            "timeout": seconds(lock.timeout),
            "wait": seconds(settings.migrations.wait),
            "tables": lock_tables(settings.migrations),
            "env": {name: value for name, value in names.items() if value},
            "module": lock.module or "pg",
            "directory": lock.directory or ".",
            "log": settings.migrations.log,
        }
    )


def lock_key(name: str) -> list[int]:
    """Return the two 32-bit numbers that PostgreSQL knows the lock by; the first is the same for all of aegisgen's."""
    return [crc32(text.encode()) - 2**31 for text in ("aegisgen", name)]
