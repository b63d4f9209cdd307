"""Scenarios from files: those of aegisgen's own, of the project's, and those named on the command line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from aegisgen.errors import InputError, Problem, UsageError
from aegisgen.profile.sources import display
from aegisgen.rehearsal.scenario.model import Scenario
from aegisgen.yaml.source import parse_one

_OWN = Path(__file__).parent / "own"
_MAX_BYTES = 200_000

DEFAULT = ("clean", "again", "pods-at-once", "killed")
"""What is rehearsed where nothing is said."""


def scenarios(files: Iterable[Path], project: Path | None) -> dict[str, Scenario]:
    """Return every known scenario by name: aegisgen's, the project's (`rehearsal/*.yaml`), and those in `files`.

    A later one takes the place of an earlier one of the same name. Raises InputError with all that is wrong in them.
    """
    known: dict[str, Scenario] = {}
    problems: list[Problem] = []
    of_project = sorted((project / "rehearsal").glob("*.yaml")) if project else []
    for file in (*sorted(_OWN.glob("*.yaml"), key=_rank), *of_project, *files):
        try:
            scenario = _read(file)
        except InputError as error:
            problems += error.problems
        else:
            known[scenario.name] = scenario
    if problems:
        raise InputError(*problems)
    return known


def chosen(known: dict[str, Scenario], names: Sequence[str], files: Sequence[Path], *, every: bool) -> list[Scenario]:
    """Return the scenarios to play, in order. Raises UsageError for an unknown name."""
    for name in names:
        if name not in known:
            from aegisgen.profile.explain import closest  # noqa: PLC0415 - slow to import, and only needed here

            raise UsageError(f"no scenario {name!r}; there is {', '.join(known)}{closest(name, list(known))}")
    if every:
        return list(known.values())
    named = [*names, *(_read(file).name for file in files)]
    return [known[name] for name in dict.fromkeys(named or DEFAULT)]


def _rank(file: Path) -> tuple[int, str]:
    """The default ones come first, in their order."""
    return (DEFAULT.index(file.stem) if file.stem in DEFAULT else len(DEFAULT), file.stem)


def _read(file: Path) -> Scenario:
    source = display(file)
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise InputError(Problem(source, 0, 0, "", f"cannot be read: {error.strerror or error}")) from None
    if len(raw) > _MAX_BYTES:
        raise InputError(Problem(source, 0, 0, "", f"larger than {_MAX_BYTES // 1000} kB, expected a scenario"))
    document = parse_one(raw, source)
    try:
        return msgspec.convert(document.data, Scenario)
    except msgspec.ValidationError as error:
        from aegisgen.profile.explain import explain  # noqa: PLC0415 - 0.1 s to import, and only needed here

        raise InputError(*explain(document, Scenario, str(error))) from None
