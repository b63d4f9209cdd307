"""Which services belong together, and what a change touches, as plain data."""

from __future__ import annotations

import pytest

from aegisgen.project.fleet.changed import Changed
from aegisgen.project.fleet.units import units

FOLDERS = {
    "a": ["base/a", "overlays/staging/a"],
    "b": ["base/b", "overlays/staging/b"],
    "c": ["base/c", "overlays/staging/c"],
}


def together(named: dict[str, list[str]], folders: dict[str, list[str]] = FOLDERS) -> set[frozenset[str]]:
    def closure(own: list[str]) -> list[str]:
        return [*own, *(name for folder in own for name in named.get(folder, []))]

    leaders = units(folders, closure)
    return {frozenset(name for name, leader in leaders.items() if leader == each) for each in leaders.values()}


ALONE = {frozenset("a"), frozenset("b"), frozenset("c")}
FIRST_TWO = {frozenset("ab"), frozenset("c")}


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ({}, ALONE),
        ({"overlays/staging/a": ["base/b"]}, FIRST_TWO),
        ({"overlays/staging/b": ["base/a"]}, FIRST_TWO),
        ({"base/a": ["base/b/components/extra"]}, FIRST_TWO),
        ({"base/a": ["overlays/staging/b/patch.yaml"]}, FIRST_TWO),
        ({"base/a": ["components/x"], "base/b": ["components/x"]}, ALONE),
        ({"base/a": ["base/bb"], "base/b": ["base/a-b"]}, ALONE),
        ({"base/a": ["base/b"], "base/b": ["base/c"]}, {frozenset("abc")}),
        ({"base/a": ["base"]}, {frozenset("abc")}),
        ({"base/a": ["."]}, {frozenset("abc")}),
        ({"base/a": [".."]}, {frozenset("abc")}),
        ({"base/a": ["../shared"], "base/b": ["../shared"]}, ALONE),
    ],
)
def test_services_belong_together_where_one_names_what_is_anothers(named, expected) -> None:
    assert together(named) == expected


@pytest.mark.parametrize("shared", ["base/a", "base/a/more", "base"])
def test_services_belong_together_where_their_folders_do(shared) -> None:
    folders = FOLDERS | {"b": [shared, "overlays/staging/b"]}
    expected = {frozenset("abc")} if shared == "base" else FIRST_TWO
    assert together({}, folders) == expected


def test_the_leader_is_the_first_by_name_whoever_comes_first() -> None:
    for order in (("c", "a", "b"), ("b", "c", "a")):
        folders = {name: FOLDERS[name] for name in order}
        leaders = units(folders, lambda own: [*own, "base/a"] if "base/c" in own else list(own))
        assert leaders == {"a": "a", "c": "a", "b": "b"}


@pytest.mark.parametrize(
    ("paths", "path", "touched"),
    [
        ([], ".", False),
        (["base/a/x.yaml"], "base/a", True),
        (["base/a/x.yaml"], "base/a/x.yaml", True),
        (["base/a/x.yaml"], "base/a/x.yaml/more", True),
        (["base/a/x.yaml"], "base/a/y.yaml", False),
        (["base/ab/x.yaml"], "base/a", False),
        (["base/a/x.yaml"], ".", True),
        (["base/a/x.yaml"], "..", True),
        (["../shared/x"], "../shared", True),
        (["../shared"], "../shared/x/y", True),
        (["../shared/x"], "base/a", False),
        (["."], "base/a", True),
        ([".."], "base/a", True),
    ],
)
def test_a_path_is_touched_by_what_it_is_holds_or_lies_in(paths, path, touched) -> None:
    assert Changed(paths).touches(path) is touched
