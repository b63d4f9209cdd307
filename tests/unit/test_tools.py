"""Each migration tool is a complete record: what is missing here would be missing in a cluster."""

from __future__ import annotations

import shlex
import string

import pytest
from tests.conftest import ROOT

from aegisgen.tools import TOOLS
from aegisgen.tools.tool import Called, Shell

TOOL = pytest.mark.parametrize("name", [name for name in TOOLS if name != "command"])
PLACES = {"run", "exec", "ping", "status", "migrate", "rollback", "at", "url", "timeout", "lock_timeout", "path"}


def test_every_module_is_in_the_table() -> None:
    folder = ROOT / "generator/aegisgen/tools"
    modules = {file.stem for file in folder.glob("*.py")} - {"__init__", "tool"}
    assert {name.replace("-", "_") for name in TOOLS} == modules


@TOOL
def test_a_tool_can_be_called_recognised_and_explained(name: str) -> None:
    tool = TOOLS[name]
    assert tool.title
    assert tool.locking
    assert tool.lock is None or tool.lock in tool.runtimes
    assert tool.tables
    assert all(tool.recorded)
    assert {written.verb for written in tool.written} >= {"insert"}
    assert tool.says_failed or name == "golang-migrate"  # whose row says so
    assert tool.mark_done or tool.mark_done_sql
    assert tool.files or tool.dependencies or name in {"golang-migrate", "goose"}  # plain SQL files, as others have
    assert tool.program
    assert {role for _, role in tool.roles} >= {"migrate", "status"}
    assert tool.lock != "none" or tool.unlock or "advisory" in tool.locking
    assert all(text == text.lower() for text, _ in tool.held)


@TOOL
def test_commands_name_nothing_but_what_is_filled_in(name: str) -> None:
    tool = TOOLS[name]
    commands = (
        tool.ping,
        tool.status,
        tool.migrate,
        tool.rollback,
        tool.verify,
        tool.take_back,
        tool.listing,
        tool.compare,
    )
    for text in filter(None, commands):
        named = {field for _, field, _, _ in string.Formatter().parse(text.replace("${url}", "{url}")) if field}
        assert named <= PLACES
        if not text.startswith("sh: "):
            assert shlex.split(text)


@TOOL
def test_other_commands_are_made_from_a_call(name: str) -> None:
    tool = TOOLS[name]
    call = Called(("x", "up"), ["x"], [], "npm", "URL", frozenset())
    made = tool.others(call) if tool.others else {}
    assert made.keys() >= {"status"}
    for words in made.values():
        assert "x" in (words.words if isinstance(words, Shell) else words)
