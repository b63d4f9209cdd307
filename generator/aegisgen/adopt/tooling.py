"""What a container's commands amount to, as `migrations` says it. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from aegisgen.adopt.shell import Command, Script, is_noise, quote, script_of
from aegisgen.adopt.tools import Call, call_of
from aegisgen.kube.credentials import secret_option, secret_value
from aegisgen.kube.shape import sequence, text
from aegisgen.profile.migrations import Scripts
from aegisgen.record import Record
from aegisgen.rules.images import image_of
from aegisgen.tools import TOOLS
from aegisgen.tools.tool import Called, Shell

# Images whose entrypoint is the tool, so that `args` alone call it.
_ENTRYPOINTS = {tool.image: tool.program for tool in TOOLS.values() if tool.image}

_NODE = frozenset({"npm", "pnpm", "yarn", "npx", "pnpx", "node", "bun"})
_DEFAULTS = {"ping": Scripts().ping, "status": Scripts().status, "migrate": Scripts().migrate}
# The commands in the order in which people read them.
_ORDER = ("ping", "status", "migrate", "rollback", "verify")


class _Step(Record):
    """A command of the script, and what it is."""

    command: Command
    call: Call


class _Calls(Record):
    """How a tool is called: in full by `words`, and in `brief` where its defaults say the same."""

    tool: str
    words: dict[str, list[str]]
    brief: dict[str, object] | None
    sets: tuple[dict[str, object], ...] = ()
    remarks: tuple[str, ...] = ()


class Tooling(Record):
    """`migrations` as a profile says it, without `env`; what is lost, and what somebody should look at.

    `lost` are pairs of a line of the script, from 0, and what it says.
    """

    migrations: dict[str, object]
    lost: tuple[tuple[int, str], ...]
    remarks: tuple[str, ...]
    env: dict[str, str]


def script(container: Mapping[str, object]) -> Script:
    """Return what a container runs, its image's entrypoint included where that is a tool."""
    if not sequence(container.get("command")) and sequence(container.get("args")):
        repository = image_of(text(container.get("image"))).repository.removeprefix("docker.io/")
        if program := _ENTRYPOINTS.get(repository):
            words = [program, *map(text, sequence(container.get("args")))]
            return script_of({"command": words})
    return script_of(container)


def tooling_of(container: Mapping[str, object], address: Mapping[str, str], packages: frozenset[str]) -> Tooling:
    """Return how a container migrates.

    `address`: which variable holds which part of the database's address. `packages`: what the application depends on,
    as far as a package.json tells.
    """
    read = script(container)
    lost = [(line, f"a line that cannot be read: {_shown(what)}") for line, what in read.unread]
    steps = [_Step(command, call_of(command.words)) for command in read.commands if not is_noise(command)]
    steps = [step for step in steps if not step.command.waiting and step.call.role != "wait"]
    exports = [step for step in steps if _exports(step.command)]
    env = dict(word.split("=", 1) for step in exports for word in step.command.words[1:])
    steps = [step for step in steps if step not in exports]
    migrating = [step for step in steps if step.call.role == "migrate"]
    migrating = migrating or [step for step in steps if not step.call.role][-1:]
    taken = [*migrating, *(step for step in steps if step.call.role in {"ping", "status", "verify"})]
    for step in steps:
        command, call = step.command, step.call
        if call.role == "notify":
            lost.append((command.line, f"a message is sent: {_shown(command.text)}; see `notifications`"))
        elif migrating and step not in taken:
            lost.append((command.line, f"a command that profiles have no word for: {_shown(command.text)}"))
    if not migrating:
        return Tooling({}, tuple(lost), (), env)
    conditional = (_shown(step.command.text) for step in migrating if step.command.conditional)
    remarks = [f"{words} ran under a condition, and now always runs" for words in conditional]
    by_role: dict[str, _Step] = {step.call.role: step for step in reversed(taken)}
    by_role["migrate"] = migrating[0]
    calls = _calls(by_role, migrating, address, packages)
    directory = _directory(container, migrating[0].command)
    in_full = {"commands": {role: _in_folder(directory, words) for role, words in calls.words.items()}}
    migrations = {"tool": calls.tool, **(in_full if calls.brief is None or directory else calls.brief)}
    if calls.sets:
        migrations["sets"] = list(calls.sets)
    lock, advice = _lock(calls.tool, directory, address, packages)
    return Tooling(migrations | lock, tuple(sorted(lost)), (*remarks, *calls.remarks, *advice), env)


