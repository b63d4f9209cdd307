"""The bundled templates as Python modules, compiled by Jinja when a wheel or an editable install is built.

Compiling them costs more than all else that a check of a few services does. They are loaded from inside of the package
only, and only while they are what Jinja would make of today's sources; where they are not, Jinja compiles the sources.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2.compiler
import jinja2.runtime
from jinja2 import BaseLoader, DictLoader, Environment, ModuleLoader, StrictUndefined, pass_context

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jinja2.runtime import Context

FOLDER = Path(__file__).with_name("compiled_templates")
_CHECKSUM = "checksum"
# The filters of every dialect. When a template is compiled only their names count.
_FILTERS = ("block", "code", "plain", "q", "raw", "shell")


def environment(
    loader: BaseLoader, finalize: Callable[[object], str] = str, kind: type[Environment] = Environment
) -> Environment:
    """Return an environment of the settings that all templates are written for.

    What is compiled does not depend on `finalize`: with a context, Jinja calls it for constants too when it renders.
    """

    @pass_context
    def finalized(_: Context, value: object) -> str:
        return finalize(value)

    return kind(
        loader=loader,
        undefined=StrictUndefined,
        finalize=finalized,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def compile_all(templates: Path, folder: Path) -> None:
    """Compile what lies in `templates` into `folder`, with a checksum of what it was made from."""
    sources = {
        file.relative_to(templates).as_posix(): file.read_text(encoding="utf-8") for file in templates.rglob("*.j2")
    }
    compiler = environment(DictLoader(sources))
    compiler.filters.update(dict.fromkeys(_FILTERS, _unknown))
    compiler.compile_templates(folder, zip=None, ignore_errors=False)
    (folder / _CHECKSUM).write_text(_checksum(sources), encoding="ascii")


def compiled(sources: Mapping[str, str], folder: Path = FOLDER) -> ModuleLoader | None:
    """Return a loader of the compiled templates; None where there are none, or none of these sources."""
    try:
        known = (folder / _CHECKSUM).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return None
    return _loader(folder) if known == _checksum(sources) else None


@cache
def _loader(folder: Path) -> ModuleLoader:
    """Return the one loader of a folder: a second one would import each module again."""
    return ModuleLoader(folder)


def _unknown(*_: object) -> object:
    """Return what Jinja cannot write into a compiled template, so that it calls the true filter when it renders."""
    return object()


def _checksum(sources: Mapping[str, str]) -> str:
    """Return a checksum of the sources, of the settings above, and of the part of Jinja that compiles and runs them."""
    result = sha256()
    for file in (__file__, jinja2.compiler.__file__, jinja2.runtime.__file__):
        result.update(sha256(Path(file).read_bytes()).digest())
    for name, source in sorted(sources.items()):
        result.update(sha256(name.encode()).digest() + sha256(source.encode()).digest())
    return result.hexdigest()
