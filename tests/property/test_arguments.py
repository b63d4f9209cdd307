"""A command line that is read without Typer means what Typer says it means."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
from importlib import import_module

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.conftest import ROOT

from aegisgen.cli.app import app
from aegisgen.cli.arguments import read
from aegisgen.cli.arguments_table import TABLE


def by_typer(arguments: list[str]) -> dict[str, object] | None:
    """Return what the command is called with; None where Typer does not call it."""
    module = import_module(f"aegisgen.commands.{arguments[0]}")
    calls = []
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        contextlib.suppress(SystemExit),
    ):
        patch.setattr(module, "main", lambda **values: calls.append(values) or 0)
        patch.setattr(sys, "argv", ["aegisgen", *arguments])
        app(arguments)
    return calls[0] if calls else None


def words(command: str) -> st.SearchStrategy[list[str]]:
    options = TABLE[command]
    flags = sorted(filter(None, options))
    choices = sorted({word for _, takes, _ in options.values() if isinstance(takes, tuple) for word in takes})
    usual = ("staging", "pyproject.toml", ".", "missing/file", "0", "3", "-1", "-", "--", "", "a=b", "\u0661", "9" * 20)
    values = st.sampled_from([*choices, *usual])
    word = st.one_of(
        st.sampled_from(flags),
        values,
        st.builds("{}={}".format, st.sampled_from(flags), values),
        st.sampled_from(flags).map(lambda flag: flag[:-1]),
        st.sampled_from(["-h", "--help", "--nothing", "-a"]),
    )
    return st.lists(word, max_size=5).map(lambda rest: [command, *rest])


@given(st.sampled_from(sorted(TABLE)).flatmap(words))
@example(["check", "--all", "--no-compose"])
@example(["check", "--compose", "--no-compose"])
@example(["check", "staging", "production", "--service", "a", "--service=b*", "--format", "sarif", "--jobs", "2"])
@example(["check", "--project", "pyproject.toml", "--engine=kubeconform"])
@example(["check", "--project="])
@example(["render", "--all", "--all"])
@example(["validate", "-", "."])
@example(["validate", "--write-baseline"])
def test_what_is_read_without_typer_is_what_typer_reads(arguments: list[str]) -> None:
    call = read(arguments)
    if call is not None:
        assert call.command == arguments[0]
        assert call.values == by_typer(arguments)


@pytest.mark.parametrize(
    "line",
    [
        "check",
        "check --all --no-compose",
        "check production --format json --require-tools --jobs 2",
        "check --all --service api* --service web --project pyproject.toml",
        "render --all",
        "render staging --diff",
        "validate argocd/ --strict --kubernetes-version 1.34",
        "validate -",
    ],
)
def test_what_hooks_call_needs_no_typer(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert read(line.split()) is not None


@pytest.mark.parametrize("line", ["", "--help", "check --help", "check -h", "explain", "check --jobs -1", "check --al"])
def test_everything_else_is_typers(line: str) -> None:
    assert read(line.split()) is None


def test_the_table_is_made_from_the_command_line() -> None:
    script = [sys.executable, ROOT / "generator/build_arguments.py", "--check"]
    outcome = subprocess.run(script, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr
