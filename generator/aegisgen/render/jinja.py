"""Templates as Jinja renders them: the user's own, and whatever is wrong in any."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, NamedTuple

from jinja2 import Environment, FunctionLoader, StrictUndefined, TemplateError, TemplateSyntaxError

from aegisgen.errors import InputError, Problem
from aegisgen.render.plain import Text, block, safe, shell
from aegisgen.render.settings import WHITE_SPACE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jinja2 import BytecodeCache

# Beside its source, a template's compiled form depends on these settings; another value makes another cache.
_SETTINGS = "trim lstrip keep-newline strict"


class Dialect(NamedTuple):
    """The language that templates are written in: what becomes of each `{{ value }}`, and what filters there are."""

    name: str
    finalize: Callable[[object], str]
    extend: Callable[[Environment], None]


def _extend(environment: Environment) -> None:
    environment.filters.update(block=block, shell=shell, raw=Text)


YAML = Dialect("yaml", safe, _extend)


class JinjaTemplates:
    """The templates by name, compiled when first used."""

    def __init__(
        self,
        sources: Mapping[str, str],
        origins: Mapping[str, str],
        cache: Callable[[str], BytecodeCache] | None,
        dialect: Dialect = YAML,
    ) -> None:
        self._sources = sources
        self._origins = origins
        self._environment = Environment(
            loader=FunctionLoader(self._load),
            undefined=StrictUndefined,
            finalize=dialect.finalize,
            autoescape=False,  # noqa: S701 - `finalize` does for the dialect what escaping does for HTML
            bytecode_cache=cache(f"{_SETTINGS} {dialect.name}") if cache else None,
            **WHITE_SPACE,
        )
        dialect.extend(self._environment)

    def render(self, name: str, values: Mapping[str, object]) -> str:
        """Render one template. Raises InputError with the template's line for whatever goes wrong in it."""
        try:
            return self._environment.get_template(name).render(**values)
        except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
            raise InputError(self._problem(name, error)) from None

    def _load(self, name: str) -> tuple[str, str, None] | None:
        """Hand Jinja a source under the name that its user knows, so that a traceback tells which template failed."""
        return (self._sources[name], self._origins[name], None) if name in self._sources else None

    def _problem(self, name: str, error: Exception) -> Problem:
        origin, line = self._origins.get(name, name), 0
        if isinstance(error, TemplateSyntaxError):
            origin, line = error.filename or origin, error.lineno
        else:
            for frame in traceback.extract_tb(error.__traceback__):
                if frame.filename in self._origins.values():
                    origin, line = frame.filename, frame.lineno or 0
        message = f"the template failed: {getattr(error, 'message', None) or error}"
        return Problem(origin, line, 1 if line else 0, "", message)
