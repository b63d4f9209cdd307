"""Text from outside made safe for a line of output, and how wide it is on a terminal."""

from __future__ import annotations

from unicodedata import category, east_asian_width

TAB = "    "


def visible(text: str) -> str:
    """Return `text` with tabs as spaces and everything that does not print as an escape such as `\\x1b` or `\\u202e`.

    That includes newlines, lone surrogates, the characters that turn the direction of writing, and spaces that only
    look like one, which YAML does not take for one either.
    """
    if text.isprintable():
        return text
    return "".join(map(visible_character, text))


def escaped(text: str) -> str:
    """Return a text with everything escaped that does not print, but for its newlines and tabs."""
    if text.isprintable():
        return text
    return "".join(char if char in "\n\t" else visible_character(char) for char in text)


def visible_lines(text: str) -> str:
    """Return a text of several lines with each line safe, and the lines after the first indented.

    So no line of a message from outside can pass for a finding of its own.
    """
    return "\n    ".join(map(visible, text.split("\n")))


def visible_character(character: str) -> str:
    """Return what stands for one character on the terminal."""
    if character.isprintable():
        return character
    return TAB if character == "\t" else character.encode("unicode_escape").decode("ascii")


def width(text: str) -> int:
    """Return how many columns a terminal needs for printable text (Unicode Standard Annex 11)."""
    return len(text) if text.isascii() else sum(map(_character_width, text))


def _character_width(character: str) -> int:
    if category(character) in {"Mn", "Me"}:
        return 0
    return 2 if east_asian_width(character) in {"W", "F"} else 1
