"""The Jinja environment: templates look like the manifests they render, and no value can break out of its place."""

from __future__ import annotations

import shlex
import textwrap
import traceback
from typing import TYPE_CHECKING, NamedTuple

from jinja2 import Environment, FunctionLoader, StrictUndefined, TemplateError, TemplateSyntaxError

from aegisgen.errors import InputError, Problem
from aegisgen.render.scalars import to_yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from jinja2 import BytecodeCache


# Beside its source, a template's compiled form depends on these settings; another value makes another cache.
_SETTINGS = "trim lstrip keep-newline strict"


class Dialect(NamedTuple):
    """The language that templates are written in: what becomes of each `{{ value }}`, and more."""

    name: str
    finalize: Callable[[object], str]
    extend: Callable[[Environment], None]
    """Gives an environment the dialect's filters."""


class SafeText(str):
    """Text that a template has already made safe: `finalize` passes it on as it is."""

    __slots__ = ()


def _finalize(value: object) -> str:
    return value if isinstance(value, SafeText) else to_yaml(value)


def _block(text: str, width: int) -> SafeText:
    """Indent lines as the body of a YAML block scalar (`|`)."""
    return SafeText(textwrap.indent(text, " " * width).lstrip(" ").rstrip("\n"))


def _shell(words: Sequence[str]) -> SafeText:
    """Quote a command's words for a POSIX shell."""
    return SafeText(shlex.join(words))


def _extend(environment: Environment) -> None:
    environment.filters.update(block=_block, shell=_shell, raw=SafeText)


YAML = Dialect("yaml", _finalize, _extend)


class Templates:
    """The templates by name, compiled when first used."""

    def __init__(
        self,
        sources: Mapping[str, str],
        origins: Mapping[str, str],
        cache: Callable[[str], BytecodeCache] | None = None,
        dialect: Dialect = YAML,
    ) -> None:
        """`sources`: template name to text. `origins`: template name to what a user knows it by.

        `cache` makes a cache of compiled templates, given what their compiled form depends on beside their source.
        """
        self._sources = sources
        self._origins = origins
        self._cache = cache
        self._environment = Environment(
            loader=FunctionLoader(self._load),
            undefined=StrictUndefined,
            finalize=dialect.finalize,
            autoescape=False,  # noqa: S701 - `finalize` does for the dialect what escaping does for HTML
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            bytecode_cache=cache(f"{_SETTINGS} {dialect.name}") if cache else None,
        )
        dialect.extend(self._environment)

    def of(self, dialect: Dialect) -> Templates:
        """Return the same templates, taken as those of another dialect."""
        return Templates(self._sources, self._origins, self._cache, dialect)

    def render(self, name: str, **values: object) -> str:
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
