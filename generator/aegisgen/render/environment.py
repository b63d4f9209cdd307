"""Templates look like the manifests they render, and no value can break out of its place."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from aegisgen.render.plain import GLOBALS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jinja2 import BytecodeCache

    from aegisgen.render.jinja import Dialect, JinjaTemplates

    Translation = Callable[[dict[str, object], Callable[[str], object]], None]


class Templates:
    """The templates by name."""

    def __init__(
        self,
        sources: Mapping[str, str],
        origins: Mapping[str, str],
        cache: Callable[[str], BytecodeCache] | None = None,
        translations: Mapping[str, Translation] | None = None,
    ) -> None:
        """`sources`: template name to text. `origins`: template name to what a user knows it by.

        `cache` makes a cache of compiled templates, given what their compiled form depends on beside their source.
        `translations`: those templates that `translate` made functions of, from these very sources.
        """
        self._sources = sources
        self._origins = origins
        self._cache = cache
        self._translations = translations or {}

    def render(self, name: str, **values: object) -> str:
        """Render one template. Raises InputError with the template's line for whatever goes wrong in it."""
        translation = self._translations.get(name)
        if translation is not None:
            parts: list[str] = []
            try:
                translation({**GLOBALS, **values}, parts.append)
                return "".join(parts)
            except Exception:  # noqa: S110 - Jinja knows better what is wrong, and whether anything is
                pass
        return self._jinja.render(name, values)

    def of(self, dialect: Dialect) -> JinjaTemplates:
        """Return the same templates, taken as those of another language than YAML."""
        from aegisgen.render.jinja import JinjaTemplates  # noqa: PLC0415 - see below

        return JinjaTemplates(self._sources, self._origins, self._cache, dialect)

    @cached_property
    def _jinja(self) -> JinjaTemplates:
        from aegisgen.render.jinja import JinjaTemplates  # noqa: PLC0415 - slow to import, and most do without

        return JinjaTemplates(self._sources, self._origins, self._cache)
