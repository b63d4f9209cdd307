"""What the pages show is what happens: every command on them runs, and prints what stands there."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
import yaml
from tests.conftest import ROOT
from tests.console import agrees, begin, blocks, commands_on
from tests.installations import build_wheel, new_environment
from tests.processes import ran
from tests.tools import need
from typer.main import get_command

from aegisgen.cli.app import app
from aegisgen.kube.compose import composer

PAGES = {
    page.relative_to(ROOT).as_posix(): page.read_text()
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
}
STARTED = "docs/getting-started.md"  # has a test of its own, with an environment of its own
SHOWING = [
    name for name, page in PAGES.items() if name != STARTED and any(block.kind == "console" for block in blocks(page))
]


def run_page(page: str, folder: Path, path: str) -> str:
    """Run a page's commands, compare what they print, and return what the last one printed."""
    sandbox = begin(page, folder, path)
    printed = ""
    for block in blocks(page):
        if block.kind != "console" or block.mark.startswith(("run by", "not run")):
            continue
        for command in block.commands:
            printed = sandbox.run(command.line)
            assert agrees(command.output, printed), (
                f"$ {command.line}\n{printed}\n--- the page shows:\n{command.output}"
            )
    return printed


@pytest.mark.tools
@pytest.mark.parametrize("name", SHOWING)
def test_commands_print_what_the_page_shows(name, tmp_path, kustomize) -> None:
    need("bash", "sed")
    run_page(PAGES[name], tmp_path / "page", commands_on(tmp_path / "bin"))


@pytest.mark.parametrize("name", PAGES)
def test_commands_that_are_not_run_here_are_commands(name) -> None:
    """Their names and options are held against the command line's definition; a test that runs them is there."""
    commands = get_command(app).commands
    for block in blocks(PAGES[name]):
        if block.mark.startswith("run by"):
            assert (ROOT / block.mark.removeprefix("run by ")).is_file()
        for command in block.commands:
            for name_, arguments in aegisgen_calls(command.line):
                assert name_ in commands, command.line
                parameters = commands[name_].params
                known = {option for each in parameters for option in (*each.opts, *each.secondary_opts)}
                options = {word.partition("=")[0] for word in arguments if word.startswith("-") and word != "-"}
                assert options <= known, command.line


def aegisgen_calls(line: str) -> Iterator[tuple[str, list[str]]]:
    """The calls of aegisgen in a line of shell: the command and its words."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    for token in [*lexer, ";"]:
        if not set(token) <= set(";&|<>()"):
            words.append(token)
            continue
        at = next((index for index, word in enumerate(words) if word.rpartition("/")[2] == "aegisgen"), len(words))
        if words[at + 1 :] and not words[at + 1].startswith("-"):
            yield words[at + 1], words[at + 2 :]
        words = []


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", PAGES[name]):
        path, _, anchor = target.partition("#")
        if path.startswith("http"):
            continue
        file = (ROOT / name).parent / path if path else ROOT / name
        assert file.exists(), f"{name}: {target}"
        if anchor and file.suffix == ".md":
            headings = re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE)
            assert anchor in {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}, (
                target
            )


def test_the_reference_is_what_the_types_say() -> None:
    done = subprocess.run([sys.executable, ROOT / "generator/build_profiles_page.py", "--check"], check=False)
    assert done.returncode == 0, "run: python generator/build_profiles_page.py"


def test_the_fields_that_pages_show_exist() -> None:
    """YAML of profiles on the pages beside the reference: each top-level key is one of a file, a spec or a service."""
    known: set[str] = set()
    for kind in ("project", "profile"):
        for definition in json.loads((ROOT / "schemas/aegisgen" / f"{kind}.json").read_text())["$defs"].values():
            known |= set(definition.get("properties", {}))
    for name in ("docs/faq.md", "docs/migrating.md", "docs/getting-started.md"):
        for text in re.findall(r"```yaml\n(# argocd/.*?)```", PAGES[name], re.DOTALL):
            assert set(yaml.safe_load(text)) <= known, text
    schema = json.loads((ROOT / "schemas/aegisgen/project.json").read_text())
    rules = {**schema["$defs"]["RuleSettings"], "$defs": schema["$defs"]}
    (text,) = re.findall(r"```yaml\n# argocd/aegisgen.yaml\nrules:\n(.*?)```", PAGES["docs/faq.md"], re.DOTALL)
    jsonschema.Draft202012Validator(rules).validate(yaml.safe_load(text))


@pytest.mark.tools
@pytest.mark.slow
def test_getting_started_to_the_letter_in_a_bare_environment_ends_clean(tmp_path, kustomize) -> None:
    """aegisgen from a wheel, in an environment of its own; Kustomize and the basic tools, and nothing else, on PATH."""
    need("bash", "sed")
    home = tmp_path / "environment"
    new_environment(home, build_wheel(tmp_path))
    tools = tmp_path / "tools"
    tools.mkdir()
    (command, *_) = composer() or ("",)
    for tool in (command, *map(shutil.which, ("bash", "sh", "mkdir", "cat", "sed", "pwd", "git"))):
        (tools / Path(str(tool)).name).symlink_to(str(tool))

    printed = run_page(PAGES[STARTED], tmp_path / "page", f"{home / 'bin'}:{tools}")

    assert printed.startswith("Sync of production/shop\n")
    work = tmp_path / "page/work/shop"
    env = {"PATH": str(tools), "HOME": str(tmp_path)}
    checked = ran([home / "bin/aegisgen", "check", "--require-tools"], cwd=work, env=env)
    assert (checked.returncode, checked.stdout) == (0, "12 files checked, no findings\n"), checked.stderr
