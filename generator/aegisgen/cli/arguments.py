"""Plain command lines, read without Typer: importing that costs a quarter of what a cold check does.

`cli.py` is the one definition of the command line. What this module goes by, `arguments_table.py`, is made from it by
`generator/build_arguments.py`, and a test holds the two together. Only what is plainly right is read here: options
that exist, written in full, each with a value that it takes. Everything else, right or wrong (help, completion, `--`,
a misspelt name), is left to Typer, which alone speaks to people about it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from aegisgen.cli.arguments_table import TABLE
from aegisgen.record import Record


class Call(Record):
    """A command, and the values of all its parameters for `main` in its module of `commands/`."""

    command: str
    values: dict[str, object]


def read(arguments: Sequence[str]) -> Call | None:
    """Read a command line, without the program's name; None where it is not a plain one."""
    if not arguments or arguments[0] not in TABLE:
        return None
    options = TABLE[arguments[0]]
    given: dict[str, object] = {}
    words = iter(arguments[1:])
    for word in words:
        # An argument goes by the name "".
        flag, joined, text = word.partition("=") if word.startswith("-") and word != "-" else ("", "=", word)
        if flag not in options:
            return None
        name, takes, _ = options[flag]
        if isinstance(takes, bool):
            value: object = None if joined else takes
        else:
            value = _value(takes, text if joined else next(words, "--"))
        if takes == "texts" and value is not None:
            before = given.get(name)
            value = [*before, value] if isinstance(before, list) else [value]
        elif name in given:
            return None
        if value is None:
            return None
        given[name] = value
    defaults = {name: default for name, _, default in options.values()}
    return Call(arguments[0], {**defaults, **given})


def _value(takes: str | tuple[str, ...], text: str) -> object:
    """Return a value as its parameter takes it, None where it may not be one or looks like an option."""
    if text.startswith("-") and text != "-":
        return None
    if isinstance(takes, tuple):
        return text if text in takes else None
    if takes == "number":
        return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None  # noqa: PLR2004
    if takes == "path":
        from pathlib import Path  # noqa: PLC0415

        return Path(text) if os.access(text, os.R_OK) else None
    return text
