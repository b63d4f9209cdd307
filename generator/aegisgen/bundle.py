"""Where the data and the programs lie that are installed with the package."""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path

WHEELS = str(Path(sys.executable).parent)
"""Where pip puts the programs of wheels."""


@cache
def bundled(name: str) -> Path:
    """Return the directory `name` ("templates", "schemas" or "docs/rules").

    A wheel carries it inside the package; a checkout and an editable install have it at the top of the repository.
    Raises FileNotFoundError where the installation is broken.
    """
    package = Path(__file__).resolve().parent
    for candidate in (package / "_bundle" / name, package.parents[1] / name):
        if candidate.is_dir():
            return candidate
    message = f"the installation of aegisgen is incomplete: {name}/ is missing; install it again"
    raise FileNotFoundError(message)


def programs(*names: str, path: str | None = None) -> tuple[str, ...]:
    """Return the paths of those of the programs that can be found, the best one first.

    `path` (the default: PATH) comes first, with the names in the order given. Then come the programs of
    wheels: their folder is not on PATH where the environment is not activated.
    """
    import shutil  # noqa: PLC0415 - 8 ms, and a run without tools does not need it

    folders = (path or os.environ.get("PATH", os.defpath), WHEELS)
    found = (shutil.which(name, path=folder) for folder in folders for name in names)
    return tuple(dict.fromkeys(filter(None, found)))


def program(name: str) -> str | None:
    """Return the path of one program, None where it is neither on PATH nor beside this interpreter."""
    return next(iter(programs(name)), None)
