"""Comparing and writing the tree. This is the whole of its public face; `write` says what it guarantees."""

from aegisgen.tree.content import HEADER, STAGE, Change, diff, generated, is_generated, read
from aegisgen.tree.write import locked, write

__all__ = ["HEADER", "STAGE", "Change", "diff", "generated", "is_generated", "locked", "read", "write"]
