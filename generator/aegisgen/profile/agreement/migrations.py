"""What the types of migrations cannot say: fields that need, exclude or contradict each other."""

from __future__ import annotations

from collections.abc import Iterator

from aegisgen.errors import Problem
from aegisgen.profile.layers import Layer, problem, saying
from aegisgen.profile.migrations import Migrations
from aegisgen.profile.target import Target
from aegisgen.profile.types import seconds
from aegisgen.tools import TOOLS

# Which fields each set says for itself.
_OF_SETS = ("path", "table", "lockTable")
_OF_SETS_SCRIPTS = ("status", "migrate", "rollback", "verify")


def problems(target: Target, layers: list[Layer]) -> Iterator[Problem]:
    """Yield everything that is wrong with a service's migrations as they were resolved."""
    migrations = target.settings.migrations
    yield from _tool(target, layers)
    if migrations.sets:
        yield from _sets(migrations, layers)
    yield from _lock(target, layers)
    yield from _database(target, layers)
    if target.settings.strategy == "presync-job":
        yield from _deadline(target, layers)


def _tool(target: Target, layers: list[Layer]) -> Iterator[Problem]:
    migrations = target.settings.migrations
    tool, known = migrations.tool, TOOLS[migrations.tool]
    for field in sorted(frozenset().union(*(other.fields for other in TOOLS.values())) - known.fields):
        if stated := saying(layers, *_path(field)):
            tools = " or ".join(name for name, other in TOOLS.items() if field in other.fields)
            yield problem(stated[-1:], _path(field), f"belongs to {tools}, but the tool here is {tool}; remove it")
    if tool == "command":
        for position in [(), *(("sets", index) for index in range(len(migrations.sets)))]:
            yield from _commands(migrations, layers, position)
    if known.needs_path and not migrations.path:
        yield problem(layers, _path("path"), "missing, expected the folder of the migrations in the image")
    if migrations.lock_timeout and not known.lock_timeout and tool != "command":
        message = f"with {tool} a migration that gave up waiting cannot be tried again; remove it"
        yield problem(layers, _path("lockTimeout"), message)
    if migrations.minimum and (not known.names or (migrations.lock.runtime or known.lock) == "none"):
        message = f"what the image has is not compared with the database for {tool}; remove it"
        yield problem(layers, _path("minimum"), message)
    if known.needs_url and not target.settings.database.env.url:
        message = f"missing, expected the name of the variable with the database's URL, which {tool} needs"
        yield problem(layers, ("database", "env", "url"), message)


def _commands(migrations: Migrations, layers: list[Layer], position: tuple[str | int, ...]) -> Iterator[Problem]:
    """A plain command has no default."""
    owner = migrations.sets[int(position[1])] if position else migrations
    wanted = ["status", "migrate"] if position or not migrations.sets else []
    if not position:
        wanted.insert(0, "ping")
    for name in wanted:
        if not getattr(owner.commands, name):
            message = "missing, expected a command's words: the tool 'command' has no default"
            yield problem(layers, _path(*position, "commands", name), message)


def _sets(migrations: Migrations, layers: list[Layer]) -> Iterator[Problem]:
    own: list[tuple[str, ...]] = [(field,) for field in _OF_SETS]
    own += [(family, name) for family in ("scripts", "commands") for name in _OF_SETS_SCRIPTS]
    for place in own:
        if stated := saying(layers, *_path(*place)):
            yield problem(stated[-1:], _path(*place), "belongs to each of the sets, and there are sets; say it there")
    tool = TOOLS[migrations.tool]
    taken: dict[tuple[str, object], str] = {}
    for index, migration_set in enumerate(migrations.sets):
        table = migration_set.table or "".join(tool.tables)
        claims: list[tuple[str, object]] = [("name", migration_set.name)]
        if "table" in tool.fields:
            claims += [("table", table), ("lockTable", migration_set.lock_table or tool.lock_table.format(table=table))]
        if "scripts" in tool.fields and not migration_set.commands.migrate:
            claims.append(("scripts.migrate", migration_set.scripts.migrate))
        for field, value in claims:
            if (field, value) in taken:
                message = f"{value} is the set {taken[field, value]}'s as well, expected one of its own"
                yield problem(layers, _path("sets", index, *field.split(".")), message)
            taken.setdefault((field, value), migration_set.name)


def _lock(target: Target, layers: list[Layer]) -> Iterator[Problem]:
    migrations = target.settings.migrations
    lock, tool = migrations.lock, migrations.tool
    if not lock.enabled:
        return
    runtime = lock.runtime or TOOLS[tool].lock
    if runtime is None:
        message = (
            "missing, expected node or python (what the image has to hold the lock) or none (the tool locks itself)"
        )
        yield problem(layers, _path("lock", "runtime"), message)
    elif runtime not in TOOLS[tool].runtimes:
        known = " or ".join(TOOLS[tool].runtimes)
        message = f"{runtime} is not supported with {tool}, expected {known}, or lock.enabled: false to have no lock"
        yield problem(layers, _path("lock", "runtime"), message)
    for field in ("module", "directory"):
        if runtime != "node" and getattr(lock, field):
            message = f"belongs to the runtime node, but the lock's runtime here is {runtime or 'not set'}; remove it"
            yield problem(layers, _path("lock", field), message)
    if runtime in {"node", "python"}:
        yield from _address(target, layers)


def _address(target: Target, layers: list[Layer]) -> Iterator[Problem]:
    """The lock's own connection finds the database by the same variables as the application."""
    database = target.settings.database
    if database.config.every or database.secret.every:
        return  # what else becomes a variable, only the cluster knows
    given = {*database.config.keys, *database.secret.keys, *target.settings.migrations.env}
    needed = ("url",) if database.env.url else ("host", "user", "name")
    for field in needed:
        name = getattr(database.env, field)
        if name not in given:
            message = f"{name} is no key of database.config or database.secret, expected the key that the lock reads"
            yield problem(layers, ("database", "env", field), message)


def _database(target: Target, layers: list[Layer]) -> Iterator[Problem]:
    """What a connection of the migration's own needs."""
    database = target.settings.database
    if direct := database.direct:
        for field, by_url in (("host", False), ("port", False), ("url", True)):
            if getattr(direct, field) and by_url != bool(database.env.url):
                other = "direct.url" if database.env.url else "direct.host and direct.port"
                way = "a URL" if database.env.url else "host and port"
                message = f"the application finds its database by {way}, expected {other}"
                yield problem(layers, ("database", "direct", field), message)
    if (ca := database.ca) and bool(ca.secret) == bool(ca.config_map):
        message = "expected the name of a secret or of a configMap, one of the two"
        yield problem(layers, ("database", "ca"), message)


def _deadline(target: Target, layers: list[Layer]) -> Iterator[Problem]:
    migrations, deadline = target.settings.migrations, seconds(target.settings.job.deadline)
    wait = seconds(migrations.wait)
    if wait >= deadline:
        message = "not shorter than job.deadline, expected time left to migrate after the wait for the database"
        yield problem(layers, _path("wait"), message)
    elif migrations.lock.enabled and wait + seconds(migrations.lock.timeout) >= deadline:
        message = "with migrations.wait not shorter than job.deadline, expected time left to migrate after the wait"
        yield problem(layers, _path("lock", "timeout"), message)


def _path(*fields: str | int) -> tuple[str | int, ...]:
    return ("migrations", *fields)
