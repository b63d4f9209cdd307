"""What a template's text means: the settings of Jinja that both who renders and who translates go by."""

from __future__ import annotations

from typing import TypedDict


class WhiteSpace(TypedDict):
    """How Jinja treats lines that hold nothing but a statement."""

    trim_blocks: bool
    lstrip_blocks: bool
    keep_trailing_newline: bool


WHITE_SPACE = WhiteSpace(trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)
