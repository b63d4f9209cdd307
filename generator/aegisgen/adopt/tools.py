"""Which migration tool a command belongs to, and what it does with it. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import dropwhile
from typing import Literal

from aegisgen.record import Record
from aegisgen.tools import TOOLS

Role = Literal["ping", "status", "migrate", "rollback", "verify", "wait", "notify", ""]


class Call(Record):
    """What a command does: whose tool it is, for what, and how the tool is called.

    `prefix` are the words before the tool's own (`npx prisma`, `python manage.py`), from which its other commands can
    be made. `manager` runs package scripts, and `script` is the one that is run. `rest` are the words after the role's.
    """

    tool: str
    role: Role
    prefix: tuple[str, ...] = ()
    manager: str = ""
    script: str = ""
    rest: tuple[str, ...] = ()


# What other tools are called when they migrate; they run as plain commands.
_OTHERS = re.compile(
    r"(sequelize(-cli)?|typeorm|rails|rake|bin/rails|mikro-orm|drizzle-kit|goose|dbmate|atlas|sqitch|dotnet|diesel|sqlx"
    r"|mix)\b.*"
    r"\b(db:migrate|migration:(run|up)|migrations? (run|up|apply)|migrate|up|deploy|database update|ecto\.migrate)\b"
)
# Words that only lead to the program that follows.
_LEADERS = re.compile(
    r"(poetry|pipenv|uv|rye|pdm) run|bundle exec|(su-exec|gosu) \S+|tini( -g)?( --)?|dumb-init( --)?|env( \S+=\S*)+"
)
# Options of package managers before the program to run, and those that take a value.
_RUNNING = frozenset({"--", "--no", "--yes", "-y"})
_TAKING = frozenset({"--filter", "-F", "--prefix", "-C", "--dir", "--cwd", "-w", "--workspace"})
_WAITING = re.compile(r"(nc|ncat|netcat|pg_isready|wait-for(-it)?(\.sh)?|dockerize|wait4ports|wait-on)\Z")
_SCRIPT_ROLES: tuple[tuple[str, Role], ...] = (
    (r"(^|[:_-])ping$|connection|db:check", "ping"),
    (r"status|list|pending", "status"),
    (r"rollback|(^|[:_-])(down|undo|revert)($|[:_-])", "rollback"),
    (r"verify|validate", "verify"),
    (r"migrat|db:(up|deploy|update)|schema:", "migrate"),
)


def call_of(words: Sequence[str]) -> Call:
    """Return what a command is; a `Call` without tool and role where it is none of a migration's."""
    words = list(words)
    led = _led(words)
    program = led[0].rpartition("/")[2] if led else ""
    if _WAITING.match(program) or (program.startswith("wait") and "db" in " ".join(led)):
        return Call("", "wait")
    if program in {"curl", "wget"}:
        return Call("", "notify")
    if program in {"npm", "pnpm", "yarn", "npx", "pnpx"}:
        return _packaged(words, led, program)
    return _tool(words, led, "")


def _led(words: list[str]) -> list[str]:
    while words:
        match = _LEADERS.match(" ".join(words) + " ")
        if not match:
            return words
        words = words[len(match[0].split()) :]
    return words


def _packaged(words: list[str], led: list[str], program: str) -> Call:
    """Package managers run scripts of the package, or programs of its dependencies."""
    rest, plain = _without_options(led[1:])
    manager = {"npx": "npm", "pnpx": "pnpm"}.get(program, program) if plain else ""
    if program in {"npx", "pnpx"} or (rest and rest[0] in {"exec", "dlx", "x"}):
        inner = rest if program in {"npx", "pnpx"} else rest[1:]
        return _tool(words, list(dropwhile(_RUNNING.__contains__, inner)), manager)
    if rest and rest[0] in {"run", "run-script"}:
        rest = list(dropwhile({"-s", "--silent"}.__contains__, rest[1:]))
    elif program == "yarn" and _named(rest)[0]:
        return _tool(words, rest, manager)
    if not rest:
        return Call("", "")
    role: Role = next((role for pattern, role in _SCRIPT_ROLES if re.search(pattern, rest[0])), "")
    return Call("script", role, manager=manager, script=rest[0], rest=tuple(rest[1:]))


def _without_options(words: list[str]) -> tuple[list[str], bool]:
    """Take the options off that come first; say whether all of them are without meaning for what is run."""
    plain = True
    while words and words[0].startswith("-"):
        option, *words = words
        plain = plain and option in {"-s", "--silent", "--no-install", *_RUNNING}
        if option in _TAKING:
            words = words[1:]
    return words, plain


def _tool(words: list[str], led: list[str], manager: str) -> Call:
    tool, own = _named(led)
    if not tool:
        text = " ".join(led)
        return Call("command", "migrate" if _OTHERS.match(text) else "")
    prefix, options = words[: len(words) - len(own)], TOOLS[tool].options
    for wanted, role in TOOLS[tool].roles:
        at = next((at for at in range(len(own)) if tuple(own[at : at + len(wanted)]) == wanted), None)
        if at is not None:
            used = next((options[word] for word in own if word in options), role)
            return Call(tool, used, (*prefix, *own[:at]), manager, rest=tuple(own[at + len(wanted) :]))
    return Call(tool, "", tuple(prefix), manager)


def _named(led: list[str]) -> tuple[str, list[str]]:
    if not led:
        return "", []
    program = led[0].rpartition("/")[2]
    if re.fullmatch(r"python[0-9.]*", program) and len(led) > 1:
        module = led[2] if led[1] == "-m" and len(led) > 2 else led[1].rpartition("/")[2]  # noqa: PLR2004 -- -m and what
        return _PYTHON.get(module, ""), led[3 if led[1] == "-m" else 2 :]
    options = {word.lstrip("-").partition("=")[0] for word in led}
    if program == "migrate" and options.isdisjoint({"path", "source", "database"}):
        return "", []
    return _PROGRAMS.get(program, ""), led[1:]


_PYTHON = {module: name for name, tool in TOOLS.items() for module in tool.modules}
_PROGRAMS = {tool.program: name for name, tool in TOOLS.items() if tool.program} | {"manage.py": "django"}
