"""Standard output and standard error as the program has them: whatever is written leaves escaped.

What people and CI systems read holds names and texts of trees that anybody may have written. No caller can forget to
escape them: control characters, escape sequences, characters that turn the direction of writing or are not seen, and
lone surrogates come out as escapes such as `\\x1b`, and no line is a command to a CI system.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TextIO, cast

from aegisgen.output.visible import escaped

_PLAIN = re.compile(r"[\n\t -~]*\Z")
# What aegisgen itself sends to a terminal: colours, and the clear screen of `status --watch`.
_OWN = r"(\x1b\[(?:[0-9;]*m|H\x1b\[2J))"
# GitHub's runner takes a line for a command that begins with `::` after any blanks, or that has `##[` anywhere; Azure
# Pipelines takes `##vso[` (actions/runner, ActionCommand.cs). The escapes are ones that JSON reads back.
_BRACKET = r"##(?=(?:vso)?\[)"
_COLONS = r"(?m)^(\s*:):"


class Stream:
    """A text stream that escapes what is written to it; in everything else it is the stream under it."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self._begun = ""
        """How the line began that is being written, as far as that decides whether it begins with `::`."""

    def __getattr__(self, name: str) -> object:
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        """Write a text, escaped."""
        safe = text
        if not _PLAIN.match(text):
            parts = re.split(_OWN, text) if self.stream.isatty() else [text]
            safe = "".join(part if index % 2 else escaped(part) for index, part in enumerate(parts))
        if "##" in safe:
            safe = re.sub(_BRACKET, r"#\\u0023", safe)
        if ":" in safe:
            safe = re.sub(_COLONS, r"\1\\u003a", self._begun + safe)[len(self._begun) :]
        line = (self._begun + safe).rpartition("\n")[2]
        self._begun = line if line.strip() in {"", ":"} else "."
        self.stream.write(safe)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write lines as `write` does."""
        for line in lines:
            self.write(line)


@contextmanager
def escaping() -> Iterator[None]:
    """Have both standard streams escape what is written while the block runs."""
    before = sys.stdout, sys.stderr
    for stream in before:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # where the terminal's encoding lacks a character
    sys.stdout, sys.stderr = (cast("TextIO", Stream(stream)) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def unescaped(stream: TextIO) -> TextIO:
    """Return the stream under a standard stream, for who escapes by himself: commands to a CI system, a moving bar."""
    return stream.stream if isinstance(stream, Stream) else stream
