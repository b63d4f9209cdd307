"""The edit of a shared kustomization.yaml, byte for byte."""

from __future__ import annotations

import importlib
from typing import NamedTuple

import pytest

from aegisgen.errors import InputError
from aegisgen.render.kustomization import Patch, Wiring, wire
from aegisgen.render.kustomization.edit import Edit

JOB = Wiring(("migration-job.yaml",), ())
PATCH = Wiring((), (Patch("deployment-patch.yaml", "Deployment", "aegisx-api"),))
BOTH = Wiring(JOB.resources, PATCH.patches)
NOTHING = Wiring((), ())


class Case(NamedTuple):
    name: str
    wanted: Wiring
    before: str
    after: str
    remove: tuple[str, ...] = ()


WIRED_PATCH = """\
patches:
  - path: deployment-patch.yaml
    target:
      kind: Deployment
      name: aegisx-api
"""

APPENDED = [
    Case("indented list", JOB, "resources:\n  - a\n", "resources:\n  - a\n  - migration-job.yaml\n"),
    Case("zero-indented list", JOB, "resources:\n- a\n", "resources:\n- a\n- migration-job.yaml\n"),
    Case("list indented by four", JOB, "resources:\n    - a\n", "resources:\n    - a\n    - migration-job.yaml\n"),
    Case("wide gap after the dash", JOB, "resources:\n-   a\n", "resources:\n-   a\n-   migration-job.yaml\n"),
    Case("between two keys", JOB, "resources:\n- a\nkind: K\n", "resources:\n- a\n- migration-job.yaml\nkind: K\n"),
    Case(
        "comment on the last item's line",
        JOB,
        "resources:\n- a # why\n\nkind: K\n",
        "resources:\n- a # why\n- migration-job.yaml\n\nkind: K\n",
    ),
    Case(
        "comment after the last item",
        JOB,
        "resources:\n  - a\n  # - b\n\n# next\nkind: K\n",
        "resources:\n  - a\n  - migration-job.yaml\n  # - b\n\n# next\nkind: K\n",
    ),
    Case("no final newline", JOB, "resources:\n- a", "resources:\n- a\n- migration-job.yaml"),
    Case("CRLF", JOB, "resources:\r\n- a\r\nkind: K\r\n", "resources:\r\n- a\r\n- migration-job.yaml\r\nkind: K\r\n"),
    Case("CRLF, no final newline", JOB, "resources:\r\n- a", "resources:\r\n- a\r\n- migration-job.yaml"),
    Case("byte order mark", JOB, "\ufeffresources:\n- é\n", "\ufeffresources:\n- é\n- migration-job.yaml\n"),
    Case("quoted items and keys", JOB, "'resources':\n- \"a\"\n", "'resources':\n- \"a\"\n- migration-job.yaml\n"),
    Case("folded plain item", JOB, "resources:\n- a\n  b\n", "resources:\n- a\n  b\n- migration-job.yaml\n"),
    Case("null item at the end", JOB, "resources:\n- a\n-\n", "resources:\n- a\n-\n- migration-job.yaml\n"),
    Case(
        "document markers",
        JOB,
        "---\nresources:\n- a\n...\n# end\n",
        "---\nresources:\n- a\n- migration-job.yaml\n...\n# end\n",
    ),
    Case(
        "anchors and aliases elsewhere",
        JOB,
        "x: &p a\nresources:\n- &q b\n- *p\ny: *q\n",
        "x: &p a\nresources:\n- &q b\n- *p\n- migration-job.yaml\ny: *q\n",
    ),
    Case(
        "explicit key",
        JOB,
        "? resources\n: - a\n  - b\n",
        "? resources\n: - a\n  - b\n  - migration-job.yaml\n",
    ),
    Case("indented document", JOB, "  resources:\n    - a\n", "  resources:\n    - a\n    - migration-job.yaml\n"),
    Case(
        "inline patch in a block scalar",
        PATCH,
        "patches:\n- target:\n    kind: Service\n  patch: |-\n    - op: remove\n      path: /x\n\nimages: []\n",
        "patches:\n- target:\n    kind: Service\n  patch: |-\n    - op: remove\n      path: /x\n"
        "- path: deployment-patch.yaml\n  target:\n    kind: Deployment\n    name: aegisx-api\n\nimages: []\n",
    ),
    Case(
        "block scalar that keeps its blank lines",
        PATCH,
        "patches:\n  - patch: |+\n      a: b\n\nimages: []\n",
        "patches:\n  - patch: |+\n      a: b\n\n" + WIRED_PATCH.removeprefix("patches:\n") + "images: []\n",
    ),
    Case(
        "neighbours step by four",
        PATCH,
        "patches:\n-   path: a\n    target:\n        kind: Service\n",
        "patches:\n-   path: a\n    target:\n        kind: Service\n"
        "-   path: deployment-patch.yaml\n    target:\n        kind: Deployment\n        name: aegisx-api\n",
    ),
    Case(
        "flow items in a block list",
        PATCH,
        "patches:\n  - {path: a}\n",
        "patches:\n  - {path: a}\n" + WIRED_PATCH.removeprefix("patches:\n"),
    ),
    Case("flow list", JOB, "resources: [a, b] # c\n", "resources: [a, b, migration-job.yaml] # c\n"),
    Case("flow list with a trailing comma", JOB, "resources: [a,]\n", "resources: [a, migration-job.yaml,]\n"),
    Case("flow list over two lines", JOB, "resources: [a,\n  b]\n", "resources: [a,\n  b, migration-job.yaml]\n"),
    Case(
        "flow list a line an item",
        JOB,
        "resources: [\n  a, # one\n  b # two\n  # three\n]\n",
        "resources: [\n  a, # one\n  b, # two\n  migration-job.yaml\n  # three\n]\n",
    ),
    Case(
        "flow list a line an item with trailing comma",
        JOB,
        "resources: [\n    a,\n    b, # two\n  ]\n",
        "resources: [\n    a,\n    b, # two\n    migration-job.yaml,\n  ]\n",
    ),
    Case("empty flow list", JOB, "resources: [] # none\n", "resources: [migration-job.yaml] # none\n"),
    Case(
        "flow list of patches",
        PATCH,
        "patches: [{path: a, target: {kind: K, name: n}}]\n",
        "patches: [{path: a, target: {kind: K, name: n}}, "
        "{path: deployment-patch.yaml, target: {kind: Deployment, name: aegisx-api}}]\n",
    ),
    Case(
        "flow list of a pair without braces",
        PATCH,
        "patches: [\n  path: a\n]\n",
        "patches: [\n  path: a,\n  {path: deployment-patch.yaml, target: {kind: Deployment, name: aegisx-api}}\n]\n",
    ),
    Case("flow document", JOB, "{resources: [a], kind: K}\n", "{resources: [a, migration-job.yaml], kind: K}\n"),
    Case("flow document without the key", JOB, "{kind: K}\n", "{kind: K, resources: [migration-job.yaml]}\n"),
    Case("empty flow document", JOB, "{}\n", "{resources: [migration-job.yaml]}\n"),
    Case(
        "JSON",
        BOTH,
        '{\n\t"kind": "K",\n\t"resources": [\n\t\t"a"\n\t]\n}\n',
        '{\n\t"kind": "K",\n\t"resources": [\n\t\t"a",\n\t\t"migration-job.yaml"\n\t],\n\t"patches": '
        '[{"path": "deployment-patch.yaml", "target": {"kind": "Deployment", "name": "aegisx-api"}}]\n}\n',
    ),
    Case("null in JSON", JOB, '{"resources": null}', '{"resources": ["migration-job.yaml"]}'),
    Case("null in a flow document", JOB, "{resources: }", "{resources: [migration-job.yaml]}"),
    Case("null", JOB, "resources:\nkind: K\n", "resources:\n  - migration-job.yaml\nkind: K\n"),
    Case("null with a comment", JOB, "resources: # x\n# y\n", "resources: # x\n  - migration-job.yaml\n# y\n"),
    Case("written null", JOB, "resources: ~ # x\n", "resources: [migration-job.yaml] # x\n"),
    Case(
        "null beside zero-indented lists",
        JOB,
        "bases:\n- a\nresources:\n",
        "bases:\n- a\nresources:\n- migration-job.yaml\n",
    ),
]

