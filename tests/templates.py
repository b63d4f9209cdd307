"""The templates that aegisgen brings, as Jinja compiles them from their sources."""

from __future__ import annotations

from functools import cache

from aegisgen.bundle import bundled
from aegisgen.render.environment import Templates


@cache
def bundled_sources() -> dict[str, str]:
    """Return the text of every bundled template by name."""
    folder = bundled("templates")
    return {file.relative_to(folder).as_posix(): file.read_text(encoding="utf-8") for file in folder.rglob("*.j2")}


@cache
def bundled_templates() -> Templates:
    """Return the templates that aegisgen brings."""
    scripts = {file.name: file.read_text(encoding="utf-8") for file in (bundled("templates") / "runner").iterdir()}
    return Templates(bundled_sources(), {name: name for name in bundled_sources()}, scripts=scripts)
