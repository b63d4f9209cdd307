"""`aegisgen adopt`: hand-written overlays become a project that renders their equal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from aegisgen.adopt.adoption import prepare
from aegisgen.adopt.show import to_json, to_text
from aegisgen.project.tree import locked, write


def run(paths: Sequence[Path], *, form: str, write_it: bool, lossy: bool, templates: Path | None = None) -> int:
    """Show what adopting the overlays at `paths` amounts to, write it if asked to, and return the exit code.

    1: something would be lost, and nothing was written unless `lossy`. Raises what `prepare` and `tree.write` raise.
    """
    adoption = prepare(paths, templates)
    written = write_it and (adoption.complete or lossy)
    if written:
        with locked(adoption.root):
            write(adoption.root, adoption.changes)
    sys.stdout.write((to_json if form == "json" else to_text)(adoption, written=written, asked=write_it))
    return 0 if adoption.complete or (written and lossy) else 1
