"""Where the data that ships with the package lies: `templates/` and `schemas/`."""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def bundled(name: str) -> Path:
    """Return the directory `name` ("templates" or "schemas").

    A wheel carries it inside the package; a checkout and an editable install have it at the top of the repository.
    Raises FileNotFoundError where the installation is broken.
    """
    package = Path(__file__).resolve().parent
    for candidate in (package / "_bundle" / name, package.parents[1] / name):
        if candidate.is_dir():
            return candidate
    message = f"the installation of aegisgen is incomplete: {name}/ is missing; install it again"
    raise FileNotFoundError(message)
