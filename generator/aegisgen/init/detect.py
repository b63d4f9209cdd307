"""Clues in, what they tell out: each answer with the witness that gave it. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from aegisgen.init.clues import Clues
from aegisgen.kube.overlay import Overlay
from aegisgen.kube.pods import WORKLOADS, reads
from aegisgen.kube.resource import value_at
from aegisgen.kube.shape import mapping, sequence, text
from aegisgen.record import Record, replace
from aegisgen.rules.images import image_of
from aegisgen.tools import EXEC, TOOLS

_LOCK_FILES = {"pnpm-lock.yaml": "pnpm", "yarn.lock": "yarn", "package-lock.json": "npm"}
# What a package script of each purpose calls, and the name that aegisgen calls it by if nobody says otherwise.
_KNEX_SCRIPTS = {
    "status": ("db:migrate:status", r"\bknex\b.*\bmigrate:(?:status|list)\b"),
    "migrate": ("db:migrate", r"\bknex\b.*\bmigrate:latest\b"),
    "rollback": ("db:rollback", r"\bknex\b.*\bmigrate:rollback\b"),
}
_KNEX_CALLS = {"status": "migrate:list", "migrate": "migrate:latest", "rollback": "migrate:rollback"}
_REMOTE = re.compile(r"(?:[a-z+]+://)?(?:[^@/]+@)?(?P<host>[A-Za-z0-9.-]+)(?::\d+)?[:/](?P<path>.+?)(?:\.git)?/?\Z")
# Which registry a forge brings along.
_REGISTRIES = {"github.com": "ghcr.io", "gitlab.com": "registry.gitlab.com"}
_EXPOSE = re.compile(r"^\s*EXPOSE\s+([0-9]+)", re.MULTILINE | re.IGNORECASE)


class Found(Record):
    """What the clues tell. `answers` and `witnesses` are by question; the rest is not asked for."""

    answers: dict[str, str]
    witnesses: dict[str, str]
    choices: dict[str, tuple[str, ...]]
    scripts: dict[str, str]
    """Names of package scripts that differ from aegisgen's defaults (knex)."""
    commands: dict[str, list[str]]
    """Commands in place of package scripts that are not there (knex)."""
    locks_by_itself: bool
    """The image has no PostgreSQL client that could hold aegisgen's lock, and the tool locks by itself."""
    base: str | None
    """The folder of the service's base, relative to the project's; None: there is none yet."""
    configs: frozenset[str]
    """Names of the base's ConfigMaps, to which an overlay can add values of its own."""
    pull_secrets: tuple[str, ...]


def detect(clues: Clues, given: Mapping[str, str]) -> Found:
    """Return what the clues tell; what flags have `given` decides which service of several it is."""
    found = Found({}, {}, {}, {}, {}, locks_by_itself=False, base=None, configs=frozenset(), pull_secrets=())
    for key, (answer, witness) in _from_files(clues):
        if key not in found.answers and answer:
            found.answers[key], found.witnesses[key] = answer, witness
    package = _json(clues.files.get("package.json", b""))
    tool = given.get("tool") or found.answers.get("tool")
    if tool == "knex" and package:
        scripts, commands = _knex_scripts(package, given.get("package-manager") or found.answers["package-manager"])
        found = replace(found, scripts=scripts, commands=commands)
    client = TOOLS[tool].own_lock_without if tool in TOOLS else ""
    if client and package and client not in _dependencies(package):
        found = replace(found, locks_by_itself=True)
    return _from_base(clues, found, given.get("service"))


def _from_files(clues: Clues) -> Iterator[tuple[str, tuple[str, str]]]:
    package = _json(clues.files.get("package.json", b""))
    if name := _label(text(package.get("name")).rpartition("/")[2]):
        yield "service", (name, "package.json")
    if "package.json" in clues.files:
        declared = text(package.get("packageManager")).partition("@")[0]
        if declared in _LOCK_FILES.values():
            yield "package-manager", (declared, "package.json")
        for file, manager in _LOCK_FILES.items():
            if file in clues.files:
                yield "package-manager", (manager, file)
        yield "package-manager", ("npm", "package.json")
    for name, tool in TOOLS.items():
        yield from (("tool", (name, file)) for file in tool.files if file in clues.files)
    for name, tool in TOOLS.items():
        if not _dependencies(package).isdisjoint(tool.dependencies):
            yield "tool", (name, "package.json")
    for folder in clues.go_migrations:
        yield "tool", ("golang-migrate", f"{folder}/*.up.sql")
        yield "path", (folder, f"{folder}/*.up.sql")
    remote = _REMOTE.match(clues.remote)
    if remote and (registry := _REGISTRIES.get(remote["host"].lower())):
        yield "image", (f"{registry}/{remote['path'].lower()}", "git remote origin")
    if port := _EXPOSE.search(clues.files.get("Dockerfile", b"").decode("utf-8", "replace")):
        yield "port", (port[1], "Dockerfile")
    yield "service", (_label(clues.name), "the folder's name")


