"""What a container's commands amount to, as `migrations` says it. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import NamedTuple

from aegisgen.adopt.commands import Plan, Step, in_folder, plan_of
from aegisgen.adopt.shell import Command, Script, is_noise, script_of
from aegisgen.adopt.tools import call_of
from aegisgen.kube.credentials import secret_option, secret_value
from aegisgen.kube.shape import sequence, text
from aegisgen.rules.images import image_of
from aegisgen.tools import TOOLS

# Images whose entrypoint is the tool, so that `args` alone call it.
_ENTRYPOINTS = {tool.image: tool.program for tool in TOOLS.values() if tool.image}


class Tooling(NamedTuple):
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


def tooling_of(container: Mapping[str, object], parts: Mapping[str, str], packages: frozenset[str]) -> Tooling:
    """Return how a container migrates.

    `parts`: which variable holds which part of the database's address. `packages`: what the application depends on, as
    far as a package.json tells.
    """
    read = script(container)
    lost = [(line, f"a line that cannot be read: {_shown(what)}") for line, what in read.unread]
    steps = [Step(command, call_of(command.words)) for command in read.commands if not is_noise(command)]
    steps = [step for step in steps if not step.command.waiting and step.call.role != "wait"]
    env: dict[str, str] = {}
    for step in [step for step in steps if _exports(step.command)]:
        env |= dict(word.split("=", 1) for word in step.command.words[1:])
        steps.remove(step)
    for step in [step for step in steps if step.call.role == "notify"]:
        lost.append((step.command.line, f"a message is sent: {_shown(step.command.text)}; see `notifications`"))
        steps.remove(step)
    migrating = [step for step in steps if step.call.role == "migrate"] or [
        step for step in steps if not step.call.role
    ][-1:]
    remarks: list[str] = []
    if not migrating:
        return Tooling({}, tuple(lost), (), env)
    taken = [*migrating, *(step for step in steps if step.call.role in {"ping", "status", "verify"})]
    for step in steps:
        if step not in taken:
            lost.append((step.command.line, f"a command that profiles have no word for: {_shown(step.command.text)}"))
    for step in taken:
        if step.command.conditional and step in migrating:
            remarks.append(f"{_shown(step.command.text)} ran under a condition, and now always runs")
    by_role: dict[str, Step] = {step.call.role: step for step in reversed(taken)}
    by_role["migrate"] = migrating[0]
    plan = plan_of(by_role, migrating, parts, packages)
    directory = _directory(container, migrating[0].command)
    migrations, advice = _said(plan, directory, parts, packages)
    return Tooling(migrations, tuple(sorted(lost)), (*remarks, *plan.remarks, *advice), env)


def _exports(command: Command) -> bool:
    pairs = [word.partition("=") for word in command.words[1:]]
    plain = all(equals and "$" not in value and not secret_value(name, value) for name, equals, value in pairs)
    return command.words[0] == "export" and not command.conditional and plain


def _said(
    plan: Plan, directory: str, parts: Mapping[str, str], packages: frozenset[str]
) -> tuple[dict[str, object], list[str]]:
    result: dict[str, object] = {"tool": plan.tool}
    if plan.brief is not None and not directory:
        result |= plan.brief
    else:
        words = {role: in_folder(directory, words) for role, words in plan.words.items()}
        result["commands"] = {"ping": words["ping"]} if plan.sets else words
    if plan.sets:
        result["sets"] = list(plan.sets)
    lock, remarks = _lock(plan.tool, directory, parts, packages)
    return result | lock, remarks


def _lock(
    tool: str, directory: str, parts: Mapping[str, str], packages: frozenset[str]
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
    if "url" not in parts and not {"host", "user", "name"} <= set(parts):
        advice = "no lock: no variable was recognized as the database's address; see database.env"
        return {"lock": {"runtime": "none"} if "none" in known.runtimes else {"enabled": False}}, [advice]
    # where Node looks for the module, if the commands leave the image's own folder
    where = {"module": f"{directory}/node_modules/pg"} if directory.startswith("/") else {"directory": directory}
    return ({"lock": where} if directory and known.lock == "node" else {}), []


def _directory(container: Mapping[str, object], command: Command) -> str:
    return posixpath.normpath(posixpath.join(text(container.get("workingDir")), command.cwd)).removeprefix(".")


def _shown(words: str) -> str:
    return "(not shown: it seems to hold a secret)" if secret_option(words) else words
