"""What becomes of the values in a template: YAML, words for a shell, the lines of a block scalar."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Sequence

from aegisgen.render.scalars import to_yaml


class Text(str):
    """Text that a template has already made safe: `safe` passes it on as it is."""

    __slots__ = ()


def safe(value: object) -> str:
    """Return a value as YAML that means exactly it."""
    return value if isinstance(value, Text) else to_yaml(value)


def block(text: str, width: int) -> Text:
    """Indent lines as the body of a YAML block scalar (`|`)."""
    return Text(textwrap.indent(text, " " * width).lstrip(" ").rstrip("\n"))


def shell(words: Sequence[str]) -> Text:
    """Quote a command's words for a POSIX shell."""
    return Text(shlex.join(words))