NEW_KEYS = [
    Case("patches", PATCH, "resources:\n  - a\n", "resources:\n  - a\n" + WIRED_PATCH),
    Case("empty file", BOTH, "", "resources:\n  - migration-job.yaml\n" + WIRED_PATCH),
    Case("blank file", JOB, "\n\n", "\n\nresources:\n  - migration-job.yaml\n"),
    Case("spaces alone", JOB, "   ", "   \nresources:\n  - migration-job.yaml\n"),
    Case("comments alone", JOB, "# a\n\n# b\n", "# a\n\n# b\nresources:\n  - migration-job.yaml\n"),
    Case("a comment without newline", JOB, "# a", "# a\nresources:\n  - migration-job.yaml"),
    Case("a marker alone", JOB, "---\n", "---\nresources:\n  - migration-job.yaml\n"),
    Case("markers around nothing", JOB, "--- # a\n...\n", "--- # a\nresources:\n  - migration-job.yaml\n...\n"),
    Case(
        "keys parted by blank lines",
        BOTH,
        "apiVersion: v1\nkind: K\n\nnamespace: a\n\n# images\nimages:\n- name: x\n",
        "apiVersion: v1\nkind: K\n\nnamespace: a\n\n# images\nimages:\n- name: x\n\n"
        "resources:\n- migration-job.yaml\n\npatches:\n"
        "- path: deployment-patch.yaml\n  target:\n    kind: Deployment\n    name: aegisx-api\n",
    ),
    Case(
        "comment and blank lines at the end",
        JOB,
        "kind: K\n# end\n\n\n",
        "kind: K\n# end\nresources:\n  - migration-job.yaml\n\n\n",
    ),
    Case("before the end marker", JOB, "kind: K\n...\n", "kind: K\nresources:\n  - migration-job.yaml\n...\n"),
    Case("no final newline", JOB, "kind: K", "kind: K\nresources:\n  - migration-job.yaml"),
    Case("CRLF", JOB, "kind: K\r\n", "kind: K\r\nresources:\r\n  - migration-job.yaml\r\n"),
    Case("indented document", JOB, "  kind: K\n", "  kind: K\n  resources:\n    - migration-job.yaml\n"),
    Case("flow lists elsewhere", PATCH, "resources: [a]\n", "resources: [a]\n" + WIRED_PATCH),
    Case("merge key elsewhere", JOB, "<<: {a: b}\n", "<<: {a: b}\nresources:\n  - migration-job.yaml\n"),
]

