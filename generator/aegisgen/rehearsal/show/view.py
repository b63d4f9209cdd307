"""What a reader's terminal can take."""

from __future__ import annotations

import os
import shutil
from typing import NamedTuple, TextIO

# A file or a pipe has no width; CI systems show this much.
_UNKNOWN_WIDTH = 120
_NARROWEST = 40


class View(NamedTuple):
    """How wide text may get, in columns, and whether it may be coloured."""

    width: int = _UNKNOWN_WIDTH
    colour: bool = False

    @classmethod
    def of(cls, stream: TextIO) -> View:
        """Return what `stream` takes: colour on a terminal only, and not where NO_COLOR forbids it."""
        if not stream.isatty():
            return cls()
        width = shutil.get_terminal_size((_UNKNOWN_WIDTH, 0)).columns
        return cls(max(width, _NARROWEST), colour=not os.environ.get("NO_COLOR"))
