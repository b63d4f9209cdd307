"""Whatever else stands in a kustomization.yaml, the edit changes aegisgen's entries and nothing more."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aegisgen.errors import InputError
from aegisgen.render.kustomization import Patch, Wiring, wire

WANTED = Wiring(
    ("migration-config.yaml", "migration-job.yaml"), (Patch("deployment-patch.yaml", "Deployment", "aegisx-api"),)
)
OURS = (*WANTED.resources, "deployment-patch.yaml")

# No deadline: the machine may be busy. The number keeps the whole module at a few seconds.
moderate = settings(max_examples=60, deadline=None)

RESOURCES = ("a.yaml", '"b c.yaml"', "'../base'", "https://example.org/x?ref=v1", "&item d.yaml", "é.yaml", "-x")
PATCHES = (
    ("path: p.yaml",),
    ("path: q.yaml", "target:", "  kind: Service", "  name: .*"),
    ("target: {kind: Deployment}", "patch: |-", "  - op: remove", "    path: /spec"),
    ("patch: |", "  kind: Service", "", "  # text, no comment"),
    ("patch: |+", "  kind: Service", ""),
    ("patch: >", "  folded", "  text"),
    ("patch: >-", "  folded", ""),
)
FLOW_PATCHES = ("{path: p.yaml}", '{"path": "q.yaml", "target": {"kind": "Service"}}', "{patch: '[]', options: {a: b}}")
ITEMS = {
    "resources": [(resource,) for resource in RESOURCES],
    "patches": [*PATCHES, *((patch,) for patch in FLOW_PATCHES)],
}
OTHERS = (
    "apiVersion: kustomize.config.k8s.io/v1beta1",
    "kind: 'Kustomization'  # quoted",
    "namespace: &ns staging",
    "images:\n- name: x\n  newTag: '1'",
    "images: [{name: x}]",
    "labels:\n  - pairs: &pairs\n      app: x\n  - pairs: *pairs",
    "commonAnnotations:\n    a: |\n      resources:\n      - not.yaml\n\n    b: c",
    "configMapGenerator:\n    - name: x\n      literals: [a=b, c=d]",
    "replicas: !!seq []",
    "generatorOptions: {x: .nan, y: 1e3, z: 0x1f}",
)


class Kustomization(NamedTuple):
    text: str
    keys: frozenset[str]
    flow: bool


@st.composite
def block_lists(draw: st.DrawFn, key: str) -> str:
    indent = " " * draw(st.sampled_from((0, 2, 4)))
    gap = " " * draw(st.sampled_from((1, 1, 3)))
    comment = st.sampled_from(("", "", "  # why", " # - no: item"))
    lines = [f"{key}:{draw(comment)}"]
    for item in draw(st.lists(st.sampled_from(ITEMS[key]), min_size=1, max_size=3, unique=True)):
        lines += draw(st.sampled_from(((), (), (f"{indent}# above",), ("# left",))))
        first, *rest = item
        lines.append(f"{indent}-{gap}{first}{draw(comment) if not rest else ''}")
        lines += [f"{indent} {gap}{line}" if line else "" for line in rest]
    return "\n".join(lines)


@st.composite
def flow_lists(draw: st.DrawFn, key: str) -> str:
    items = draw(
        st.lists(st.sampled_from(RESOURCES[:4] if key == "resources" else FLOW_PATCHES), min_size=1, max_size=3)
    )
    comma = draw(st.sampled_from(("", ",")))
    if draw(st.booleans()):
        separator = draw(st.sampled_from((", ", ",  ", ",\n   ")))
        return f"{key}: [{separator.join(items)}{comma}] # end"
    comments = [draw(st.sampled_from(("", " # one", " # a, b]"))) for _ in items]
    commas = [","] * (len(items) - 1) + [comma]
    inner = "\n".join(f"    {item}{c}{note}" for item, c, note in zip(items, commas, comments, strict=True))
    return f"{key}: [ # begin\n{inner}\n  # last\n]"


@st.composite
def kustomizations(draw: st.DrawFn, *, both_lists: bool = False) -> Kustomization:
    flow = draw(st.booleans())
    keys = frozenset(key for key in ("resources", "patches") if both_lists or draw(st.booleans()))
    lists = flow_lists if flow else block_lists
    sections = [draw(lists(key)) for key in sorted(keys)]
    sections += draw(st.lists(st.sampled_from(OTHERS), max_size=4, unique_by=lambda text: text.split(":")[0]))
    sections = draw(st.permutations(sections))
    gap = st.sampled_from(("\n", "\n", "\n\n", "\n# between\n", "\n\n# above the next\n"))
    text = "".join(section + draw(gap) for section in sections)
    if text.endswith("\n\n") and "|+" in sections[-1]:
        text = text.removesuffix("\n") + "# no blank line\n"
    text = draw(st.sampled_from(("", "---\n", "# head\n\n", "# head\n---\n"))) + text
    text += draw(st.sampled_from(("", "# tail\n", "\n\n", *(("...\n", "...\n# after\n") if sections else ()))))
    if "patch: " not in (sections or [""])[-1] and draw(st.booleans()):
        text = text.removesuffix("\n")
    text = text.replace("\n", draw(st.sampled_from(("\n", "\r\n"))))
    return Kustomization(draw(st.sampled_from(("", "\ufeff"))) + text, keys, flow)


def data_of(text: str) -> dict[str, object]:
    return yaml.load(text, Loader=yaml.CBaseLoader) or {}  # every scalar a string: nothing is equal that is not


def with_wanted(data: dict[str, object]) -> dict[str, object]:
    patches = [{"path": patch.path, "target": {"kind": patch.kind, "name": patch.name}} for patch in WANTED.patches]
    added = {"resources": list(WANTED.resources), "patches": patches}
    return data | {key: [*data.get(key, []), *entries] for key, entries in added.items()}


def is_subsequence(parts: str | list[str], whole: str | list[str]) -> bool:
    remaining = iter(whole)
    return all(part in remaining for part in parts)


@moderate
@given(kustomizations())
def test_edited_file_says_what_it_said_and_the_wanted_entries_and_a_second_edit_changes_nothing(
    file: Kustomization,
) -> None:
    once = wire(file.text, "k.yaml", WANTED)
    assert data_of(once) == with_wanted(data_of(file.text))
    assert wire(once, "k.yaml", WANTED) is once


@moderate
@given(kustomizations())
def test_every_foreign_byte_survives(file: Kustomization) -> None:
    after = wire(file.text, "k.yaml", WANTED)
    assert is_subsequence(file.text, after)
    if file.flow:
        return
    newline = "\r\n" if "\r\n" in file.text else "\n"
    old, new = (text.removeprefix("\ufeff").split(newline) for text in (file.text, after))
    assert is_subsequence(old, new)
    added = Counter(line.strip(" -") for line in (Counter(new) - Counter(old)).elements())
    for absent in ("", "resources:", "patches:"):
        del added[absent]
    patch = ("path: deployment-patch.yaml", "target:", "kind: Deployment", "name: aegisx-api")
    assert added == Counter([*WANTED.resources, *patch])


@moderate
@given(kustomizations(both_lists=True))
def test_removing_what_was_added_gives_the_file_back(file: Kustomization) -> None:
    after = wire(file.text, "k.yaml", WANTED)
    assert wire(after, "k.yaml", Wiring((), ()), remove=OURS) == file.text


@moderate
@given(
    kustomizations(both_lists=True), st.sampled_from(("a.yaml", "./b c.yaml", "../base", "é.yaml", "p.yaml", "q.yaml"))
)
def test_removing_a_path_takes_its_items_and_no_other(file: Kustomization, path: str) -> None:
    data = data_of(file.text)
    kept = [item for item in data["resources"] if item != path.removeprefix("./")]
    kept_patches = [item for item in data["patches"] if item.get("path") != path]
    try:
        after = data_of(wire(file.text, "k.yaml", Wiring((), ()), remove=[path]))
    except InputError:
        assert "|+" in file.text  # blank lines below the item would become part of that text
        return
    assert (after.get("resources") or [], after.get("patches") or []) == (kept, kept_patches)
    others = {key: value for key, value in data.items() if key not in {"resources", "patches"}}
    assert {key: value for key, value in after.items() if key not in {"resources", "patches"}} == others


def wires_or_refuses(text: str, wanted: Wiring, remove: list[str]) -> None:
    try:
        after = wire(text, "k.yaml", wanted, remove=remove)
    except InputError:
        return
    data = data_of(after)
    assert all(path in data["resources"] for path in wanted.resources)
    assert wire(after, "k.yaml", wanted, remove=remove) is after


@moderate
@given(st.text(), st.text(max_size=8))
@example("\ufeff\ufeff", "a")
@example("a: b\r- c", "a")
def test_any_text_is_edited_or_refused(text: str, path: str) -> None:
    wires_or_refuses(text, WANTED, [path])


PIECES = ("resources", "patches", "path: ", "- ", "a.yaml", "---\n", "...\n", "<<: *a", "&a ")
SCRAPS = st.sampled_from((*"\n\n\n   -:,[]{}#&*?|>'\"!%~\t\r\x85", *PIECES))


@moderate
@given(st.lists(SCRAPS, max_size=14).map("".join), st.sampled_from(("a.yaml", "b")))
def test_any_heap_of_yaml_scraps_is_edited_or_refused(text: str, path: str) -> None:
    wires_or_refuses(text, WANTED, [path])


@moderate
@given(kustomizations(), st.data())
def test_damaged_file_is_edited_or_refused(file: Kustomization, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(file.text)))
    cut = data.draw(st.integers(0, 3))
    text = file.text[:at] + data.draw(SCRAPS) + file.text[at + cut :]
    wires_or_refuses(text, WANTED, ["a.yaml", "p.yaml"])


@pytest.mark.parametrize(
    "before", ["resources:\n- ../base\n", "resources: [../base]\n", '{"resources": ["../base"]}', ""]
)
@moderate
@given(path=st.text(min_size=1), kind=st.text(), name=st.text())
def test_names_reach_the_file_as_they_are(before: str, path: str, kind: str, name: str) -> None:
    after = wire(before, "k.yaml", Wiring((path,), (Patch(path, kind, name),)))
    data = data_of(after)
    assert data["resources"][-1] == path
    assert data["patches"] == [{"path": path, "target": {"kind": kind, "name": name}}]
