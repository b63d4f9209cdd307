"""What a shell may complete: environments, services, schemas, rules. Fast, and silent whatever is wrong with a project.

A key press waits for this, so the types of profiles are not imported; and what cannot be read is simply not offered:
this is no place for messages.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from aegisgen import files
from aegisgen.kube.shape import mapping, sequence, text

_PROJECT_FILE = "aegisgen.yaml"


def environments(incomplete: str) -> list[str]:
    """Return the environments whose names begin so."""
    project = _project()
    if project is None:
        return []
    try:
        names = sorted(file.stem for file in (project.parent / "profiles").glob("*.yaml") if file.name[0] != ".")
    except OSError:
        return []
    return [name for name in names if name.startswith(incomplete)]


def services(incomplete: str) -> list[str]:
    """Return the services of the project, and of the files that it includes, whose names begin so."""
    project = _project()
    if project is None:
        return []
    data = _read(project)
    files = [
        file
        for pattern in filter(None, map(text, sequence(data.get("include"))))
        for file in _matching(project.parent, pattern)
    ]
    names = {name for each in (data, *map(_read, files)) for name in map(str, mapping(each.get("services")))}
    return sorted(name for name in names if name.startswith(incomplete))


def schemas(incomplete: str) -> list[str]:
    """Return the kinds of file with a JSON Schema whose names begin so."""
    return [name for name in ("project", "services", "profile") if name.startswith(incomplete)]


def rules(incomplete: str) -> list[tuple[str, str]]:
    """Return the rules whose IDs begin so, each with its title."""
    from aegisgen.rules.table import RULES  # noqa: PLC0415 -- the other completions need no rules

    return [(rule.id, rule.title) for rule in RULES.values() if rule.id.startswith(incomplete.upper())]


def _project() -> Path | None:
    """Return the project file, as `profile.load.find_project` finds it."""
    try:
        here = Path.cwd()
        candidates = (
            folder / name for folder in (here, *here.parents) for name in (_PROJECT_FILE, f"argocd/{_PROJECT_FILE}")
        )
        found = next((file for file in candidates if file.is_file()), None)
        files.confine()
        if found:
            files.admit(here if found.is_relative_to(here) else found.parent)
        return found
    except OSError:
        return None


def _read(file: Path) -> dict[str, object]:
    from aegisgen.errors import AegisgenError  # noqa: PLC0415 -- most completions read no YAML
    from aegisgen.yaml.source import parse_one  # noqa: PLC0415

    try:
        data = parse_one(files.read(file), str(file)).data
    except (OSError, AegisgenError):
        return {}
    return mapping(data)


def _matching(root: Path, pattern: str) -> Iterable[Path]:
    try:
        return sorted(root.glob(pattern))
    except (OSError, ValueError, NotImplementedError):  # an absolute or empty pattern
        return []
