"""Profiles with a step turned on, and what they render."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.conftest import aegisgen, refusal
from tests.trees import edited


def say(project: Path, environment: str, text: str) -> None:
    """Let an environment's profile say more; `text` is indented as the fields of `spec`."""
    with (project / f"profiles/{environment}.yaml").open("a") as file:
        file.write(text)


def say_of_project(project: Path, text: str) -> None:
    """Let the project file say more, at its top level."""
    with (project / "aegisgen.yaml").open("a") as file:
        file.write(text)


def migrate_with(project: Path, migrations: dict, **database: object) -> None:
    """Let the service, and no environment, say this of `migrations`; `database` is said besides."""
    with edited(project / "aegisgen.yaml") as data:
        service = data["services"]["api"]
        service["migrations"] = migrations
        service["database"] |= database
    with edited(project / "profiles/production.yaml") as data:
        del data["spec"]["migrations"]


def rendered(*arguments: str) -> dict[str, dict]:
    """Render without writing; return the documents by their path below the working directory."""
    outcome = aegisgen("render", *arguments, "--stdout")
    assert outcome.code == 0, outcome.err
    found = {}
    for part in outcome.out.split("---\n# Source: ")[1:]:
        path, _, text = part.partition("\n")
        if path.endswith(".yaml"):
            found[path] = yaml.safe_load(text)
    return found


def refused(environment: str) -> str:
    """Render what must be refused, and return what is said of it."""
    return refusal("render", environment, "--stdout")