REPLACED = [
    Case(
        "another target",
        PATCH,
        "patches:\n- path: a # a\n- path: ./deployment-patch.yaml\n"
        "  target:\n    kind: Deployment\n    name: old\n# b\n",
        "patches:\n- path: a # a\n- path: deployment-patch.yaml\n"
        "  target:\n    kind: Deployment\n    name: aegisx-api\n# b\n",
    ),
    Case("no target", PATCH, "patches:\n  - path: deployment-patch.yaml\nkind: K\n", WIRED_PATCH + "kind: K\n"),
    Case("the path alone", PATCH, "patches:\n  - deployment-patch.yaml\n\nkind: K\n", WIRED_PATCH + "\nkind: K\n"),
    Case(
        "flow item in a block list",
        PATCH,
        "patches:\n  - {path: deployment-patch.yaml} # c\n",
        "patches:\n  - {path: deployment-patch.yaml, target: {kind: Deployment, name: aegisx-api}} # c\n",
    ),
    Case(
        "in a flow list",
        PATCH,
        "patches: [{path: deployment-patch.yaml}, {path: b}]",
        "patches: [{path: deployment-patch.yaml, target: {kind: Deployment, name: aegisx-api}}, {path: b}]",
    ),
    Case(
        "a second entry of the path with another target goes",
        PATCH,
        WIRED_PATCH + "  - path: deployment-patch.yaml\n    target: {kind: Deployment, name: old}\n",
        WIRED_PATCH,
    ),
    Case(
        "explicit key",
        PATCH,
        "? patches\n: - path: deployment-patch.yaml\n  - path: b\n",
        "? patches\n: - path: deployment-patch.yaml\n"
        "    target:\n      kind: Deployment\n      name: aegisx-api\n  - path: b\n",
    ),
]

