"""`aegisgen init`: a first project, written whole or not at all, and never over anything."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from aegisgen.errors import TreeError, UsageError
from aegisgen.init.answers import Answers
from aegisgen.init.clues import Clues, look
from aegisgen.init.detect import detect
from aegisgen.init.files import project_files
from aegisgen.init.questions import Flags, complete
from aegisgen.output.visible import visible
from aegisgen.profile.load import PROJECT_FILE
from aegisgen.profile.migrations import Scripts
from aegisgen.profile.sources import display
from aegisgen.project.rendered import load_templates
from aegisgen.project.tree.content import Change, read
from aegisgen.project.tree.write import locked, write
from aegisgen.project.workspace import named_templates


def main(
    directory: Path,
    *,
    yes: bool,
    environments: Sequence[str] | None,
    namespace: Sequence[str] | None,
    prefix: Sequence[str] | None,
    tag: Sequence[str] | None,
    database_host: Sequence[str] | None,
    templates: Path | None,
    **flags: str | None,
) -> int:
    """Write a project for the repository in `directory` and return the exit code; `yes`: guess what nobody says.

    Raises UsageError for wrong or missing answers, TreeError where something stands in the way.
    """
    flags_given = _flags(
        {key.replace("_", "-"): value for key, value in flags.items()},
        environments,
        {"namespace": namespace, "prefix": prefix, "tag": tag, "database-host": database_host},
    )
    clues = look(directory)
    _refuse_old(directory, clues)
    found = detect(clues, flags_given.answers)
    ask = None if yes or not sys.stdin.isatty() else _ask
    answers = complete(flags_given, found, ask, guess=yes)
    texts = project_files(answers, found, load_templates(named_templates(templates)))
    prefix = f"{clues.project}/" if clues.project else ""
    files = {prefix + path: text for path, text in texts.items()}
    _create(directory, files)
    for path in sorted(files):
        sys.stdout.write(f"created   {visible(display(directory / path))}\n")
    sys.stdout.write(
        _next_steps(answers, visible(display(directory / clues.project)), told="package.json" in clues.files)
    )
    return 0


def _flags(
    flags: Mapping[str, str | None],
    environments: Sequence[str] | None,
    of_environments: Mapping[str, Sequence[str] | None],
) -> Flags:
    by_environment: dict[str, dict[str, str]] = {}
    for key, given in of_environments.items():
        for word in given or ():
            name, equals, value = word.partition("=")
            if not equals:
                raise UsageError(f"--{key} {word}: expected ENV=VALUE, such as staging={word}; nothing was written")
            by_environment.setdefault(key, {})[name] = value
    answers = {key: value for key, value in flags.items() if value is not None}
    return Flags(answers, tuple(environments or ()), by_environment)


def _refuse_old(directory: Path, clues: Clues) -> None:
    """What is there already is somebody's: say so before asking anything."""
    root = directory / clues.project
    if (root / PROJECT_FILE).exists():
        raise TreeError(f"{display(root / PROJECT_FILE)} exists: this is a project already; nothing was written")
    overlays = root / "overlays"
    if overlays.is_dir() and any(overlays.iterdir()):
        message = (
            f"{display(overlays)} holds overlays already; 'aegisgen adopt {display(overlays)}' makes profiles of them; "
            "nothing was written"
        )
        raise TreeError(message)


def _create(directory: Path, files: dict[str, str]) -> None:
    made = [folder for folder in (directory, *directory.parents) if not folder.exists()]
    directory.mkdir(parents=True, exist_ok=True)
    try:
        with locked(directory):
            existing = [path for path in sorted(files) if read(directory, path) is not None]
            if existing:
                names = "\n".join(f"{display(directory / path)} exists, and is not overwritten" for path in existing)
                raise TreeError(f"{names}; nothing was written")
            write(directory, [Change(path, None, text.encode()) for path, text in files.items()])
    except BaseException:
        for folder in made:
            folder.rmdir()
        raise


def _ask(question: str, default: str, options: tuple[str, ...], complaint: str) -> str:
    words = f" ({', '.join(options)})" if options else ""
    shown = f" [{default}]" if default else ""
    sys.stderr.write(f"{complaint}\n" if complaint else "")
    sys.stderr.write(f"{question}{words}{shown}: ")
    sys.stderr.flush()
    line = sys.stdin.readline()
    if not line:
        sys.stderr.write("\n")
        raise UsageError("the answers ended before the questions; nothing was written")
    return line.strip()


def _next_steps(answers: Answers, project: str, *, told: bool) -> str:
    steps = []
    if answers.guessed:
        steps.append(
            f"look at what was guessed ({', '.join(answers.guessed)}) in {project}/{PROJECT_FILE} and its profiles/"
        )
    if answers.by_question["tool"] == "knex" and not told:
        scripts = Scripts()
        names = ", ".join((scripts.ping, scripts.status, scripts.migrate, scripts.rollback))
        steps.append(
            f"see that the application's package.json has the scripts {names}, or name yours in the project file"
        )
    steps += ["aegisgen render --all", "aegisgen check"]
    numbered = "".join(f"  {number}. {step}\n" for number, step in enumerate(steps, start=1))
    return f"\nNext:\n{numbered}"
