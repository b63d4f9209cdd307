"""What translated templates call when they run. Each does what Jinja does, or raises and leaves it to Jinja."""

from __future__ import annotations

import shlex
import textwrap
from typing import TYPE_CHECKING

from aegisgen.render.scalars import to_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


class Text(str):
    """Text that a template has already made safe: `safe` passes it on as it is."""

    __slots__ = ()


def safe(value: object) -> str:
    """Return a value as YAML that means exactly it."""
    return value if isinstance(value, Text) else to_yaml(value)


def attribute(value: object, name: str) -> object:
    """Return an attribute, or else an entry of that name."""
    try:
        return getattr(value, name)
    except AttributeError:
        return value[name]  # type: ignore[index]  # or TypeError


def has(value: object, name: str) -> bool:
    """Tell whether `attribute` finds something."""
    try:
        attribute(value, name)
    except (AttributeError, LookupError, TypeError):
        return False
    return True


def looped(values: Iterable[object]) -> Iterator[tuple[dict[str, object], object]]:
    """Yield the values, each with what a template may ask of where the loop is."""
    items = list(values)
    for index, item in enumerate(items, start=1):
        yield {"index": index, "last": index == len(items)}, item


def block(text: str, width: int) -> Text:
    """Indent lines as the body of a YAML block scalar (`|`)."""
    return Text(textwrap.indent(text, " " * width).lstrip(" ").rstrip("\n"))


def shell(words: Sequence[str]) -> Text:
    """Quote a command's words for a POSIX shell."""
    return Text(shlex.join(words))


def indent(text: str, width: int, *, first: bool = False) -> str:
    """Indent the lines that are not empty, the first one only if asked to."""
    head, *rest = f"{text}\n".splitlines()
    margin = " " * width
    lines = [margin + head if first else head, *(margin + line if line else line for line in rest)]
    return "\n".join(lines)


def string(value: object) -> str:
    """Return a value as text, and text as it is."""
    return value if isinstance(value, str) else str(value)


GLOBALS: dict[str, object] = {"dict": dict}
FILTERS = {
    "block": block,
    "indent": indent,
    "int": int,
    "lower": lambda value: string(value).lower(),
    "raw": Text,
    "shell": shell,
    "string": string,
}
