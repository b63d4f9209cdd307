"""The edit of a shared kustomization.yaml, byte for byte."""

from __future__ import annotations

import importlib
import re
from typing import NamedTuple

import pytest
from tests.conftest import ROOT

from aegisgen.errors import InputError
from aegisgen.render.kustomization import Patch, Wiring, wire
from aegisgen.render.kustomization.edit import Edit

JOB = Wiring(("migration-job.yaml",), ())
PATCH = Wiring((), (Patch("deployment-patch.yaml", "Deployment", "aegisx-api"),))
BOTH = Wiring(JOB.resources, PATCH.patches)
NOTHING = Wiring((), ())
WANTED = {"job": JOB, "patch": PATCH, "both": BOTH, "nothing": NOTHING}
GONE = ("old.yaml",)
WIRED_PATCH = """\
patches:
  - path: deployment-patch.yaml
    target:
      kind: Deployment
      name: aegisx-api
"""


class Case(NamedTuple):
    """A file before and after the edit that makes it hold what is wanted, and nothing of GONE."""

    wanted: Wiring
    before: str
    after: str


def cases() -> dict[str, Case]:
    """Read the fixture: each case has the wanted entries and marks of the file in its head, and a diff below it."""
    found = {}
    text = (ROOT / "tests/fixtures/kustomization/edits.diff").read_text(encoding="utf-8")
    for head, diff in re.findall(r"^(@@ .*)\n((?:(?!@@).*\n)*)", text, re.MULTILINE):
        _, words, name = head.split("@@", 2)
        wanted, *marks = words.split()
        before, after = ("".join(f"{line[1:]}\n" for line in diff.splitlines() if line[:1] != other) for other in "+-")
        if "unended" in marks:
            before, after = before[:-1], after[:-1]
        if "crlf" in marks:
            before, after = before.replace("\n", "\r\n"), after.replace("\n", "\r\n")
        start = "\ufeff" if "bom" in marks else ""
        found[name.strip()] = Case(WANTED[wanted], start + before, start + after)
    return found


CASES = cases() | {
    "new key: spaces alone": Case(JOB, "   ", "   \nresources:\n  - migration-job.yaml\n"),
    "removed: swapped for a wanted one": Case(
        JOB, "resources:\n- old.yaml # x\n", "resources:\n- migration-job.yaml\n"
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_an_edit_changes_the_lines_that_it_must_and_no_byte_more(case: Case) -> None:
    assert wire(case.before, "k.yaml", case.wanted, remove=GONE) == case.after


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_second_edit_returns_the_very_same_text(case: Case) -> None:
    assert wire(case.after, "k.yaml", case.wanted, remove=GONE) is case.after


def test_an_entry_may_move_to_the_other_list() -> None:
    moved = wire("patches:\n- path: x.yaml\n", "k.yaml", Wiring(("x.yaml",), ()), remove=["x.yaml"])
    assert moved == "resources:\n- x.yaml\n"


@pytest.mark.parametrize(
    "text",
    [
        "resources: ['./migration-job.yaml']\n",
        "x: &l [migration-job.yaml]\nresources: *l\n",
        "base: &b {resources: [migration-job.yaml]}\n<<: *b\n",
        "\ufeffresources:\n- migration-job.yaml",
    ],
)
def test_right_file_in_any_style_is_left_alone(text: str) -> None:
    assert wire(text, "k.yaml", JOB) is text


def test_patch_with_further_fields_and_the_right_target_is_left_alone() -> None:
    text = WIRED_PATCH + "    options:\n      allowNameChange: true\n"
    assert wire(text, "k.yaml", PATCH) is text


def test_path_that_is_both_wanted_and_removed_stays() -> None:
    text = "resources:\n- migration-job.yaml\n"
    assert wire(text, "k.yaml", JOB, remove=["./migration-job.yaml"]) is text


def test_one_patch_file_may_have_two_targets() -> None:
    wanted = Wiring((), (Patch("p.yaml", "Deployment", "a"), Patch("p.yaml", "Deployment", "b")))
    text = wire("patches:\n- path: p.yaml\n", "k.yaml", wanted)
    assert text == (
        "patches:\n"
        "- path: p.yaml\n  target:\n    kind: Deployment\n    name: a\n"
        "- path: p.yaml\n  target:\n    kind: Deployment\n    name: b\n"
    )


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("20-job.yaml", "20-job.yaml"),
        ("../base/x_y.yaml", "../base/x_y.yaml"),
        ("yes", '"yes"'),
        ("Y", '"Y"'),
        ("null", '"null"'),
        ("12", '"12"'),
        ("1e3", '"1e3"'),
        ("0x1f", '"0x1f"'),
        (".inf", '".inf"'),
        ("..", '".."'),
        ("", '""'),
        ("a b", '"a b"'),
        ("a: b", '"a: b"'),
        ("- x", '"- x"'),
        ("#x", '"#x"'),
        ("*x", '"*x"'),
        ('a"\\b', '"a\\"\\\\b"'),
        ("a\nresources: []", '"a\\nresources: []"'),
        ("a\x7f\u2028\ufeff", '"a\\u007f\\u2028\\ufeff"'),
        ("é\U0001f600.yaml", '"é\U0001f600.yaml"'),
        ("a]b,{c}", '"a]b,{c}"'),
    ],
)
def test_strings_are_quoted_where_a_reader_would_take_them_for_something_else(value: str, written: str) -> None:
    assert wire("resources:\n- a\n", "k", Wiring((value,), ())) == f"resources:\n- a\n- {written}\n"
    assert wire("resources: [a]\n", "k", Wiring((value,), ())) == f"resources: [a, {written}]\n"


