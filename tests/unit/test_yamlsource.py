from __future__ import annotations

import json
import pickle
import re
import sys

import pytest
from tests.conftest import ROOT

from aegisgen.errors import InputError, Problem
from aegisgen.yaml.scalars import Dialect
from aegisgen.yaml.source import Document, decode, parse, parse_one


def read(text: str) -> list[object]:
    return [item.data if isinstance(item, Document) else item for item in parse(text, "f.yaml")]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", True), ("Off", False), ("y", "y"), ("~", None), ("", None), ("0123", 83), ("0o17", 15), ("0x1F", 31),
        ("1e3", 1000), ("1_000", 1000), ("-1.5", -1.5), (".5", 0.5), ("1:30", "1:30"), ("2026-01-01", "2026-01-01"),
        ("'0123'", "0123"), ('"yes"', "yes"), ("1.2.3", "1.2.3"), ("<<", "<<"), ("=", "="), ("+", "+"), ("-", "-"), ("089", 89.0),
    ],
)  # fmt: skip
def test_a_plain_word_means_what_it_means_to_kubernetes(text: str, value: object) -> None:
    if text == "-":
        text = "'-'"
    assert read(f"a: {text}\n") == [{"a": value}]


def test_each_document_of_a_stream_knows_its_line() -> None:
    found = list(parse("# first\na: 1\n---\nb: 1\n---\n---\nc: 1\n", "f.yaml"))
    assert [(item.line, item.data) for item in found if isinstance(item, Document)] == [
        (1, {"a": 1}),
        (3, {"b": 1}),
        (6, {"c": 1}),
    ]


def test_a_directive_belongs_to_the_document_that_follows_it() -> None:
    assert read("%YAML 1.1\n---\na: 1\n") == [{"a": 1}]


def test_a_broken_document_does_not_hide_the_others() -> None:
    first, broken, last = parse("a: 1\n---\nx: [\n---\nb: 2\n", "f.yaml")
    assert isinstance(first, Document)
    assert isinstance(broken, Problem)
    assert broken.line == 4
    assert isinstance(last, Document)
    assert last.data == {"b": 2}


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, 1, "the key 'a' twice"),
        ("a: &x [*x]\n", 1, 4, "contains itself"),
        ("a: !secret x\n", 1, 4, "unknown tag !secret"),
        ("? [a]\n: b\n", 1, 3, "a list or mapping as a key"),
        ("a: 'open\n", 2, 1, "unexpected end of stream"),
        ("\ta: 1\n", 1, 1, "cannot start any token"),
        ("a: !!int 1.5\n", 1, 4, "something else under the tag of a int"),
        ("a: !!bool x\n", 1, 4, "something else under the tag of a bool"),
        ("a: \x07", 1, 1, "control characters"),
        ("[" * 5000, 1, 1, "nested more than"),
        ("- " * 5000 + "x", 1, 1, "nested more than"),
        ("\n".join(" " * depth + "a:" for depth in range(300)), 1, 1, "nested more than"),
        ("<<: 3\n", 1, 5, "does not name a mapping"),
    ],
)
def test_what_cannot_be_read_is_explained_at_its_place(text: str, line: int, column: int, message: str) -> None:
    (problem,) = parse(text, "f.yaml")
    assert isinstance(problem, Problem)
    assert (problem.path, problem.line, problem.column) == ("f.yaml", line, column)
    assert message in problem.message


def test_an_anchor_bomb_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    (problem,) = parse("\n".join(lines), "f.yaml")
    assert isinstance(problem, Problem)
    assert "aliases that expand" in problem.message


def test_aliases_and_merge_keys_within_reason_are_read() -> None:
    assert read("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: [*a, *a]\n") == [
        {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}, "c": [{"x": 1, "y": 2}] * 2}
    ]


def test_a_position_is_that_of_the_value_or_of_its_key() -> None:
    (document,) = parse("---\na:\n  b:\n    - c: 1\n    - d: 'x'\n", "f.yaml")
    assert isinstance(document, Document)
    assert document.position(("a", "b", 1, "d")) == (5, 10)
    assert document.position(("a", "b", 1, "d"), key=True) == (5, 7)
    assert document.position(("a", "nothing", "here")) == (3, 3)


