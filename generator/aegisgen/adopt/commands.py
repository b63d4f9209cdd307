"""How each tool is called for everything that the runner wants, given how it was called to migrate. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from aegisgen.adopt.shell import Command, quote
from aegisgen.adopt.tools import Call
from aegisgen.profile.migrations import Scripts
from aegisgen.tools import TOOLS
from aegisgen.tools.tool import Called, Shell

_NODE = frozenset({"npm", "pnpm", "yarn", "npx", "pnpx", "node", "bun"})
_DEFAULTS = {"ping": Scripts().ping, "status": Scripts().status, "migrate": Scripts().migrate}


class Step(NamedTuple):
    """A command of the script, and what it is."""

    command: Command
    call: Call


class Plan(NamedTuple):
    """How a tool is called: in full by `words`, and in `brief` where its defaults say the same."""

    tool: str
    words: dict[str, list[str]]
    brief: dict[str, object] | None
    sets: tuple[dict[str, object], ...] = ()
    remarks: tuple[str, ...] = ()


def plan_of(
    by_role: dict[str, Step], migrating: list[Step], parts: Mapping[str, str], packages: frozenset[str]
) -> Plan:
    """Return how the tool is called, given the steps by their roles and all those that migrate."""
    tool = by_role["migrate"].call.tool
    if len({step.command.words for step in migrating}) > 1:
        return _several(by_role, migrating, parts)
    if tool == "script":
        return _scripts(by_role, parts)
    if tool in {"", "command"}:
        return _plain(by_role, parts)
    return _tool(by_role, parts, packages)


def _scripts(by_role: dict[str, Step], parts: Mapping[str, str]) -> Plan:
    """Package scripts are Knex's until something says otherwise."""
    main = by_role["migrate"]
    words = {role: list(step.command.words) for role, step in by_role.items() if step.call.tool == "script" and role}
    scripts = {role: step.call.script for role, step in by_role.items() if step.call.tool == "script" and role}
    plain = all(step.call.manager and not step.call.rest for step in by_role.values() if step.call.tool == "script")
    remarks = []
    if "status" not in words:
        words["status"] = ["true"]
        remarks.append("nothing lists what is pending: put the command into migrations.commands.status")
    words.setdefault("ping", _ping(by_role, parts))
    brief: dict[str, object] = {"packageManager": main.call.manager}
    named = {role: script for role, script in scripts.items() if script != _DEFAULTS.get(role)}
    named = {role: script for role, script in named.items() if role in _DEFAULTS or role in {"verify", "rollback"}}
    if named:
        brief["scripts"] = named
    unnamed = {role: each for role, each in words.items() if role not in scripts}
    if unnamed:
        brief["commands"] = {role: in_folder("", each) for role, each in unnamed.items()}
    return Plan("knex", words, brief if plain else None, remarks=tuple(remarks))


def _plain(by_role: dict[str, Step], parts: Mapping[str, str]) -> Plan:
    words = {"ping": _ping(by_role, parts), "status": ["true"], "migrate": list(by_role["migrate"].command.words)}
    for role in ("ping", "status", "verify"):
        if role in by_role:
            words[role] = list(by_role[role].command.words)
    remarks = [] if "status" in by_role else ["nothing lists what is pending: say migrations.commands.status"]
    if words["ping"] == ["true"]:
        remarks.append("nothing tells whether the database answers: say migrations.commands.ping")
    return Plan("command", words, None, remarks=tuple(remarks))


def _several(by_role: dict[str, Step], migrating: list[Step], parts: Mapping[str, str]) -> Plan:
    """Several commands that migrate, one after the other, are sets."""
    sets: list[dict[str, object]] = []
    for number, step in enumerate(migrating, start=1):
        name = step.call.script.rpartition(":")[2] if step.call.script.count(":") > 1 else ""
        taken = {each["name"] for each in sets}
        name = name if name.isalnum() and name.islower() and name not in taken else f"set-{number}"
        sets.append(
            {"name": name, "commands": {"status": ["true"], "migrate": in_folder("", list(step.command.words))}}
        )
    remarks = ("nothing lists what is pending: say commands.status of each of migrations.sets",)
    return Plan("command", {"ping": _ping(by_role, parts)}, None, tuple(sets), remarks)


def _tool(by_role: dict[str, Step], parts: Mapping[str, str], packages: frozenset[str]) -> Plan:
    main = by_role["migrate"]
    name, tool = main.call.tool, TOOLS[main.call.tool]
    call, url = main.call, parts.get("url", "")
    called = Called(main.command.words, list(call.prefix), list(call.rest), call.manager, url, packages)
    own = {role: list(step.command.words) for role, step in by_role.items() if step.call.tool == name}
    others = tool.others(called) if tool.others else {}
    made: dict[str, list[str]] = {
        role: _shell(words) if isinstance(words, Shell) else words for role, words in others.items()
    }
    if isinstance(others.get("status"), Shell):
        own.pop("status", None)  # the container's own may fail where there is no reason to
    words: dict[str, list[str]] = {"ping": _ping(by_role, parts), **made, **own}
    brief = tool.usual(called) if tool.usual else None
    return Plan(name, {role: words[role] for role in _ORDER if role in words}, brief)


def _shell(command: Shell) -> list[str]:
    return ["sh", "-c", command.text.replace("{}", " ".join(map(quote, command.words)))]


_ORDER = ("ping", "status", "migrate", "rollback", "verify")


def _ping(by_role: dict[str, Step], parts: Mapping[str, str]) -> list[str]:
    """Return a command that fails unless the database answers: the container's own, else what its runtime can do."""
    if "ping" in by_role:
        return list(by_role["ping"].command.words)
    if "status" in by_role:
        return list(by_role["status"].command.words)
    program = by_role["migrate"].command.words[0].rpartition("/")[2]
    host, port = parts.get("host"), parts.get("port", "")
    if program in _NODE and "url" in parts and not host:
        address = f"const url = new URL(process.env.{parts['url']}); const [port, host] = [url.port, url.hostname]"
    elif program in _NODE and host:
        address = f"const [port, host] = [{f'process.env.{port}' if port else 'null'}, process.env.{host}]"
    elif program.startswith("python") and host:
        number = f'os.environ.get("{port}", 5432)' if port else "5432"
        code = f'import os, socket; socket.create_connection((os.environ["{host}"], int({number})), 10)'
        return [program, "-c", code]
    else:
        return ["true"]
    connect = 'require("net").connect(port || 5432, host)'
    ends = '.on("connect", () => process.exit(0)).on("error", () => process.exit(1))'
    return ["node", "-e", f"{address}; {connect}{ends}"]


def in_folder(directory: str, words: list[str]) -> list[str]:
    """Return a command's words such that no shell is needed, or with one that has been named."""
    expands = any("$" in word for word in words) and words[:2] not in (["sh", "-c"], ["node", "-e"])
    if directory and expands:
        return ["sh", "-c", f"cd {quote(directory)} && {' '.join(map(quote, words))}"]
    if directory:
        return ["sh", "-c", f'cd {quote(directory)} && exec "$@"', "sh", *words]
    return ["sh", "-c", " ".join(map(quote, words))] if expands else words
