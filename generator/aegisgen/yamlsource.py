"""YAML text in, plain data with positions out.

Differs from PyYAML's safe loader where Kubernetes' own reader (sigs.k8s.io/yaml) does: timestamps and `1:30` are
strings and `1e3` is a number. Duplicate keys, unknown tags, recursive anchors and anchor bombs are errors.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

import yaml

from aegisgen.errors import InputError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# An alias is cheap to write and dear to follow: nine lines can stand for a billion nodes.
MAX_ALIASED_NODES = 20_000
# Deeper than any manifest, and shallow enough for the recursive reader below.
MAX_DEPTH = 200

_MARKER = re.compile(r"^---(?=[ \t\r\n]|\Z)", re.MULTILINE)
_ONLY_DIRECTIVES = re.compile(r"(?:[ \t]*(?:[%#].*)?\r?\n)*%.*\r?\n(?:[ \t]*(?:[%#].*)?\r?\n)*\Z")
_BLANK = re.compile(r"(?:\s|#.*|---(?=\s|\Z)|\.\.\.(?=\s|\Z))*\Z")
_TAG = "tag:yaml.org,2002:"
_BOOLS = {
    word: value
    for value, words in ((True, ("yes", "true", "on")), (False, ("no", "false", "off")))
    for lower in words
    for word in (lower, lower.capitalize(), lower.upper())
}
_INT = re.compile(r"[-+]?(?:0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|0|[1-9][0-9_]*)\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9_]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_SPECIAL_FLOAT = re.compile(r"(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z")
_MAX_DIGITS = 400


class _Mark(Protocol):
    line: int
    column: int


class _Loader(yaml.CSafeLoader):
    """Composes nodes; the words of plain scalars are resolved once each, which is most of the reading time."""

    def resolve(self, kind: type[yaml.Node], value: str | None, implicit: tuple[bool, bool]) -> str:
        if kind is yaml.ScalarNode:
            return _plain_tag(value or "") if implicit[0] else _TAG + "str"
        return _TAG + ("seq" if kind is yaml.SequenceNode else "map")


@lru_cache(maxsize=4096)
def _plain_tag(value: str) -> str:
    if value in {"", "~", "null", "Null", "NULL"}:
        return _TAG + "null"
    if value in _BOOLS:
        return _TAG + "bool"
    if value == "<<":
        return _TAG + "merge"
    first = value[0]
    if first.isdigit() or first in "+-.":
        if _INT.match(value):
            return _TAG + "int"
        if _FLOAT.match(value) or _SPECIAL_FLOAT.match(value):
            return _TAG + "float"
    return _TAG + "str"


@lru_cache(maxsize=4096)
def _number(value: str) -> int | float:
    text = value.replace("_", "").lower()
    sign = -1 if text.startswith("-") else 1
    digits = text.lstrip("+-")
    if digits.startswith(("0x", "0b", "0o")):
        return sign * int(digits, 0)
    if _INT.match(value):
        return sign * (int(digits, 8) if digits.startswith("0") and digits != "0" else int(digits))
    return float(text.replace(".inf", "inf").replace(".nan", "nan"))


class Document:
    """One YAML document: its plain data, and where each part of it stands in the file."""

    __slots__ = ("_node", "_text", "data", "line", "source")

    def __init__(self, source: str, line: int, text: str, data: object) -> None:
        self.source = source
        self.line = line
        """The line of the file, from 1, on which the document begins (its `---`, where it has one)."""
        self.data = data
        self._text = text
        self._node: yaml.Node | None = None

    def position(self, path: Sequence[str | int], *, key: bool = False) -> tuple[int, int]:
        """Return line and column, from 1, of the value at `path`, or of its key.

        A path that leads nowhere gives the place of the last part that exists.
        """
        if self._node is None:
            self._node = _Loader(self._text).get_single_node()
        node, mark = self._node, self._node.start_mark if self._node else None
        for index, part in enumerate(path):
            found = _child(node, part)
            if found is None:
                break
            node, key_mark = found
            mark = key_mark if key and index == len(path) - 1 else node.start_mark
        if mark is None:
            return self.line, 1
        return self.line + mark.line, mark.column + 1


def _child(node: yaml.Node | None, part: str | int) -> tuple[yaml.Node, _Mark] | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and 0 <= part < len(node.value):
        item = node.value[part]
        return item, item.start_mark
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return value, key.start_mark
        for key, value in node.value:  # a merged mapping lends its keys
            if key.tag == _TAG + "merge":
                found = _child(value, part)
                if found:
                    return found
    return None


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


def parse(text: str, source: str) -> Iterator[Document | Problem]:
    """Yield every document of a stream that holds anything, in order, and a Problem for each one that is broken."""
    for line, chunk in _chunks(text):
        try:
            data = _load(chunk)
        except yaml.YAMLError as error:
            yield _explain(error, source, line)
        except _TooDeepError:
            yield Problem(source, line, 1, "", f"nested more than {MAX_DEPTH} levels deep")
        else:
            yield Document(source, line, chunk, data)


def parse_one(raw: bytes, source: str) -> Document:
    """Read a file that holds exactly one mapping; InputError for anything else."""
    documents = list(parse(decode(raw, source), source))
    problems = [document for document in documents if isinstance(document, Problem)]
    if problems:
        raise InputError(*problems)
    found = [document for document in documents if isinstance(document, Document)]
    if not found or found[0].data is None:
        raise InputError(Problem(source, 1, 1, "", "the file is empty, expected one YAML document"))
    if len(found) > 1:
        message = "a second YAML document, expected one; remove the '---' or move it to a file of its own"
        raise InputError(Problem(source, found[1].line, 1, "", message))
    (document,) = found
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
    starts = [0, *(match.start() for match in _MARKER.finditer(text)), len(text)]
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


class _TooDeepError(Exception):
    pass


def _load(text: str) -> object:
    if _may_be_deep(text):
        _check_depth(text)
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
    finally:
        loader.dispose()
    return None if node is None else _Construction(aliases="&" in text).value(node)


def _may_be_deep(text: str) -> bool:
    """Bound the nesting from above without parsing: brackets opened, dashes and indentation."""
    if text.count("[") + text.count("{") + text.count("- -") + text.count("? ") > MAX_DEPTH:
        return True
    return " " * MAX_DEPTH in text


def _check_depth(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, _Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise _TooDeepError
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


class _Construction:
    """Plain data from nodes. With anchors in the text it also counts what aliases expand to."""

    def __init__(self, *, aliases: bool) -> None:
        self._aliases = aliases
        self._seen: set[int] = set()
        self._open: set[int] = set()
        self._repeated = 0

    def value(self, node: yaml.Node) -> object:
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node)
        if self._aliases:
            return self._guarded(node)
        return self._collection(node)

    def _guarded(self, node: yaml.Node) -> object:
        if id(node) in self._open:
            raise _error(node, "an anchor that contains itself")
        if id(node) in self._seen:
            self._repeated += 1 + len(node.value)
            if self._repeated > MAX_ALIASED_NODES:
                raise _error(node, f"aliases that expand to more than {MAX_ALIASED_NODES} nodes")
        self._seen.add(id(node))
        self._open.add(id(node))
        value = self._collection(node)
        self._open.remove(id(node))
        return value

    def _collection(self, node: yaml.Node) -> object:
        if isinstance(node, yaml.SequenceNode):
            if node.tag != _TAG + "seq":
                raise _error(node, f"the unknown tag {node.tag}")
            return [self.value(item) for item in node.value]
        if node.tag != _TAG + "map":
            raise _error(node, f"the unknown tag {node.tag}")
        return self._mapping(node)

    def _mapping(self, node: yaml.Node) -> dict[str, object]:
        result: dict[str, object] = {}
        merged: dict[str, object] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise _error(key_node, "a list or mapping as a key, expected a word")
            if key_node.tag == _TAG + "merge":
                merged = {**self._merge(value_node), **merged}
                continue
            key = key_node.value  # every key of JSON, and so of Kubernetes, is a string
            if key in result:
                raise _error(key_node, f"the key {key!r} twice in one mapping")
            result[key] = self.value(value_node)
        return {**merged, **result} if merged else result

    def _merge(self, node: yaml.Node) -> dict[str, object]:
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict[str, object] = {}
        for source in sources:
            value = self.value(source)
            if not isinstance(value, dict):
                raise _error(source, "a merge key '<<' that does not name a mapping")
            merged = {**value, **merged}
        return merged


def _scalar(node: yaml.ScalarNode) -> object:
    tag, value = node.tag, node.value
    if tag == _TAG + "str" or tag in {_TAG + "merge", _TAG + "value", _TAG + "timestamp"}:
        return value
    if tag == _TAG + "null":
        return None
    if tag == _TAG + "bool":
        return _BOOLS.get(value, value)
    if tag in {_TAG + "int", _TAG + "float"}:
        if len(value) > _MAX_DIGITS:
            raise _error(node, f"a number of more than {_MAX_DIGITS} digits")
        try:
            return _number(value)
        except (ValueError, OverflowError):
            raise _error(node, "something that is not a number under a number's tag") from None
    raise _error(node, f"the unknown tag {tag}")


def _error(node: yaml.Node, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)


def _explain(error: yaml.YAMLError, source: str, first_line: int) -> Problem:
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        message = ", ".join(part for part in (error.context, error.problem) if part)
        message = message.replace("did not find expected <", "expected <")
        if mark is not None:
            return Problem(source, first_line + mark.line, mark.column + 1, "", f"not valid YAML: {message}")
        return Problem(source, first_line, 1, "", f"not valid YAML: {message}")
    reason = getattr(error, "reason", None) or str(error).splitlines()[0]
    return Problem(source, first_line, 1, "", f"not valid YAML: {reason}")