def _exports(command: Command) -> bool:
    pairs = [word.partition("=") for word in command.words[1:]]
    plain = all(equals and "$" not in value and not secret_value(name, value) for name, equals, value in pairs)
    return command.words[0] == "export" and not command.conditional and plain


def _lock(
    tool: str, directory: str, address: Mapping[str, str], packages: frozenset[str]
) -> tuple[dict[str, object], list[str]]:
    """Take aegisgen's lock where it can be held for certain: never a reason for a migration that worked to fail."""
    known = TOOLS[tool]
    if known.lock == "none":
        return {}, []
    if tool == "command":
        advice = (
            "no lock: say migrations.lock.runtime (node or python) if the image has a PostgreSQL client to hold one"
        )
        return {"lock": {"runtime": "none"}}, [advice]
    if known.own_lock_without and known.own_lock_without not in packages:
        needed = known.own_lock_without
        advice = f"only {known.title}'s own lock: with the package {needed} in the image, drop migrations.lock.runtime"
        return {"lock": {"runtime": "none"}}, [advice]
    if "url" not in address and not {"host", "user", "name"} <= set(address):
        advice = "no lock: no variable was recognized as the database's address; see database.env"
        return {"lock": {"runtime": "none"} if "none" in known.runtimes else {"enabled": False}}, [advice]
    # where Node looks for the module, if the commands leave the image's own folder
    where = {"module": f"{directory}/node_modules/pg"} if directory.startswith("/") else {"directory": directory}
    return ({"lock": where} if directory and known.lock == "node" else {}), []


def _directory(container: Mapping[str, object], command: Command) -> str:
    return posixpath.normpath(posixpath.join(text(container.get("workingDir")), command.cwd)).removeprefix(".")


def _shown(words: str) -> str:
    return "(not shown: it seems to hold a secret)" if secret_option(words) else words


def _calls(
    by_role: dict[str, _Step], migrating: list[_Step], address: Mapping[str, str], packages: frozenset[str]
) -> _Calls:
    """Return how the tool is called, given the steps by their roles and all those that migrate."""
    tool = by_role["migrate"].call.tool
    if len({step.command.words for step in migrating}) > 1:
        return _several(by_role, migrating, address)
    if tool == "script":
        return _scripts(by_role, address)
    if tool in {"", "command"}:
        return _plain(by_role, address)
    return _tool(by_role, address, packages)


def _scripts(by_role: dict[str, _Step], address: Mapping[str, str]) -> _Calls:
    """Package scripts are Knex's until something says otherwise."""
    steps = {role: step for role, step in by_role.items() if step.call.tool == "script"}
    plain = all(step.call.manager and not step.call.rest for step in steps.values())
    words = {role: list(step.command.words) for role, step in steps.items() if role}
    scripts = {role: step.call.script for role, step in steps.items() if role}
    remarks = []
    if "status" not in words:
        words["status"] = ["true"]
        remarks.append("nothing lists what is pending: put the command into migrations.commands.status")
    words.setdefault("ping", _ping(by_role, address))
    brief: dict[str, object] = {"packageManager": by_role["migrate"].call.manager}
    if named := {role: script for role, script in scripts.items() if role in _ORDER and script != _DEFAULTS.get(role)}:
        brief["scripts"] = named
    if unnamed := {role: _in_folder("", command) for role, command in words.items() if role not in scripts}:
        brief["commands"] = unnamed
    return _Calls("knex", words, brief if plain else None, remarks=tuple(remarks))


