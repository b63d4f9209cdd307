"""Templates look like the manifests they render, and no value can break out of its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from jinja2 import BaseLoader, Environment, FunctionLoader, TemplateError, TemplateSyntaxError

from aegisgen.errors import InputError, Problem
from aegisgen.record import Record
from aegisgen.render.compiled import compiled, environment
from aegisgen.render.plain import Text, block, safe, shell

# What a template can raise that is its author's fault.
_FAULTS = (
    TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError, MemoryError,
)  # fmt: skip


class Dialect(Record):
    """The language that templates are written in: what becomes of each `{{ value }}`, and what filters there are."""

    finalize: Callable[[object], str]
    extend: Callable[[Environment], None]


def _extend(environment: Environment) -> None:
    environment.filters.update(block=block, shell=shell, raw=Text)


YAML = Dialect(safe, _extend)


class Templates:
    """The templates by name."""

    def __init__(
        self,
        sources: Mapping[str, str],
        origins: Mapping[str, str],
        *,
        scripts: Mapping[str, str] | None = None,
        bundled: bool = False,
        dialect: Dialect = YAML,
    ) -> None:
        """`sources`: template name to text. `origins`: template name to what a user knows it by.

        `scripts`: file name to text of what is no template, and rendered as it is: the runner's component.

        `bundled`: all of them are aegisgen's own. Others are rendered in Jinja's sandbox.
        """
        self.scripts = scripts or {}
        self._sources = sources
        self._origins = origins
        self._bundled = bundled
        self._dialect = dialect
        self._precompiled = compiled(sources) if bundled else None
        self._environment = self._made(self._precompiled or FunctionLoader(self._load))

    def render(self, name: str, /, **values: object) -> str:
        """Render one template. Raises InputError with the template's line for whatever goes wrong in it."""
        try:
            return self._environment.get_template(name).render(**values)
        except _FAULTS as error:
            if self._precompiled:
                # A compiled template does not know its lines: let Jinja say it by the source.
                self._precompiled = None
                self._environment = self._made(FunctionLoader(self._load))
                return self.render(name, **values)
            raise InputError(self._problem(name, error)) from None

    def of(self, dialect: Dialect) -> Templates:
        """Return the same templates, taken as those of another language than YAML."""
        return Templates(self._sources, self._origins, scripts=self.scripts, bundled=self._bundled, dialect=dialect)

    def _made(self, loader: BaseLoader) -> Environment:
        kind: type[Environment] = Environment
        if not self._bundled:
            from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415 - few projects name templates

            kind = ImmutableSandboxedEnvironment
        made = environment(loader, self._dialect.finalize, kind)
        self._dialect.extend(made)
        return made

    def _load(self, name: str) -> tuple[str, str, None] | None:
        """Hand Jinja a source under the name that its user knows, so that a traceback tells which template failed."""
        return (self._sources[name], self._origins[name], None) if name in self._sources else None

    def _problem(self, name: str, error: Exception) -> Problem:
        import traceback  # noqa: PLC0415 - 2 ms, and only a template that fails needs it

        origin, line = self._origins.get(name, name), 0
        if isinstance(error, TemplateSyntaxError):
            origin, line = error.filename or origin, error.lineno
        else:
            for frame in traceback.extract_tb(error.__traceback__):
                if frame.filename in self._origins.values():
                    origin, line = frame.filename, frame.lineno or 0
        message = f"the template failed: {getattr(error, 'message', None) or error}"
        return Problem(origin, line, 1 if line else 0, "", message)
