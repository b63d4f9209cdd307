"""Templates translated into Python when aegisgen was built or installed, so that a run need not import Jinja.

They lie in `translated_templates.py`, which is not in the repository: `hatch_build.py` has it made for a wheel and for
an editable install. A translation counts only while its template, what that includes, and the translator itself are,
byte for byte, what it was made from; without one, Jinja renders.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aegisgen.render.environment import Translation

NAME = "translated_templates"
_MADE_BY = ("render/translate.py", "render/plain.py", "render/settings.py")
# Not YAML but Markdown, a dialect of its own, and no command that somebody waits for renders it alone.
JINJAS_ALONE = "runbook/"


def translations(sources: Mapping[str, str]) -> dict[str, Translation]:
    """Return the translations that these templates have, by name."""
    try:
        made = import_module(f"aegisgen.{NAME}")
        if _translator() != made.TRANSLATOR:
            return {}
        same = {name for name, source in made.SOURCES.items() if sources.get(name) == source}
        return {name: function for name, (function, needs) in made.TEMPLATES.items() if same.issuperset(needs)}
    except (ImportError, AttributeError, SyntaxError, OSError):
        return {}


def make(file: Path) -> None:
    """Translate the templates of a checkout and write the module."""
    from aegisgen.bundle import bundled  # noqa: PLC0415 - only who builds needs these
    from aegisgen.render.translate import translate  # noqa: PLC0415

    folder = bundled("templates")
    sources = {each.relative_to(folder).as_posix(): each.read_text(encoding="utf-8") for each in folder.rglob("*.j2")}
    sources = {name: source for name, source in sources.items() if not name.startswith(JINJAS_ALONE)}
    file.write_text(f"{translate(sources)}\nTRANSLATOR = {_translator()!r}\n", encoding="utf-8")


def _translator() -> str:
    folder = Path(__file__).parent
    return "".join((folder / name).read_text(encoding="utf-8") for name in _MADE_BY)
