"""Comparing and writing the tree. This is the whole of its public face; `write` says what it guarantees."""

from aegisgen.tree.content import HEADER, STAGE, Change, diff, generated, is_generated, locate, read
from aegisgen.tree.write import locked, write

__all__ = ["HEADER", "STAGE", "Change", "diff", "generated", "is_generated", "locate", "locked", "read", "write"]