UNSAFE = {
    "alias": ("x: &l\n- a\nresources: *l\n", "k.yaml:3:12: resources: an alias"),
    "anchor used elsewhere": ("resources: &l\n- a\nx: *l\n", "k.yaml:1:12: resources: cannot be edited"),
    "merge key": ("b: &b\n  resources: [a]\n<<: *b\n", "k.yaml:1:1: resources: comes from a merge key"),
    "two documents": ("a: b\n---\nc: d\n", "k.yaml:2:1: a second YAML document"),
    "second document without content": ("a: b\n---\n", "k.yaml:2:1: a second YAML document"),
    "a list": ("- a\n", "k.yaml:1:1: expected a mapping"),
    "a word": ("resources\n", "k.yaml:1:1: expected a mapping"),
    "null": ("# x\nnull\n", "k.yaml:2:1: expected a mapping"),
    "duplicate key": ("resources: []\nresources: []\n", "k.yaml:2:1: not valid YAML: the key 'resources' twice"),
    "not YAML": ("a: [\n", "k.yaml:2:1: not valid YAML"),
    "tab indentation": ("resources:\n\t- a\n", "k.yaml:2:1: not valid YAML"),
    "list that is a mapping": ("kind: K\nresources:\n  a: b\n", "k.yaml:3:3: resources: a mapping, expected a list"),
    "list that is a string": ("resources: a\n", "k.yaml:1:12: resources: a single value, expected a list"),
    "null with an anchor": ("resources: &a\nx: *a\n", "k.yaml:1:12: resources: a single value, expected a list"),
    "end marker alone": ("# x\n...\n", "k.yaml:2:1: not valid YAML"),
    "unknown tag": ("resources: !x []\n", "k.yaml:1:12: not valid YAML"),
    "lone surrogate": ("a: b # \ud800\n", "k.yaml:1:8: a lone surrogate"),
    "NUL": ("a: \x00\n", "not valid YAML"),
    "text at the end that a newline would change": ("a: |\n  b", "k.yaml:1:1: resources: cannot be edited"),
    "flow key without a value": ("{resources}", "k.yaml:1:11: resources: cannot be edited"),
}


@pytest.mark.parametrize(("text", "message"), UNSAFE.values(), ids=UNSAFE.keys())
def test_file_that_cannot_be_edited_says_where_why_and_what_to_add(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        wire(text, "k.yaml", JOB)
    assert message in str(caught.value)
    assert str(caught.value).endswith("; add by hand:\n    resources:\n      - migration-job.yaml")


def test_error_names_only_what_is_missing_and_what_must_go() -> None:
    text = "x: &l [old.yaml]\nresources: [migration-job.yaml]\npatches: *l\n"
    with pytest.raises(InputError) as caught:
        wire(text, "k.yaml", BOTH, remove=["old.yaml", "other.yaml"])
    advice = f"add by hand:\n{WIRED_PATCH}and remove by hand the entries of old.yaml".replace("\n", "\n    ")
    assert str(caught.value) == (
        f"k.yaml:3:10: patches: an alias of a list elsewhere, expected a list of its own; {advice}"
    )


def test_error_after_a_first_edit_still_points_into_the_file_as_it_is() -> None:
    with pytest.raises(InputError, match=r"^k\.yaml:3:10: patches: a single value"):
        wire("resources:\n- a\npatches: b\n", "k.yaml", BOTH)


def test_item_with_an_anchor_in_use_is_not_removed() -> None:
    with pytest.raises(InputError, match="used elsewhere"):
        wire("resources:\n- &a old.yaml\n- b\nx: *a\n", "k.yaml", NOTHING, remove=GONE)


def test_list_is_not_removed_from_between_a_text_and_blank_lines_that_would_join_it() -> None:
    with pytest.raises(InputError, match="changing more"):
        wire("a: |+\n  b\nresources:\n- old.yaml\n\nc: d\n", "k.yaml", NOTHING, remove=GONE)


@pytest.mark.parametrize(
    "edit",
    [
        Edit(0, 9, ""),  # a comment
        Edit(0, 0, "kind: K\n"),
        Edit(9, 9, "# mine\nresources: [b]\n---\n"),
        Edit(11, 11, "- migration-job.yaml\n# "),
        Edit(22, 24, ""),  # a blank line and what follows
        Edit(0, 0, "["),
    ],
)
def test_edit_that_went_wrong_is_refused(monkeypatch: pytest.MonkeyPatch, edit: Edit) -> None:
    text = "# theirs\nresources:\n- a\n\n# end\n"
    module = importlib.import_module("aegisgen.render.kustomization.rewire")
    edits_for = module.edits_for
    monkeypatch.setattr(module, "edits_for", lambda *arguments: [*edits_for(*arguments), edit])
    with pytest.raises(InputError, match="resources: cannot be edited"):
        wire(text, "k.yaml", JOB)


def test_item_that_shares_its_line_with_the_key_is_not_removed() -> None:
    with pytest.raises(InputError, match="shares its line"):
        wire("? resources\n: - old.yaml\n  - b\n", "k.yaml", NOTHING, remove=GONE)
