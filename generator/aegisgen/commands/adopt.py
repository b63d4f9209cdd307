"""`aegisgen adopt`: hand-written overlays become a project that renders their equal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from aegisgen.adopt.adoption import prepare
from aegisgen.adopt.show import to_json, to_text
from aegisgen.project.tree.write import locked
from aegisgen.project.tree.write import write as write_tree


def main(paths: Sequence[Path], *, write: bool, lossy: bool, templates: Path | None, output: str) -> int:
    """Show what adopting the overlays at `paths` amounts to, write it if asked to, and return the exit code.

    1: something would be lost, and nothing was written unless `lossy`. Raises what `prepare` and `tree.write` raise.
    """
    adoption = prepare(paths, templates)
    written = write and (adoption.complete or lossy)
    if written:
        with locked(adoption.root):
            write_tree(adoption.root, adoption.changes)
    if output == "json":
        sys.stdout.write(to_json(adoption, written=written))
    else:
        sys.stdout.write(to_text(adoption, written=written, asked=write))
    return 0 if adoption.complete or (written and lossy) else 1
