"""What the containers run: a script of the component `migration-runner`, and the arguments that a manifest gives it.

The scripts know no service. Their arguments are lines of NAME=VALUE, which each script's head explains.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from zlib import crc32

from aegisgen.profile.agreement.rollback import automatic, records
from aegisgen.profile.migrations import Migrations, MigrationSet
from aegisgen.profile.steps.rollback import Rollback
from aegisgen.profile.target import Target
from aegisgen.profile.types import milliseconds, seconds
from aegisgen.record import Record, replace
from aegisgen.tools import EXEC, TOOLS

# With a way back for everybody else: without it, an ALTER TABLE queues behind a long reader, and all others behind it.
_TABLE_WAIT = "2s"
# What begins a tool's text that is more than the words of one command.
_SCRIPT = "sh: "


class Steps(Record):
    """The commands of one set of migrations, as text for a POSIX shell; None: there is none."""

    name: str
    """Empty for the only set."""
    status: str
    migrate: str
    rollback: str | None
    verify: str | None


class Run(Record):
    """What a container runs: `/bin/sh SCRIPT ARGUMENT...`."""

    script: str
    arguments: list[str]


def migration_run(target: Target) -> Run:
    """Return what migrates: the commands of each set under a lock, recorded where the profile says so."""
    recorded = records(target)
    arguments = [f"ping={ping(target)}"]
    for migrations, steps in zip(_sets(target), sets(target), strict=True):
        arguments += [*_set(steps), f"status={steps.status}", f"migrate={steps.migrate}", *_verify(target, steps)]
        arguments += _compared(target, migrations)
        arguments += _recorded(target, migrations) if recorded or _compares(target) else []
    arguments += [*_common(target), *_demands(target), *_sessions(target)]
    return Run("run.sh", [*arguments, *(["record=yes", *identity(target)] if recorded else [])])


def unrecorded_run(target: Target) -> Run:
    """Return what migrates without a record: what is read only, or a copy."""
    return migration_run(replace(target, settings=replace(target.settings, rollback=Rollback())))


def rollback_runs(target: Target) -> dict[str, Run]:
    """Return what each of the rollback's Jobs runs; nothing where there is no rollback."""
    if not automatic(target):
        return {}
    record = [*_log(target), *identity(target), *_variables(target)]
    work = [f"ping={ping(target)}"]
    for migrations, steps, down in zip(_sets(target), sets(target), _downs(target), strict=True):
        work += [*_set(steps), f"down={down}", *_recorded(target, migrations)]
    work += [*_common(target), *identity(target)]
    return {
        "baseline": Run("record.sh", ["open", *record]),
        "rollout": Run("record.sh", ["rollout", *record]),
        "confirm": Run("record.sh", ["confirm", *record]),
        "approve": Run("record.sh", ["approve", *record]),
        "automatic": Run("rollback.sh", ["which=open", f"after={target.settings.rollback.after}", *work]),
        "manual": Run("rollback.sh", ["which=newest", *work]),
    }


def _set(steps: Steps) -> list[str]:
    return [f"set={steps.name}"] if steps.name else []


def _verify(target: Target, steps: Steps) -> list[str]:
    if steps.verify:
        return [f"verify={steps.verify}"]
    tool = TOOLS[target.settings.migrations.tool]
    return [*(f"done={text}" for text in tool.done), *(f"pending={text}" for text in tool.pending)]


def _common(target: Target) -> list[str]:
    """Return how long to wait, the log's format, and the lock."""
    migrations = target.settings.migrations
    lock, runtime = migrations.lock, lock_runtime(migrations)
    arguments = [*_log(target), f"wait={seconds(migrations.wait)}", f"lock={runtime}"]
    if runtime != "none":
        arguments.append(f"lock-key={' '.join(map(str, lock_key(lock.name)))}")
        arguments.append(f"lock-timeout={seconds(lock.timeout)}")
        arguments += [f"lock-table={table}" for table in lock_tables(migrations)]
    return arguments + (_variables(target) if runtime != "none" or records(target) else [])


def _log(target: Target) -> list[str]:
    return ["log=json"] if target.settings.migrations.log == "json" else []


def _variables(target: Target) -> list[str]:
    """Return where the database's address is, and the client that the image has for it."""
    lock, env = target.settings.migrations.lock, target.settings.database.env
    names = {name: getattr(env, name) for name in env.__struct_fields__}
    arguments = ["variables=" + " ".join(f"{name}:{value}" for name, value in names.items() if value)]
    named = {"module": lock.module, "directory": lock.directory}
    return arguments + [f"{name}={value}" for name, value in named.items() if value]


