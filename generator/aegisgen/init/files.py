"""Answers in, the project's files out, proved to load and to render. Pure but for the templates handed in."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from aegisgen.errors import InputError, UsageError
from aegisgen.init.answers import Answers
from aegisgen.init.detect import Found
from aegisgen.init.questions import COMMANDS
from aegisgen.profile.load import PROJECT_FILE
from aegisgen.profile.schema import schema_files
from aegisgen.profile.target import Target
from aegisgen.project.rendered import resolve_texts
from aegisgen.render.environment import Templates
from aegisgen.render.files import render
from aegisgen.tools import TOOLS, Wiring

# A Service's name is a DNS-1035 label, and the application's pods carry the workload's name as a label.
_MAX_NAME = 63


def project_files(answers: Answers, found: Found, templates: Templates) -> dict[str, str]:
    """Return the texts of all files, by their path in the project's folder.

    Raises UsageError where the answers do not make a project that loads and renders.
    """
    wiring = TOOLS[answers.by_question["tool"]].wiring
    # An overlay can add to a ConfigMap only if the base has it.
    has_config = found.base is None or answers.by_question["config"] in found.configs
    values = _values(answers, found, wiring, has_config=has_config)
    files = {PROJECT_FILE: templates.render("init/aegisgen.yaml.j2", **values)}
    for environment in answers.environments:
        own = _filled(wiring.own, answers, environment.database_host)
        files[f"profiles/{environment.name}.yaml"] = templates.render(
            "init/profile.yaml.j2", environment=environment, own=own if has_config else {}, **values
        )
    if found.base is None:
        for name in ("kustomization.yaml", "workload.yaml", "service.yaml", "configmap.yaml"):
            file = f"{answers.by_question['kind'].lower()}.yaml" if name == "workload.yaml" else name
            files[f"{values['base']}/{file}"] = templates.render(f"init/base/{name}.j2", **values)
    _prove(files, templates)
    return files | schema_files()


def _values(answers: Answers, found: Found, wiring: Wiring, *, has_config: bool) -> dict[str, object]:
    values = answers.by_question
    return {
        "said": values,
        "base": found.base or f"base/{values['service']}",
        "usual_base": found.base in {None, f"base/{values['service']}"},
        "pull_secrets": list(found.pull_secrets),
        "scripts": found.scripts,
        "commands": found.commands | {key: shlex.split(values[key]) for key in COMMANDS if key in values},
        "lock": values.get("lock") or ("none" if found.locks_by_itself else None),
        "wiring": wiring,
        "shared": _filled(wiring.shared, answers, "") if has_config else {},
        "has_config": has_config,
        "nodes": "packageManager" in TOOLS[values["tool"]].fields,
    }


def _filled(texts: Mapping[str, str], answers: Answers, host: str) -> dict[str, str]:
    database = answers.by_question["service"].replace("-", "_")
    return {key: text.format(host=host, database=database) for key, text in texts.items()}


def _prove(files: dict[str, str], templates: Templates) -> None:
    """Read and render in memory what is to be written: an answer that does not work is refused before."""
    try:
        for target in resolve_texts(files):
            render(target, templates)
            _prove_names(target)
    except InputError as error:
        raise UsageError(f"these answers make no project that loads; nothing was written\n{error}") from None


def _prove_names(target: Target) -> None:
    name = target.composed(target.settings.workload.name)
    if len(name) > _MAX_NAME:
        message = f"{name} has {len(name)} characters, expected at most {_MAX_NAME}: it is a Service's name as well"
        raise UsageError(f"{message}; give a shorter --workload or --prefix; nothing was written")
