"""Whatever a value says, a runbook's Markdown says nothing but it."""

from __future__ import annotations

import shlex

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from aegisgen.output.visible import visible
from aegisgen.runbook.guide import code, quoted, text

READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
# What profiles may hold: one line of text, without control characters.
LINE = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=40).map(
    lambda value: " ".join(value.split())
)


def cell(markdown: str) -> list[tuple[str, str]]:
    """The kinds and contents of what stands in the second cell of a table's row."""
    tokens = READER.parse(f"| a | b |\n|---|---|\n| x | {markdown} |\n")
    inlines = [token for token in tokens if token.type == "inline"]
    assert len(inlines) == 4, [token.content for token in inlines]
    return [(child.type, child.content) for child in inlines[3].children or () if child.content]


@given(LINE.filter(bool))
def test_text_is_text_and_nothing_else(value: str) -> None:
    found = cell(str(text(value)))
    assert {kind for kind, _ in found} <= {"text", "text_special"}
    assert "".join(content for _, content in found) == visible(value)


@given(LINE.filter(bool))
def test_code_is_one_code_span(value: str) -> None:
    ((kind, content),) = cell(code(value))
    assert kind == "code_inline"
    assert content == visible(value)


@given(LINE)
def test_a_word_of_a_command_is_one_word(value: str) -> None:
    assert shlex.split(f"kubectl get {quoted(value)}") == ["kubectl", "get", visible(value)]
