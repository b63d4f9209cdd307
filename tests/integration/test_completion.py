"""Completion as shells ask for it: the shells' own functions, in the shells themselves."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.tools import available, need

from aegisgen.rules.table import RULES

pytestmark = pytest.mark.tools

# The function that a shell calls, and what it would offer, one word a line.
ASK = {
    "bash": """
eval "$(_AEGISGEN_COMPLETE=source_bash aegisgen)"
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_aegisgen_completion aegisgen
printf '%s\\n' "${COMPREPLY[@]}"
""",
    "zsh": """
compdef() { :; }
eval "$(_AEGISGEN_COMPLETE=source_zsh aegisgen)"
_arguments() { local list=${1#*\\(\\(}; eval "set -- ${list%\\)\\)}"; print -rl -- ${@%%:*}; }
_files() { :; }
words=("$@"); CURRENT=$#
_aegisgen_completion
""",
    "fish": """
_AEGISGEN_COMPLETE=source_fish aegisgen | source
complete --do-complete (string join ' ' -- $argv) | string replace -r '\\t.*' ''
""",
}


@pytest.fixture(params=available(ASK) or [need("bash")])
def complete(request, tmp_path):
    """Completes a command line in one shell and returns what is offered."""
    shell = shutil.which(request.param)
    command = tmp_path / "bin/aegisgen"
    command.parent.mkdir()
    command.write_text(
        f"#!{sys.executable}\nimport sys\nfrom aegisgen.__main__ import main\nsys.argv[0] = 'aegisgen'\nmain()\n"
    )
    command.chmod(0o755)
    script = tmp_path / "ask"
    script.write_text(ASK[request.param])
    environment = {**os.environ, "PATH": f"{command.parent}:{os.environ['PATH']}", "HOME": str(tmp_path)}

    def ask(line: str) -> list[str]:
        words = line.split(" ")
        done = subprocess.run([shell, script, *words], capture_output=True, text=True, env=environment, check=False)
        assert "Traceback" not in done.stderr, done.stderr
        return sorted(word for word in done.stdout.split("\n") if word)

    return ask


def test_it_completes_environments_services_and_rules(project, complete) -> None:
    assert complete("aegisgen render ") == ["production", "staging"]
    assert complete("aegisgen plan st") == ["staging"]
    assert complete("aegisgen check staging --service ") == ["api"]
    assert complete("aegisgen explain H10") == sorted(rule for rule in RULES if rule.startswith("H10"))
    assert "init" in complete("aegisgen i")


def test_outside_of_a_project_it_offers_nothing_and_says_nothing(tmp_path, monkeypatch, complete) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    # where nothing is offered, a shell goes on with files; here there is none
    assert complete("aegisgen render x") == []
    assert complete("aegisgen check --service a") == []


def test_services_of_included_files_are_offered_and_broken_ones_are_not(project, complete) -> None:
    (project / "teams").mkdir()
    for name, text in (
        ("a", "services: {basket: {}}\n"),
        ("b", "services: {\n"),
        ("c", "services: [x]\n"),
        ("d", "\xff"),
    ):
        (project / f"teams/{name}.yaml").write_bytes(text.encode("latin-1"))
    with (project / "aegisgen.yaml").open("a") as file:
        file.write("include: [teams/*.yaml, /etc/*, 1]\n")
    assert complete("aegisgen render staging --service ") == ["api", "basket"]


def test_a_broken_project_breaks_no_completion(project, complete) -> None:
    Path("argocd/aegisgen.yaml").write_text("services: {a: &a [*a")
    assert complete("aegisgen render pro") == ["production"]
    assert complete("aegisgen render staging --service x") == []
