"""A container's paths on a machine where all containers share one file system: each becomes a folder of the stage's.

Words of the command, and values of variables, that name such a path are rewritten. A program that has a path compiled
in, or reads it from a file, is not helped by that.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def rewriting(paths: Mapping[str, str]) -> Callable[[str], str]:
    """Return what replaces each absolute path of a container, and what lies below it, in a text.

    A path stands by itself where no other path or word runs into it: not in `s3://bucket/data`, nor in `$HOME/data`.
    """
    known = {path.rstrip("/"): local for path, local in paths.items() if path.rstrip("/")}
    if not known:
        return lambda text: text
    longest_first = sorted(known, key=len, reverse=True)
    pattern = re.compile(r"(?<![\w./$}])(?:" + "|".join(map(re.escape, longest_first)) + r")(?![\w.-])")
    return lambda text: pattern.sub(lambda match: known[match[0]], text)
