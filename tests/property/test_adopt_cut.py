"""A part is cut out of a text, or refused; nothing else of the text ever changes."""

from __future__ import annotations

import copy

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.trees import paths

from aegisgen.adopt.cut import without_document, without_entry, without_paths
from aegisgen.render.kustomization.layout import UnsafeError

KEYS = st.sampled_from(["a", "b", "c", "name", "spec"])
SCALARS = (
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["x", "two words", "1", "", "a\nb\n", "#", "- y"])
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=12
)
DOCUMENTS = st.dictionaries(KEYS, VALUES, min_size=1, max_size=4)


def removed(data: dict, path: tuple) -> dict:
    """The data without a part, and without what is left empty by that, but for the document itself."""
    result = copy.deepcopy(data)
    while True:
        parent = result
        for part in path[:-1]:
            parent = parent[part]
        del parent[path[-1]]
        if parent or len(path) == 1:
            return result
        path = path[:-1]


@settings(max_examples=300)
@given(data=st.data(), document=DOCUMENTS, style=st.booleans(), indent=st.sampled_from([2, 4]))
def test_what_is_left_is_the_rest_and_its_lines_are_the_lines_there_were(data, document, style, indent) -> None:
    text = yaml.safe_dump(document, default_flow_style=None if style else False, sort_keys=False, indent=indent)
    path = data.draw(st.sampled_from(list(paths(document))))
    try:
        result = without_paths(text, 1, [path], patch=False)
    except UnsafeError:
        return
    assert (yaml.safe_load(result) or {}) == removed(document, path)
    remaining = iter(text.splitlines())
    assert all(line in remaining for line in result.splitlines())


def test_block_style_is_never_refused_for_items_of_their_own_line() -> None:
    text = "spec:\n  list:\n    # first\n    - a: 1\n      b: 2\n\n    # second\n    - c\n  other: 1 # kept\n"
    assert without_paths(text, 1, [("spec", "list", 0)], patch=False) == (
        "spec:\n  list:\n\n    # second\n    - c\n  other: 1 # kept\n"
    )
    assert (
        without_paths(text, 1, [("spec", "list", 1), ("spec", "list", 0)], patch=False)
        == "spec:\n\n  other: 1 # kept\n"
    )


@pytest.mark.parametrize(
    ("text", "line", "left"),
    [
        ("a: 1\n", 1, ""),
        ("# head\na: 1\n---\nb: 2\n---\nc: 3\n", 3, "# head\na: 1\n---\nc: 3\n"),
        ("a: 1\n---\nb: 2\n", 1, "---\nb: 2\n"),
        ("a: 1\n---\nb: 2", 2, "a: 1\n"),
        ("---\na: 1\n---\n# nothing\n", 1, ""),
    ],
)
def test_a_document_goes_with_its_marker(text, line, left) -> None:
    assert without_document(text, line) == left


@given(
    items=st.lists(st.sampled_from(["a.yaml", "b.yaml", "../c"]), min_size=1, max_size=4, unique=True), data=st.data()
)
def test_an_entry_goes_and_the_others_stay(items, data) -> None:
    index = data.draw(st.integers(0, len(items) - 1))
    text = "# mine\nresources:\n" + "".join(f"  - {item} # {item}\n" for item in items) + "namespace: x\n"
    result = without_entry(text, "resources", index)
    assert (yaml.safe_load(result).get("resources") or []) == items[:index] + items[index + 1 :]
    assert result.startswith("# mine\n")
    assert result.endswith("namespace: x\n")
