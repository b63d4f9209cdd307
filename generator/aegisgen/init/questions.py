"""The questions, in the order in which they are asked, and how their answers come together."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from aegisgen.errors import UsageError
from aegisgen.init.answers import Answers, Environment, choices, right, wrong
from aegisgen.init.detect import Found
from aegisgen.record import Record
from aegisgen.tools import TOOLS

Ask = Callable[[str, str, tuple[str, ...], str], str]
"""Asks a person: question, what Enter stands for (none: empty), words to choose from, what was wrong just now."""


class Question(Record):
    """One question: its default may name answers so far, and the tool decides whether it is asked."""

    key: str
    text: str
    default: str
    wanted: Callable[[str], bool] = lambda _tool: True


class Flags(Record):
    """What the command line says."""

    answers: dict[str, str]
    environments: tuple[str, ...]
    """`NAME` or `NAME=STRATEGY`."""
    of_environments: dict[str, dict[str, str]]
    """By question, then by environment."""


# What a plain command has to do, where no known tool does it.
COMMANDS = {
    "ping": "exits 0 as soon as the database answers",
    "status": "lists what is migrated and what is pending",
    "migrate": "runs all pending migrations",
}

QUESTIONS = (
    Question("service", "Name of the service", "app"),
    Question("image", "Its image, without a tag", "ghcr.io/example/{service}"),
    Question("kind", "Kind of its workload", "Deployment"),
    Question("workload", "Name of the workload", "{service}"),
    Question("container", "Its container that runs the application", "{service}"),
    Question("port", "The port it listens on", "8080"),
    Question("tool", "What migrates its database", "knex"),
    Question("package-manager", "The package manager", "pnpm", lambda tool: "packageManager" in TOOLS[tool].fields),
    Question("path", "Folder of the migrations in the image", "migrations", lambda tool: TOOLS[tool].needs_path),
    *(Question(key, f"Command that {what}", "", lambda tool: tool == "command") for key, what in COMMANDS.items()),
    Question(
        "lock",
        "What the image has to hold a lock while it migrates (none: the tool locks by itself)",
        "",
        lambda tool: tool == "command",
    ),
    Question("config", "Its ConfigMap", "{workload}-config"),
    Question("secret", "Its Secret with the database's password", "{workload}-secrets"),
)
# Without an answer these would be inventions that nothing in the project corrects.
_ESSENTIAL = ("service", "image")
# Defaults that say something of the world and do not follow from other answers.
_INVENTED = (*_ESSENTIAL, "port", "tool", "package-manager")
_NO_PREFIX = "-"
_PRODUCTION = re.compile(r"(?:^|-)(?:prod|production|prd|live)(?:-|\Z)")


def complete(flags: Flags, found: Found, ask: Ask | None, *, guess: bool) -> Answers:
    """Return all answers: what flags give, else what clues tell, else what a person answers, else a default.

    Without `ask` nobody can be asked, and `guess` allows defaults for everything. Raises UsageError for a wrong answer,
    and with all flags that are missing.
    """
    answers: dict[str, str] = {}
    guessed: list[str] = []
    missing: list[str] = []
    for question in QUESTIONS:
        if question.key in flags.answers:
            answers[question.key] = right(question.key, flags.answers[question.key], f"--{question.key}")
            continue
        if not question.wanted(answers.get("tool", "")) or (question.key == "port" and found.base is not None):
            continue
        several = found.choices.get(question.key, ())
        default = found.answers.get(question.key, "") or question.default.format_map(answers)
        default = "" if several or wrong(question.key, default) else default
        told = question.key in found.answers and bool(default)
        if told and found.witnesses[question.key] == found.base:
            answers[question.key] = default
        elif ask:
            hint = f" (as {found.witnesses[question.key]} says)" if told else ""
            answers[question.key] = _asked(ask, question.key, question.text + hint, default, several)
        elif not default or (question.key in _ESSENTIAL and not told and not guess):
            missing.append(f"--{question.key}" + (f" ({' or '.join(several)})" if several else ""))
            answers[question.key] = default or "unknown"
        else:
            answers[question.key] = default
            guessed += [question.key] if not told and question.key in _INVENTED else []
    if missing:
        why, advice = "not a terminal, so nobody can be asked", ", or --yes to take what can be guessed"
        if guess:
            why, advice = "some answers cannot be guessed", ""
        raise UsageError(f"{why}: give {', '.join(missing)}{advice}; nothing was written")
    environments = _environments(flags, answers, ask)
    if not ask and not flags.of_environments.get("database-host") and not TOOLS[answers["tool"]].needs_url:
        guessed.append("database-host")
    return Answers(answers, environments, tuple(guessed))


def _environments(flags: Flags, answers: Mapping[str, str], ask: Ask | None) -> tuple[Environment, ...]:
    words = list(flags.environments)
    if not words and ask:
        words = _asked_names(ask)
    strategies: dict[str, str] = {}
    for word in words or ["staging", "production"]:
        name, _, strategy = word.partition("=")
        flag = f"--env {word}"
        if right("environment", name, flag) in strategies:
            raise UsageError(f"{flag}: the environment {name} is named twice; nothing was written")
        usual = "presync-job" if _PRODUCTION.search(name) else "init-container"
        strategies[name] = right("strategy", strategy, flag) if strategy else usual
        if not strategy and ask:
            text = f"{name}: init-container (each pod migrates) or presync-job (once, before the sync)"
            strategies[name] = _asked(ask, "strategy", text, usual, choices("strategy"))
    for key, values in flags.of_environments.items():
        for name in values:
            if name not in strategies:
                known = ", ".join(strategies)
                raise UsageError(
                    f"--{key} {name}=...: no such environment, expected one of {known}; nothing was written"
                )
    return tuple(_environment(name, strategy, flags, answers, ask) for name, strategy in strategies.items())


def _environment(name: str, strategy: str, flags: Flags, answers: Mapping[str, str], ask: Ask | None) -> Environment:
    texts = {
        "namespace": ("namespace", name),
        "prefix": (f"what Kustomize puts before every name ({_NO_PREFIX} for nothing)", f"{name}-"),
        "tag": ("the image's tag", name if strategy == "init-container" else "v1.0.0"),
        "database-host": ("the database's host", f"{name}-postgres"),
    }
    values: dict[str, str] = {}
    for key, (text, default) in texts.items():
        given = flags.of_environments.get(key, {}).get(name)
        if given is not None:
            values[key] = right(key, given, f"--{key} {name}=")
        elif ask and not (key == "database-host" and TOOLS[answers["tool"]].needs_url):
            values[key] = _asked(ask, key, f"{name}: {text}", default, ())
        else:
            values[key] = right(key, default, f"--{key} {name}=")
    return Environment(name, strategy, values["namespace"], values["prefix"], values["tag"], values["database-host"])


def _asked_names(ask: Ask) -> list[str]:
    complaint = ""
    while True:
        words = ask("Environments", "staging production", (), complaint).replace(",", " ").split()
        words = words or ["staging", "production"]
        problems = [message for word in words if (message := wrong("environment", word))]
        if not problems and len(set(words)) == len(words):
            return words
        complaint = problems[0] if problems else "an environment is named twice"


def _asked(ask: Ask, key: str, text: str, default: str, several: tuple[str, ...]) -> str:
    options, complaint = several or choices(key), ""
    while True:
        answer = ask(text, default, options, complaint) or default
        if key == "prefix" and answer == _NO_PREFIX:
            return ""
        complaint = f"{answer!r} is none of these" if several and answer not in several else wrong(key, answer)
        if not complaint:
            return answer
