"""YAML text in, plain data with positions out.

Words mean what they mean to who reads the file in the end: see `scalars.Dialect`. Duplicate keys, unknown tags,
recursive anchors and anchor bombs are errors.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise

from aegisgen.errors import InputError, Problem
from aegisgen.yaml.nodes import Places, read
from aegisgen.yaml.scalars import Dialect

# A file's bytes and its name in, its documents out: `documents`, or what keeps their results.
Parser = Callable[[bytes, str], Iterable["Document | Problem"]]

_AFTER_MARKER = ("", " ", "\t", "\r", "\n")
_ONLY_DIRECTIVES = re.compile(r"(?:[ \t]*(?:[%#].*)?\r?\n)*%.*\r?\n(?:[ \t]*(?:[%#].*)?\r?\n)*\Z")
_BLANK = re.compile(r"(?:\s|#.*|---(?=\s|\Z)|\.\.\.(?=\s|\Z))*\Z")


class Document:
    """One YAML document: its plain data, and where each part of it stands in the file."""

    __slots__ = ("_places", "_text", "data", "dialect", "line", "readable", "source")

    def __init__(
        self, source: str, line: int, text: str, data: object, dialect: Dialect = Dialect.OWN, *, readable: bool = False
    ) -> None:
        self.source = source
        self.line = line
        """The line of the file, from 1, on which the document begins (its `---`, where it has one)."""
        self.data = data
        self.readable = readable
        """It is known that JSON can express all of `data`: no infinite numbers, no text that is not Unicode."""
        self.dialect = dialect
        self._text = text
        self._places: Places | None = None

    def __reduce__(self) -> tuple[type[Document], tuple[str, int, str, object, Dialect]]:
        """Travel to another process without the places: they are found again where somebody asks."""
        return Document, (self.source, self.line, self._text, self.data, self.dialect)

    def position(self, path: Sequence[str | int], *, key: bool = False) -> tuple[int, int]:
        """Return line and column, from 1, of the value at `path`, or of its key.

        A path that leads nowhere gives the place of the last part that exists.
        """
        if self._places is None:
            if not self._text:
                return self.line, 1
            self._places = Places(self._text, self.dialect)
        place = self._places.find(path, key=key)
        return (self.line, 1) if place is None else (self.line + place[0], place[1] + 1)


def decode(raw: bytes, source: str) -> str:
    """Decode a file's bytes; InputError where they are not UTF-8 text."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - (raw.rfind(b"\n", 0, error.start) + 1) + 1
        wide = raw[:2] in (b"\xff\xfe", b"\xfe\xff")
        wanted = "save the file as UTF-8" + (" (it looks like UTF-16)" if wide else "")
        raise InputError(Problem(source, line, column, "", f"not UTF-8 text; {wanted}")) from None
    if "\x00" in text:
        line = text.count("\n", 0, text.index("\x00")) + 1
        raise InputError(Problem(source, line, 1, "", "a NUL byte, expected text; is this a binary file?"))
    return text


def parse(text: str, source: str, dialect: Dialect = Dialect.OWN) -> Iterator[Document | Problem]:
    """Yield every document of a stream that holds anything, in order, and a Problem for each one that is broken."""
    for line, chunk in _chunks(text):
        content = read(chunk, source, line, dialect)
        if isinstance(content, Problem):
            yield content
        else:
            yield Document(source, line, chunk, content.data, dialect, readable=content.is_json)


def documents(raw: bytes, source: str, dialect: Dialect = Dialect.OWN) -> Iterator[Document | Problem]:
    """Yield every document of a file that holds anything, and a Problem for all that is broken."""
    try:
        text = decode(raw, source)
    except InputError as error:
        yield from error.problems
    else:
        yield from parse(text, source, dialect)


def manifests(raw: bytes, source: str) -> Iterator[Document | Problem]:
    """Yield the documents of a file that kubectl or Argo CD reads as it stands, as `documents` does."""
    return documents(raw, source, Dialect.PLAIN)


def parse_one(raw: bytes, source: str, parser: Parser = documents) -> Document:
    """Read a file that holds exactly one mapping; InputError for anything else."""
    parts = list(parser(raw, source))
    problems = [part for part in parts if isinstance(part, Problem)]
    if problems:
        raise InputError(*problems)
    parsed = [part for part in parts if isinstance(part, Document)]
    if not parsed or parsed[0].data is None:
        raise InputError(Problem(source, 1, 1, "", "the file is empty, expected one YAML document"))
    if len(parsed) > 1:
        message = "a second YAML document, expected one; remove the '---' or move it to a file of its own"
        raise InputError(Problem(source, parsed[1].line, 1, "", message))
    (document,) = parsed
    if not isinstance(document.data, dict):
        line, column = document.position(())
        raise InputError(Problem(source, line, column, "", f"{kind_of(document.data)}, expected a mapping of keys"))
    return document


def kind_of(value: object) -> str:
    """Name a value's YAML type for a message. The value itself may be a secret and stays out of messages."""
    names: tuple[tuple[type, str], ...] = (
        (bool, "a boolean"),  # before int, which it is too
        (int, "a number"),
        (float, "a number"),
        (str, "a string"),
        (list, "a list"),
        (dict, "a mapping"),
    )
    return next((name for kind, name in names if isinstance(value, kind)), "null")


def _chunks(text: str) -> Iterator[tuple[int, str]]:
    """Cut a stream at its markers, so that one broken document does not hide the others."""
    starts = [0, *_markers(text), len(text)]
    line = 1
    carried, carried_line = "", 1
    for start, end in pairwise(starts):
        chunk = text[start:end]
        if carried:
            chunk, first = carried + chunk, carried_line
        else:
            first = line
        line += text.count("\n", start, end)
        carried = ""
        if _ONLY_DIRECTIVES.match(chunk):  # %YAML 1.2 belongs to the document that follows
            carried, carried_line = chunk, first
        elif not _BLANK.match(chunk):
            yield first, chunk


def _markers(text: str) -> Iterator[int]:
    place = 0 if text.startswith("---") else text.find("\n---") + 1 or -1
    while place >= 0:
        if text[place + 3 : place + 4] in _AFTER_MARKER:
            yield place
        place = text.find("\n---", place) + 1 or -1
