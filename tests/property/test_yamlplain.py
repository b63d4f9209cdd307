"""The fast reader against the whole one: where it answers, every value and every position is the same."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aegisgen import yamlnodes, yamlplain
from aegisgen.errors import Problem
from aegisgen.kube.schemas import unreadable
from aegisgen.yamlsource import _chunks, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]

KEYS = ["a", "b", "a.b/c-d", "name", "1", "true", "null", "_x", "$patch", "-k", "?k", '"q"', "<<", "=", "~", "k k", "é"]
WORDS = [
    "", "x", "1", "-1", "0123", "089", "1e3", "1_0", ".5", ".inf", ".nan", "1:30", "yes", "~", "null", "<<", "=", "+", "-", "--", "---",
    "...", "a b", "a  b", "a: b", "a:b", "a:", ":a", "a #b", "a#b", "# c", "#c", "x # c", "x  ", "http://h:1/p", "a,b", "[x]", "[]", "{}",
    "[] # c", "{a: 1}", "[a, b]", "&x y", "*x", "!t y", "|", "|-", "|+", "|2", "| # c", "|#c", ">", ">-", "%x", "@x", "`x", "'s'", "'it''s'",
    "'s' # c", "'s'#c", "'open", "''", '"d"', '"d\\n"', '"d\\"q"', '"d\\x41"', '"d\\/"', '"open', '""', '"d" x', "\\x", "(x)", "^", ";", "?",
    "? x", "a\tb", "é", "a{b}", "*", "-x", "- x", "-  x", "- - x", "- a: 1", "- a:", "- |", "- {}", "- - a: 1", "9" * 401, "x" * 200,
]  # fmt: skip


@st.composite
def lines(draw: st.DrawFn) -> str:
    indent = " " * draw(st.sampled_from([0, 0, 0, 2, 2, 2, 4, 4, 1, 3, 6]))
    dash = draw(st.sampled_from(["", "", "", "- ", "- ", "-  ", "-"]))
    key = draw(st.sampled_from(["", "", *[f"{key}:{gap}" for key in KEYS[:4] * 3 + KEYS for gap in (" ", "", "  ")]]))
    return indent + dash + key + draw(st.sampled_from(WORDS[:3] * 12 + WORDS))


TEXTS = st.lists(lines(), min_size=1, max_size=9).map(lambda found: "".join(f"{line}\n" for line in found))


@st.composite
def well_formed(draw: st.DrawFn) -> str:
    """Block YAML with few surprises, so that most of it is plain."""
    values = ["x", "1", '"a b"', "'c'", "true", "{}", "[]", "", "x # c", "a:b", "|", "|-", "|+"]

    def block(margin: int, depth: int) -> Iterator[str]:
        listed = depth > 0 and draw(st.booleans())
        for index in range(draw(st.integers(1, 3))):
            value = draw(st.sampled_from(values))
            start = " " * margin + ("- " if listed else f"k{index}: ")
            if draw(st.integers(0, 9)) == 0:
                yield draw(st.sampled_from(["", "   ", "# c", " " * margin + "# c"]))
            if depth < 3 and draw(st.integers(0, 2)) == 0:
                if listed:
                    first, *rest = block(margin + 2, depth + 1)
                    if first.strip() and not first.lstrip().startswith(("#", "- ")):
                        yield start + first[margin + 2 :]
                        yield from rest
                        continue
                else:
                    yield start.rstrip()
                    yield from block(margin + draw(st.sampled_from([2, 2, 4])), depth + 1)
                    continue
            yield (start + value) if listed and value else start + (value or "~")
            if value.startswith("|"):
                pad = " " * (margin + draw(st.sampled_from([2, 4, 4])))
                for _ in range(draw(st.integers(1, 3))):
                    yield draw(st.sampled_from([pad + "text", pad + "  # text", pad + "a: b", pad + "text"]))
                    yield from draw(st.sampled_from([[], [], [""], ["  "], [pad + " "]]))

    return "".join(f"{line}\n" for line in block(0, 0))


def same(text: str) -> bool:
    """Hold the fast reader's answer, if it has one, to the other's; tell whether it had one."""
    fast = yamlplain.read(text)
    if fast is None:
        assert yamlplain.places(text) is None
        return False
    whole = yamlnodes.read(text, "f", 1)
    assert not isinstance(whole, Problem), (text, whole)
    assert _comparable(fast) == _comparable(whole), text
    assert not list(unreadable(fast)), text
    near, far = yamlplain.places(text), yamlnodes.Places(text)
    assert near is not None
    for path in [*_paths(fast, ()), ("nothing",), (0, "nothing")]:
        for key in (False, True):
            assert near.find(path, key=key) == far.find(path, key=key), (text, path, key)
    return True


def _comparable(value: object) -> object:
    """Tell 1 from True and 1.0, and nan from nothing."""
    if isinstance(value, dict):
        return [(key, _comparable(item)) for key, item in value.items()]
    if isinstance(value, list):
        return [_comparable(item) for item in value]
    return (type(value), "nan" if isinstance(value, float) and math.isnan(value) else value)


def _paths(value: object, path: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    yield path
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in parts:
        yield from _paths(item, (*path, key))


@settings(max_examples=300)
@given(TEXTS)
@example("a: |\n\n    x\n  \n      y\n\nb: 1\n")
@example("a: |\n     \n  x\n")
@example("a:\n- b\n- c: |\n    x\n   # c\n  d: 1\n")
@example("a: |\n  x\n y\n")
@example("a: 1\n  # c\nb:\n# c\n  c: 1\n")
@example("---\n  a: 1\n  b:\n  - c\n")
@example("a: x\n  - y\n")
@example("a: x\n  y: z\n")
@example("a: 'x\n  y'\n")
@example("- a: 1\n  b: 2\n-\n  c: 3\n")
@example("a:\n  - b:\n    - c\n    d:\n      e:\n  # c\n  - f\n")
@example("a: 1\na: 2\n")
@example("a: b\n...\n")
@example("a: |+\n  x\n\n\n")
def test_the_fast_reader_never_differs_from_the_whole_one(text: str) -> None:
    same(text)


TOKENS = [
    "{",
    "}",
    "[",
    "]",
    ", ",
    ",",
    "a: ",
    "b: ",
    "a:",
    "'s'",
    '"d"',
    "x",
    "1",
    "a b",
    "a:b",
    "a: b",
    "#",
    " ",
    "~",
    "-1",
    "-",
    "*x",
    "a/*",
    "a*b.y",
    "[x]",
    "{a: x}",
    "{a: [1, {b: 2}]}",
    "[]",
]


@settings(max_examples=300)
@given(st.lists(st.sampled_from(TOKENS), max_size=8).map("".join), st.sampled_from(["", "# c", " # c", " x"]))
@example("{a: b, c: {}}", "")
@example("[a, ]", "")
@example("{a: b, a: c}", "")
@example("services/*.yaml, b*, *c", "")
@example("services/*.yaml", "")
@example("{a: 'b', 'c': d}", "")
@example('{a: "b", c: [x, "y"], d: http://x:1/y}', " # c")
def test_the_fast_reader_does_not_differ_between_brackets(inside: str, after: str) -> None:
    same(f"k: [{inside}]{after}\n")
    same(f"- {{a: {inside}}}{after}\n")
    same(f"k: {inside}{after}\n")


@settings(max_examples=100)
@given(well_formed())
def test_the_fast_reader_does_not_differ_on_what_people_write(text: str) -> None:
    same(text)


def test_a_pattern_between_brackets_is_plain() -> None:
    assert same("include: [services/*.yaml, teams/*-[a-z].yaml]\n") is False
    assert same("include: [services/*.yaml, b/*/c*]\n")


def test_most_of_what_people_write_is_read_fast() -> None:
    files = [*ROOT.glob("argocd/**/*.yaml"), *ROOT.glob("tests/fixtures/**/*.yaml")]
    chunks = [chunk for file in files for _, chunk in _chunks(file.read_text(encoding="utf-8"))]

    plain = sum(same(chunk) for chunk in chunks)

    assert plain > 0.9 * len(chunks)


SCRIPT = [f"line {number} of a script that is long enough to be kept" for number in range(9)]


@settings(max_examples=150)
@given(st.data())
def test_a_script_that_was_met_before_is_read_as_it_stands(data: st.DataObject) -> None:
    """Whole, cut short, going on, with another end or another indicator: only what is equal is the same."""
    for _ in range(4):
        script = SCRIPT[: data.draw(st.sampled_from([9, 9, 6, 7]))]
        script += data.draw(st.lists(st.sampled_from(["", "  ", "    ", "     x", "    more"]), max_size=3))
        indicator = data.draw(st.sampled_from(["|", "|", "|-", "|+"]))
        after = data.draw(st.sampled_from(["", "b: 1\n", "  # c\n", "   x\n", "\n  \nb: 1\n"]))
        body = "".join(f"    {line}\n" if line.strip() and line[0] != " " else f"{line}\n" for line in script)

        same(f"a:\n  s: {indicator}\n{body}{after}")


def test_the_same_script_in_many_files_is_one_text() -> None:
    body = "".join(f"  {line}\n" for line in SCRIPT)

    one, other = (yamlplain.read(f"name: {name}\ns: |\n{body}") for name in ("one", "other"))

    assert isinstance(one, dict)
    assert isinstance(other, dict)
    assert one["s"] is other["s"]


@pytest.mark.parametrize("number", [".inf", "-.inf", ".nan", "1e999", "-1e999", "9" * 309, "0x" + "f" * 300])
def test_a_number_that_json_has_not_is_for_the_other_reader(number: str) -> None:
    assert yamlplain.read(f"a: {number}\n") is None
    assert yamlplain.read(f"a: [{number}]\n") is None


@pytest.mark.parametrize("mutation", ["", "\t", " ", "\n", ":", "#", "-", '"', "'", "|", "é", "\x7f"])
def test_a_mutation_anywhere_makes_no_difference(mutation: str) -> None:
    text = "a:\n  b: x # c\n  c:\n  - d: |\n      t\n\n    e: 'f'\n  - \"g\"\nh: {}\n"

    for place in range(len(text) + 1):
        same(text[:place] + mutation + text[place:])
        same(text[:place] + mutation + text[place + 1 :])


def test_the_source_of_a_stream_does_not_tell_which_reader_read_it() -> None:
    plain, other = parse("a:\n  b: 1\n---\na: {b: 1}\n", "f.yaml")
    assert not isinstance(plain, Problem)
    assert not isinstance(other, Problem)
    assert plain.data == other.data == {"a": {"b": 1}}
    assert plain.position(("a", "b")) == (2, 6)
    assert other.position(("a", "b")) == (4, 8)
