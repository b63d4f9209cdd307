"""What a check of a few services does not import: start-up is most of what a hook costs. No times are measured here."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import ROOT
from tests.processes import printed, ran

from aegisgen.profile import model
from aegisgen.profile.base import Model
from aegisgen.render.compiled import FOLDER, compile_all

# Each with what it stands for, or what it brings along. Jinja is not among them, nor what it brings: a check renders.
HEAVY = {
    "typer": "the command line, for help, completion and mistakes",
    "jsonschema": "an explanation of what is wrong in a profile",
    "rich": "tables",
    "typing_extensions": "what msgspec can do without",
    "dataclasses": "records; msgspec has them",
    "subprocess": "Kustomize",
    "multiprocessing": "many files",
    "difflib": "a diff, or a name that is nearly right",
    "logging": "nothing",
    "importlib.metadata": "email, csv and zipfile",
    "aegisgen.runbook.files": "runbooks, which few services have",
    "aegisgen.kube.reach": "what Kustomize would fetch",
}
PROGRAM = """
import sys
{before}
sys.argv[1:] = {arguments!r}
from aegisgen.__main__ import main
try:
    main()
except SystemExit as leaving:
    assert leaving.code == 0, leaving.code
for name in list(sys.modules):
    print(name, file=sys.stderr)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as an installation has it: with compiled templates."""
    home = tmp_path_factory.mktemp("installed")
    left_out = shutil.ignore_patterns("__pycache__", FOLDER.name)
    shutil.copytree(ROOT / "generator/aegisgen", home / "generator/aegisgen", ignore=left_out)
    for name in ("templates", "schemas"):
        (home / name).symlink_to(ROOT / name)
    compile_all(ROOT / "templates", home / "generator/aegisgen/render" / FOLDER.name)
    return home / "generator"


def imported(arguments: list[str], path: Path, before: str = "") -> set[str]:
    """Return the modules that a command line imports."""
    command = [sys.executable, "-c", PROGRAM.format(arguments=arguments, before=before)]
    outcome = ran(command, cwd=ROOT, env={"PYTHONPATH": str(path)})
    assert outcome.returncode == 0, outcome.stderr
    return set(outcome.stderr.splitlines())


@pytest.mark.parametrize("line", ["check --all --no-compose", "check production --no-compose", "render --all --diff"])
def test_a_clean_run_starts_nothing_heavy(line: str, installed: Path) -> None:
    needed = {"subprocess"} if line.startswith("check") else set()  # git is asked what it knows
    assert sorted((HEAVY.keys() - needed) & imported(line.split(), installed)) == []


def test_a_clean_run_compiles_no_template(installed: Path) -> None:
    imported(["check", "--no-compose"], installed, "import jinja2; jinja2.Environment.compile = None")


def test_the_version_costs_an_empty_program(installed: Path) -> None:
    command = [sys.executable, "-c", "import sys; print(*sys.modules)"]
    empty = printed(command, env={"PYTHONPATH": str(installed)})
    more = imported(["--version"], installed) - set(empty.split())
    assert more == {"__future__", "gc", "aegisgen", "aegisgen.__main__"}


def test_no_type_of_the_users_files_is_told_in_text() -> None:
    # Another test may have imported the scenarios of rehearsals, which nobody's check waits for.
    waited_for = [each for each in types(Model) if not each.__module__.startswith("aegisgen.rehearsal.")]
    told = [each.__qualname__ for each in waited_for if str in map(type, each.__annotations__.values())]
    assert model.Settings in set(types(Model))
    assert told == []


def types(base: type) -> Iterator[type]:
    for each in base.__subclasses__():
        yield each
        yield from types(each)