@pytest.mark.parametrize(
    ("raw", "line", "column", "message"),
    [
        (b"", 1, 1, "the file is empty"),
        (b"# only a comment\n", 1, 1, "the file is empty"),
        (b"a: 1\n---\nb: 1\n", 2, 1, "a second YAML document"),
        (b"- a\n", 1, 1, "a list, expected a mapping"),
        (b"word\n", 1, 1, "a string, expected a mapping"),
        (b"a: caf\xe9\n", 1, 7, "not UTF-8"),
        ("a: 1".encode("utf-16"), 1, 1, "it looks like UTF-16"),
        (b"a: \x00\n", 1, 1, "NUL"),
    ],
)
def test_a_file_that_is_not_one_mapping_is_an_input_error(raw: bytes, line: int, column: int, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_one(raw, "p.yaml")
    (problem,) = caught.value.problems
    assert (problem.line, problem.column) == (line, column)
    assert message in problem.message


def test_a_byte_order_mark_is_not_content() -> None:
    assert decode(b"\xef\xbb\xbfa: 1", "f") == "a: 1"


def scalars() -> list[tuple[str, str, str, str]]:
    lines = (ROOT / "tests/fixtures/yaml/scalars.tsv").read_text().splitlines()[1:]
    rows = [(json.loads(word), *rest) for word, *rest in (line.split("\t") for line in lines)]
    # Where libyaml differs (`!`), and what is refused since JSON readers differ.
    return [row for row in rows if row[0] not in {"! yes", "1e308"}]


def as_json(text: str, dialect: Dialect) -> object:
    """Return what a document holds as JSON has it; "error" where it cannot be read, or JSON cannot say it."""
    (found,) = parse(text, "f.yaml", dialect)
    return "error" if isinstance(found, Problem) or not found.readable else found.data


@pytest.mark.parametrize(("word", "plain", "key", "composed"), scalars(), ids=lambda text: repr(text)[:30])
def test_a_word_means_what_it_means_to_kubectl_and_kustomize(word: str, plain: str, key: str, composed: str) -> None:
    expected = "error" if plain == "error" else {"a": json.loads(plain)}
    found = as_json(f"a: {word}\n", Dialect.PLAIN)
    assert found == expected
    assert isinstance(found, str) or type(found["a"]) is type(expected["a"])
    # Kustomize writes timestamps anew, and takes no number that is none.
    if composed != "error" and not composed.startswith('"2001'):
        assert as_json(f"a: {word}\n", Dialect.KUSTOMIZE) == {"a": json.loads(composed)}
    if re.match(r"(?:y|n|yes|no|on|off|true|false|null|0x1F|0o17|017|1e3|1|~)\Z", word, re.IGNORECASE):
        assert as_json(f"{word}: x\n", Dialect.PLAIN) == ("error" if key == "error" else {json.loads(key): "x"})
    assert as_json(f"{word}: x\n", Dialect.OWN) in ({word: "x"}, "error") or word[:1] in "!'\"" or word.endswith(" ")


def test_a_place_is_found_by_the_key_that_a_word_means() -> None:
    (document,) = parse("a:\n  b: 1\n  on: {y: 1}\n", "f.yaml", Dialect.PLAIN)
    assert isinstance(document, Document)
    assert document.data == {"a": {"b": 1, "true": {"true": 1}}}
    assert document.position(("a", "true", "true"), key=True) == (3, 8)
    assert pickle.loads(pickle.dumps(document)).position(("a", "true", "true"), key=True) == (3, 8)


def test_two_words_for_one_key_are_that_key_twice() -> None:
    (problem,) = parse("yes: 1\nb: 1\n'true': 2\n", "f.yaml", Dialect.PLAIN)
    assert isinstance(problem, Problem)
    assert "the key 'true' twice in one mapping, first 2 lines above" in problem.message


def test_looking_up_a_place_does_not_search_the_mapping_each_time() -> None:
    (document,) = parse("".join(f"k{number}: 1\n" for number in range(5_000)), "f.yaml")
    assert isinstance(document, Document)
    document.position(("k0",))  # makes the table
    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    sys.setprofile(count)
    places = [document.position((f"k{number}",)) for number in range(0, 5_000, 5)]
    sys.setprofile(None)

    assert places == [(number + 1, len(f"k{number}: ") + 1) for number in range(0, 5_000, 5)]
    assert calls < 50 * len(places)