GONE = ("old.yaml",)
REMOVED = [
    Case("first", NOTHING, "resources:\n- old.yaml # x\n- a\n", "resources:\n- a\n", GONE),
    Case("last", NOTHING, "resources:\n- a\n- ./old.yaml\n\nkind: K\n", "resources:\n- a\n\nkind: K\n", GONE),
    Case("last without final newline", NOTHING, "resources:\n- a\n- old.yaml", "resources:\n- a", GONE),
    Case("last without final newline, CRLF", NOTHING, "resources:\r\n- a\r\n- old.yaml", "resources:\r\n- a", GONE),
    Case("every occurrence", NOTHING, "resources:\n- old.yaml\n- a\n- old.yaml\n", "resources:\n- a\n", GONE),
    Case("the list with its only item", NOTHING, "kind: K\nresources:\n- old.yaml\n", "kind: K\n", GONE),
    Case("one of two blank lines", NOTHING, "a: b\n\nresources:\n- old.yaml\n\nc: d\n", "a: b\n\nc: d\n", GONE),
    Case("the blank line at the end", NOTHING, "a: b\n\nresources:\n- old.yaml\n", "a: b\n", GONE),
    Case(
        "not a blank line that is text",
        NOTHING,
        "a: |+\n  b\n\nresources:\n- old.yaml\n# c\n",
        "a: |+\n  b\n\n# c\n",
        GONE,
    ),
    Case(
        "not a blank line that is text, at the end",
        NOTHING,
        "a: |+\n  b\n\nresources:\n- old.yaml\n",
        "a: |+\n  b\n\n",
        GONE,
    ),
    Case("not the only blank line", NOTHING, "a: b\n\nresources:\n- old.yaml\nc: d\n", "a: b\n\nc: d\n", GONE),
    Case(
        "the only item under a comment",
        NOTHING,
        "resources: # why\n  # old\n  - old.yaml\n",
        "resources: [] # why\n  # old\n",
        GONE,
    ),
    Case("everything there was", NOTHING, "# a\nresources:\n- old.yaml\n", "# a\n", GONE),
    Case(
        "patch of many lines",
        NOTHING,
        "patches:\n- path: old.yaml\n  target:\n    kind: K\n- b\n",
        "patches:\n- b\n",
        GONE,
    ),
    Case("flow, first", NOTHING, "resources: [old.yaml, a]", "resources: [a]", GONE),
    Case("flow, middle", NOTHING, "resources: [a, old.yaml, b]", "resources: [a, b]", GONE),
    Case("flow, last", NOTHING, "resources: [a, old.yaml]", "resources: [a]", GONE),
    Case("flow, last with a trailing comma", NOTHING, "resources: [a, old.yaml,]", "resources: [a,]", GONE),
    Case("flow, only", NOTHING, "resources: [old.yaml]", "resources: []", GONE),
    Case(
        "flow, own line",
        NOTHING,
        "resources: [\n  a, # x\n  old.yaml, # y\n  b\n]",
        "resources: [\n  a, # x\n  b\n]",
        GONE,
    ),
    Case(
        "flow, own line at the end", NOTHING, "resources: [\n  a, # x\n  old.yaml\n]", "resources: [\n  a # x\n]", GONE
    ),
    Case(
        "flow, after another's comment", NOTHING, "resources: [a, # x\n  old.yaml, b]", "resources: [a, # x\n  b]", GONE
    ),
    Case("JSON", NOTHING, '{"resources": ["a", "old.yaml"]}', '{"resources": ["a"]}', GONE),
    Case(
        "swapped for a wanted one",
        JOB,
        "resources:\n- old.yaml # old\nkind: K\n",
        "resources:\n- migration-job.yaml\nkind: K\n",
        GONE,
    ),
    Case(
        "moved to the other list",
        Wiring(("x.yaml",), ()),
        "patches:\n- path: x.yaml\n",
        "resources:\n- x.yaml\n",
        ("x.yaml",),
    ),
]


def _ids(cases: list[Case]) -> list[str]:
    return [case.name for case in cases]


@pytest.mark.parametrize("case", APPENDED, ids=_ids(APPENDED))
def test_missing_entry_is_appended_to_its_list(case: Case) -> None:
    assert wire(case.before, "k.yaml", case.wanted) == case.after


@pytest.mark.parametrize("case", NEW_KEYS, ids=_ids(NEW_KEYS))
def test_missing_list_is_added_at_the_end_of_the_document(case: Case) -> None:
    assert wire(case.before, "k.yaml", case.wanted) == case.after


@pytest.mark.parametrize("case", REPLACED, ids=_ids(REPLACED))
def test_patch_with_the_wrong_target_is_replaced(case: Case) -> None:
    assert wire(case.before, "k.yaml", case.wanted) == case.after


@pytest.mark.parametrize("case", REMOVED, ids=_ids(REMOVED))
def test_entry_that_is_no_longer_rendered_is_removed(case: Case) -> None:
    assert wire(case.before, "k.yaml", case.wanted, remove=case.remove) == case.after


@pytest.mark.parametrize("case", [*APPENDED, *NEW_KEYS, *REPLACED, *REMOVED], ids=lambda case: case.name)
def test_second_edit_returns_the_very_same_text(case: Case) -> None:
    assert wire(case.after, "k.yaml", case.wanted, remove=case.remove) is case.after


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
