"""Templates that are rendered twice, by their translation and by Jinja, and must come out the same."""

from __future__ import annotations

import warnings
from functools import cache
from typing import TYPE_CHECKING

from aegisgen.bundle import bundled
from aegisgen.render.environment import Templates
from aegisgen.render.translate import translate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aegisgen.render.environment import Translation


def translated(sources: Mapping[str, str]) -> dict[str, Translation]:
    """Return the translations of these templates, by name."""
    module: dict[str, dict] = {}
    with warnings.catch_warnings(action="ignore", category=SyntaxWarning):  # such as for an index into a number
        exec(compile(translate(sources), "translated", "exec"), module)
    return {name: function for name, (function, _) in module["TEMPLATES"].items()}


class Both(Templates):
    """Compares; a template without a translation is Jinja's alone."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        names = {name: name for name in sources}
        self.translations = translated(sources)
        self._by_jinja = Templates(sources, names)
        self.rendered: set[str] = set()
        super().__init__(sources, names, translations=self.translations)

    def render(self, name: str, **values: object) -> str:
        text = self._by_jinja.render(name, **values)
        if name in self.translations:
            parts: list[str] = []
            self.translations[name]({"dict": dict, **values}, parts.append)
            assert "".join(parts) == text == super().render(name, **values)
            self.rendered.add(name)
        return text


@cache
def bundled_templates() -> Both:
    """Return the templates that aegisgen brings."""
    folder = bundled("templates")
    files = sorted(folder.rglob("*.j2"))
    return Both({file.relative_to(folder).as_posix(): file.read_text(encoding="utf-8") for file in files})