def _from_base(clues: Clues, found: Found, service: str | None) -> Found:
    """A base that is there says what the workload is; where there are several, the service's name decides."""
    workloads = {
        folder: [m for m in base.members if m.identity.kind in WORKLOADS] for folder, base in clues.bases.items()
    }
    folders = [folder for folder, members in workloads.items() if len(members) == 1]
    chosen = [folder for folder in folders if service is None or folder in {f"base/{service}", "base"}]
    if len(chosen) != 1:
        choices = {"service": tuple(folder.rpartition("/")[2] for folder in chosen)} if chosen else {}
        return replace(found, choices=choices)
    folder = chosen[0]
    (member,) = workloads[folder]
    answers, witnesses = dict(found.answers), dict(found.witnesses)
    known = {"kind": member.identity.kind, "workload": member.identity.name}
    known["service"] = folder.rpartition("/")[2] if "/" in folder else member.identity.name
    pod = member.place.value
    containers = [mapping(item) for item in sequence(value_at(pod, ("spec", "template", "spec", "containers")))]
    if len(containers) == 1:
        known |= _container(containers[0], clues.bases[folder])
    for key, value in known.items():
        if value:
            answers[key], witnesses[key] = value, folder
    choices = {} if len(containers) == 1 else {"container": tuple(text(each.get("name")) for each in containers)}
    secrets = sequence(value_at(pod, ("spec", "template", "spec", "imagePullSecrets")))
    return replace(
        found,
        answers=answers,
        witnesses=witnesses,
        choices=choices,
        base=folder,
        configs=_configs(clues.bases[folder]),
        pull_secrets=tuple(name for each in secrets if (name := text(mapping(each).get("name")))),
    )


def _container(container: dict[str, object], base: Overlay) -> dict[str, str]:
    configs = _configs(base)
    used = sorted(reads(container), key=lambda read: read.path[0] == "env")
    return {
        "container": text(container.get("name")),
        "image": image_of(text(container.get("image"))).repository,
        "config": next((read.name for read in used if read.kind == "ConfigMap" and read.name in configs), ""),
        "secret": next((read.name for read in used if read.kind == "Secret"), ""),
    }


def _configs(base: Overlay) -> frozenset[str]:
    return frozenset(member.identity.name for member in base.members if member.identity.kind == "ConfigMap")


def _knex_scripts(package: dict[str, object], manager: str) -> tuple[dict[str, str], dict[str, list[str]]]:
    own = {name: body for name, body in mapping(package.get("scripts")).items() if isinstance(body, str)}
    scripts: dict[str, str] = {}
    for purpose, (usual, calls) in _KNEX_SCRIPTS.items():
        calling = [name for name, body in own.items() if re.search(calls, body)]
        if usual not in own and calling:
            scripts[purpose] = min(calling, key=lambda name: (len(name), name))
    commands = {
        purpose: [*EXEC[manager].split(), "knex", call]
        for purpose, call in _KNEX_CALLS.items()
        if purpose not in scripts and _KNEX_SCRIPTS[purpose][0] not in own
    }
    pings = sorted(name for name in own if re.search(r"(?:^|[:_-])ping\Z", name))
    if "db:ping" not in own and pings:
        scripts["ping"] = pings[0]
    elif "db:ping" not in own and "status" not in commands:
        # Listing what is migrated needs the database as well.
        scripts["ping"] = scripts.get("status", "db:migrate:status")
    elif "db:ping" not in own:
        commands["ping"] = commands["status"]
    return scripts, commands


def _dependencies(package: dict[str, object]) -> set[str]:
    return {name for field in ("dependencies", "devDependencies") for name in mapping(package.get(field))}


def _json(content: bytes) -> dict[str, object]:
    try:
        return mapping(json.loads(content or b"{}"))
    except (ValueError, RecursionError):
        return {}


def _label(name: str) -> str:
    """Return what of a name can be a DNS-1035 label, with room for what is put before and behind it."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).lstrip("-0123456789")[:40].rstrip("-")