def identity(target: Target) -> list[str]:
    """Return what a run is about."""
    names = {"environment": target.environment, "service": target.service, "namespace": target.namespace}
    return [*(f"{name}={value}" for name, value in names.items()), f"image={target.image}"]


def _recorded(target: Target, migrations: Migrations | MigrationSet) -> list[str]:
    table = quoted(bookkeeping_table(target.settings.migrations, migrations))
    folder = target.settings.rollback.directory or migrations.path
    return [f"table={table}", *([f"folder={folder}"] if folder else [])]


def _compares(target: Target) -> bool:
    """Return whether the program that holds the lock compares what is recorded with what the image has."""
    migrations = target.settings.migrations
    return lock_runtime(migrations) != "none" and TOOLS[migrations.tool].names != ""


def _compared(target: Target, migrations: Migrations | MigrationSet) -> Iterator[str]:
    """Yield how the names of a set's migrations are known: those recorded, those of the image, or what is ahead."""
    tool, settings = TOOLS[target.settings.migrations.tool], target.settings.migrations
    if _compares(target):
        yield f"recorded={tool.names.format(table=quoted(bookkeeping_table(settings, migrations)))}"
    if _compares(target) and tool.newest_only:
        yield "newest-only=yes"
    for name, text in {"listing": tool.listing if _compares(target) else "", "compare": tool.compare}.items():
        if text:
            yield f"{name}={_fill(target, text, settings, migrations)}"


def _demands(target: Target) -> Iterator[str]:
    """Yield what the database and the image must have of each other."""
    migrations = target.settings.migrations
    if migrations.database_ahead == "refuse":
        yield "database-ahead=refuse"
    if migrations.minimum:
        yield f"minimum={migrations.minimum}"


def _sessions(target: Target) -> Iterator[str]:
    """Yield how the tool's sessions are named, and how long their statements may wait for a table (milliseconds)."""
    migrations, url = target.settings.migrations, target.settings.database.env.url
    if migrations.lock.hidden_sessions == "allow":
        yield "hidden-sessions=allow"
    if TOOLS[migrations.tool].named_by_url and lock_runtime(migrations) != "none" and url:
        yield f"session-url={url}"
    if wait := table_wait(migrations):
        yield f"table-lock-timeout={wait}"
        yield f"table-lock-tries={migrations.lock_tries}"


def table_wait(migrations: Migrations) -> int:
    """Return how long a statement may wait for a table, in milliseconds; 0: as long as it takes."""
    usual = _TABLE_WAIT if TOOLS[migrations.tool].lock_timeout else "off"
    return milliseconds(migrations.lock_timeout or usual)


def _sets(target: Target) -> list[Migrations | MigrationSet]:
    migrations = target.settings.migrations
    return [*migrations.sets] or [migrations]


def _downs(target: Target) -> list[str]:
    """Return for each set the command that takes back the migration whose name follows."""
    rollback, migrations = target.settings.rollback, target.settings.migrations
    if migrations.sets:
        return [shlex.join(rollback.downs[one.name]) for one in migrations.sets]
    usual = (TOOLS[migrations.tool].take_back or "").format(exec=EXEC[migrations.package_manager])
    return [shlex.join(rollback.down) if rollback.down else usual]


def bookkeeping_table(migrations: Migrations, one: Migrations | MigrationSet) -> str:
    """Return the table in which a set's migrations are recorded, as the profile or the tool names it."""
    return one.table or TOOLS[migrations.tool].tables[0]


def quoted(table: str) -> str:
    """Quote a table's name, with or without its schema, for SQL."""
    return ".".join(f'"{part}"' for part in table.split("."))


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
        lock_timeout=table_wait(migrations),
        path=shlex.quote(path or "."),
    )
    filled = filled.replace("  ", " ")  # where there is no folder to name
    return f"sh -c {shlex.quote(filled.removeprefix(_SCRIPT))}" if filled.startswith(_SCRIPT) else filled


def lock_key(name: str) -> list[int]:
    """Return the two 32-bit numbers that PostgreSQL knows the lock by; the first is the same for all of aegisgen's."""
    return [crc32(text.encode()) - 2**31 for text in ("aegisgen", name)]
