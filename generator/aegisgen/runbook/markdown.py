"""The dialect of the runbook's templates: Markdown in which a value is nothing but its text.

Source: CommonMark 0.31 (backslash escapes, code spans, fences) and GitHub's tables.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from aegisgen.output.visible import visible
from aegisgen.render.environment import Dialect
from aegisgen.render.plain import Text

if TYPE_CHECKING:
    from jinja2 import Environment

# ASCII punctuation that can mean something inside of a line; what only means something at a line's beginning cannot
# stand there, as a value never begins a line of the templates.
_SPECIAL = re.compile(r"([\\`*_\[\]<>&|~$])")
_TICKS = re.compile(r"`+")


def text(value: object) -> str:
    """Return a value as running text on one line."""
    if isinstance(value, Text):
        return value
    return _SPECIAL.sub(r"\\\1", _line(str(value)))


def code(value: object) -> Text:
    """Return a value as a code span; in a table too, where a bar would end the cell."""
    line = _line(str(value)).replace("|", r"\|")
    if not line:
        return Text("")
    ticks = "`" * (max((len(run) for run in _TICKS.findall(line)), default=0) + 1)
    room = " " if line[0] in "` " or line[-1] in "` " else ""
    return Text(f"{ticks}{room}{line}{room}{ticks}")


def quoted(value: object) -> Text:
    """Return a value as one word for a POSIX shell, for the inside of a fence."""
    return Text(shlex.quote(_line(str(value))))


def plain(value: object) -> Text:
    """Return a value as it is, on one line, for the inside of a fence."""
    return Text(_line(str(value)))


def _line(value: str) -> str:
    return visible(" ".join(value.split()))


def _extend(environment: Environment) -> None:
    environment.filters.update(code=code, q=quoted, plain=plain, block=Text, raw=Text)


MARKDOWN = Dialect(text, _extend)