def _plain(by_role: dict[str, _Step], address: Mapping[str, str]) -> _Calls:
    words = {"ping": _ping(by_role, address), "status": ["true"], "migrate": list(by_role["migrate"].command.words)}
    words |= {role: list(by_role[role].command.words) for role in ("ping", "status", "verify") if role in by_role}
    remarks = [] if "status" in by_role else ["nothing lists what is pending: say migrations.commands.status"]
    if words["ping"] == ["true"]:
        remarks.append("nothing tells whether the database answers: say migrations.commands.ping")
    return _Calls("command", words, None, remarks=tuple(remarks))


def _several(by_role: dict[str, _Step], migrating: list[_Step], address: Mapping[str, str]) -> _Calls:
    """Several commands that migrate, one after the other, are sets."""
    sets: list[dict[str, object]] = []
    for number, step in enumerate(migrating, start=1):
        name = step.call.script.rpartition(":")[2] if step.call.script.count(":") > 1 else ""
        if not (name.isalnum() and name.islower()) or name in (other["name"] for other in sets):
            name = f"set-{number}"
        commands = {"status": ["true"], "migrate": _in_folder("", list(step.command.words))}
        sets.append({"name": name, "commands": commands})
    remarks = ("nothing lists what is pending: say commands.status of each of migrations.sets",)
    return _Calls("command", {"ping": _ping(by_role, address)}, None, tuple(sets), remarks)


def _tool(by_role: dict[str, _Step], address: Mapping[str, str], packages: frozenset[str]) -> _Calls:
    command, call = by_role["migrate"].command, by_role["migrate"].call
    tool = TOOLS[call.tool]
    called = Called(command.words, list(call.prefix), list(call.rest), call.manager, address.get("url", ""), packages)
    own = {role: list(step.command.words) for role, step in by_role.items() if step.call.tool == call.tool}
    others = tool.others(called) if tool.others else {}
    if isinstance(others.get("status"), Shell):
        own.pop("status", None)  # the container's own may fail where there is no reason to
    made = {role: _in_shell(other) for role, other in others.items()}
    words = {"ping": _ping(by_role, address)} | made | own
    brief = tool.usual(called) if tool.usual else None
    return _Calls(call.tool, {role: words[role] for role in _ORDER if role in words}, brief)


def _in_shell(command: Shell | list[str]) -> list[str]:
    if not isinstance(command, Shell):
        return command
    return ["sh", "-c", command.text.replace("{}", " ".join(map(quote, command.words)))]


def _ping(by_role: dict[str, _Step], address: Mapping[str, str]) -> list[str]:
    """Return a command that fails unless the database answers: the container's own, else what its runtime can do."""
    for role in ("ping", "status"):
        if role in by_role:
            return list(by_role[role].command.words)
    program = by_role["migrate"].command.words[0].rpartition("/")[2]
    host, port = address.get("host"), address.get("port", "")
    if program in _NODE and "url" in address and not host:
        connect_to = f"const url = new URL(process.env.{address['url']}); const [port, host] = [url.port, url.hostname]"
    elif program in _NODE and host:
        connect_to = f"const [port, host] = [{f'process.env.{port}' if port else 'null'}, process.env.{host}]"
    elif program.startswith("python") and host:
        number = f'os.environ.get("{port}", 5432)' if port else "5432"
        code = f'import os, socket; socket.create_connection((os.environ["{host}"], int({number})), 10)'
        return [program, "-c", code]
    else:
        return ["true"]
    connect = 'require("net").connect(port || 5432, host)'
    ends = '.on("connect", () => process.exit(0)).on("error", () => process.exit(1))'
    return ["node", "-e", f"{connect_to}; {connect}{ends}"]


def _in_folder(directory: str, words: list[str]) -> list[str]:
    """Return a command's words such that no shell is needed, or with one that has been named."""
    expands = any("$" in word for word in words) and words[:2] not in (["sh", "-c"], ["node", "-e"])
    if directory and expands:
        return ["sh", "-c", f"cd {quote(directory)} && {' '.join(map(quote, words))}"]
    if directory:
        return ["sh", "-c", f'cd {quote(directory)} && exec "$@"', "sh", *words]
    return ["sh", "-c", " ".join(map(quote, words))] if expands else words
