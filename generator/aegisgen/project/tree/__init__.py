"""Comparing and writing the tree. This is the whole of its public face; `write` says what it guarantees."""

from aegisgen.project.tree.content import (
    HEADER,
    STAGE,
    Change,
    diff,
    files_below,
    generated,
    is_generated,
    locate,
    read,
    read_generated,
)
from aegisgen.project.tree.write import locked, write

__all__ = [
    "HEADER",
    "STAGE",
    "Change",
    "diff",
    "files_below",
    "generated",
    "is_generated",
    "locate",
    "locked",
    "read",
    "read_generated",
    "write",
]
