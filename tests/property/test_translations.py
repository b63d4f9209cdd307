"""A translated template means what Jinja says it means, or is left to Jinja."""

from __future__ import annotations

import shutil
import sys
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import ROOT
from tests.templates import bundled_templates, translated

from aegisgen import translations as module
from aegisgen.errors import InputError
from aegisgen.render.applications import render_applications
from aegisgen.render.environment import Templates
from aegisgen.render.files import render
from aegisgen.translations import JINJAS_ALONE, make, translations
from aegisgen.workspace import open_workspace, selection

if TYPE_CHECKING:
    from pathlib import Path


class Thing:
    name = "thing"
    items = ("x", "y")
    empty = ""


VALUES = {
    "one": 1,
    "word": "yes: 'no'",
    "lines": "a\n\n  b\n",
    "nothing": None,
    "off": False,
    "list": ["a", "b b", "c'"],
    "table": {"k": "v", "items": 3, "name": "n"},
    "thing": Thing(),
}
# What goes wrong everywhere is rare, so that most templates come to their end.
LEAVES = st.sampled_from(
    [*VALUES, "'text'", "3", "true", "none", "[]", "{}", "word", "word", "list", "table.k", "thing.name", "thing.empty"]
    * 3
    + ["missing", "later", "each", "loop.index", "loop.last", "thing.missing"]
)
EXPRESSIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or", "==", "!=", "~"]), inner),
        st.builds("({} {} {})".format, inner, st.sampled_from(["<", ">=", "in", "not in", "+", "*", "-"]), inner),
        st.builds("(not {})".format, inner),
        st.builds("({} if {} else {})".format, inner, inner, inner),
        st.builds("({} | {})".format, inner, st.sampled_from(["string", "raw", "string | block(2)", "default(4)"])),
        st.builds("({} | {})".format, inner, st.sampled_from(["lower", "shell", "string | indent(3)", "int", "items"])),
        st.builds("({} is {})".format, inner, st.sampled_from(["defined", "none", "string"])),
        st.builds("[{}, {}]".format, inner, inner),
        st.builds("{{'a': {}}}".format, inner),
        st.builds(
            "{}.{}".format, st.sampled_from(["table", "thing"]), st.sampled_from(["name", "items", "k", "get('k')"])
        ),
        st.builds("{}[{}]".format, st.sampled_from(["list", "word"]), st.sampled_from(["0", "1:", ":-1", "one", "9"])),
        st.builds("dict(table, x={})".format, inner),
        st.builds("dict(*[table], **{})".format, st.sampled_from(["table", "{'z': word}", "one"])),
        st.builds(
            "({}.{} is defined)".format,
            st.sampled_from(["table", "thing", "word", "missing"]),
            st.sampled_from(["k", "no"]),
        ),
    ),
    max_leaves=4,
)
STATEMENTS = st.recursive(
    st.one_of(
        st.builds("{{{{ {} }}}}\n".format, EXPRESSIONS),
        st.builds("{{% set {} = {} %}}\n".format, st.sampled_from(["later", "one", "each", "word"]), EXPRESSIONS),
        st.sampled_from(
            ["text\n", "  <inner>\n", "{% include 'inner' %}\n", "{# no #}\n", "\n", "{%- set x = 1 -%}\n"]
        ),
    ),
    lambda inner: st.one_of(
        st.builds("{}{}".format, inner, inner),
        st.builds("{}{}{}".format, inner, inner, inner),
        st.builds("{{% if {} %}}\n{}{{% else %}}\n{}{{% endif %}}\n".format, EXPRESSIONS, inner, inner),
        st.builds("{{% if {} %}}\n{}{{% elif {} %}}\n{}{{% endif %}}\n".format, EXPRESSIONS, inner, EXPRESSIONS, inner),
        st.builds(
            "{{% for each in {} %}}\n{}{{% endfor %}}\n".format, st.sampled_from(["list", "[1, 2]", "table"]), inner
        ),
        st.builds("{{% for later, each in table.items() %}}\n{}{{% endfor %}}\n".format, inner),
        st.builds("{{% for each in thing.items %}}\n{{{{ loop.index }}}}{}{{% endfor %}}\n".format, inner),
        st.builds("{{% filter indent(2, first=true) %}}\n{}{{% endfilter %}}\n".format, inner),
        st.builds("{{% filter indent(4) %}}\n{}{{% endfilter %}}\n".format, inner),
    ),
    max_leaves=8,
)
INNER = "{% set later = 'in' %}{{ later }}{{ one }}{% if each is defined %}{{ each }}{% endif %}\n"


def by_translation(sources: dict[str, str]) -> str | None:
    """Return what the translation makes of "t"; None where it leaves that to Jinja."""
    function = translated(sources).get("t")
    parts: list[str] = []
    if function is None:
        return None
    try:
        function({"dict": dict, **VALUES}, parts.append)
    except Exception:
        return None
    return "".join(parts)


@settings(max_examples=300)
@given(STATEMENTS, STATEMENTS)
def test_what_a_translation_says_jinja_says(source: str, inner: str) -> None:
    sources = {"t": source, "inner": inner.replace("{% include 'inner' %}", "") or INNER}
    text = by_translation(sources)
    if text is not None:
        assert text == Templates(sources, {name: name for name in sources}).render("t", **VALUES)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{% for each in list %}{% set one = each %}{{ one }}{% endfor %}{{ one }}", "a'b b''c'''1"),
        ("{% filter indent(2, first=true) %}\n{% set one = 2 %}\na\n\nb\n{% endfilter %}{{ one }}", "  a\n\n  b\n1"),
        ("{% include 'inner' %}{{ later is defined }}", "in1\nfalse"),
        ("{% set later = 2 %}{% include 'inner' %}{{ later }}", "in1\n2"),
        ("{% for each in list %}{{ loop.index }}{% if not loop.last %},{% endif %}{% endfor %}", "1,2,3"),
        ("{{ list | shell }}{{ lines | block(2) }}", "a 'b b' 'c'\"'\"''a\n\n    b"),
        ("{{ table.items() | default(0) }}", None),
        ("{% for each in list %}{% include 'looks' %}{% endfor %}", None),
        ("{% for each in list %}{{ word }}{% endfor %}{% set word = 1 %}", None),
        ("{% set word = 2 %}{% for each in list %}{{ word }}{% endfor %}{% set word = 1 %}{{ word }}", "2221"),
        ("{{ missing }}", None),
        ("{{ thing }}", None),
        ("{% if missing %}{% endif %}", None),
        ("{% macro m() %}{% endmacro %}", None),
        ("{% set one, word = word, one %}{{ word }}{{ one | raw }}", "1yes: 'no'"),
        ("{% include missing %}", None),
        ("{% include 'nowhere' %}", None),
    ],
)
def test_names_belong_where_jinja_has_them(source: str, expected: str | None) -> None:
    sources = {"t": source, "inner": "{% set later = 'in' %}{{ later }}{{ one }}\n", "looks": "{{ loop.index }}"}
    assert by_translation(sources) == expected
    if expected is not None:
        assert Templates(sources, {name: name for name in sources}).render("t", **VALUES) == expected


def test_what_a_translation_cannot_render_jinja_explains() -> None:
    sources = {"t": "a\n{{ missing }}\n"}
    templates = Templates(sources, {"t": "t.j2"}, translations=translated(sources))
    with pytest.raises(InputError, match=r"t\.j2:2:1: the template failed: "):
        templates.render("t")


def test_a_project_with_everything_on_renders_the_same_without_jinja(tmp_path: Path, monkeypatch) -> None:
    shutil.copytree(ROOT / "tests/fixtures/full", tmp_path / "full")
    monkeypatch.chdir(tmp_path / "full")
    workspace = open_workspace(selection(None, None, None))
    both = bundled_templates()
    for target in workspace.targets:
        assert render(target, both).files
    assert render_applications(workspace.targets, both, whole=True)
    assert {"presync-job/migration-job.yaml.j2", "apps/application.yaml.j2"} <= both.rendered


def test_every_template_has_a_translation() -> None:
    both = bundled_templates()
    left = {name for name in both._sources.keys() - both.translations.keys() if not name.startswith(JINJAS_ALONE)}
    assert not left, "render/translate.py does not know what these use, and they are slow; simplify them, or teach it"


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module as an installation has it, made of today's templates."""
    make(tmp_path / "made.py")
    fresh = ModuleType("aegisgen.translated_templates")
    exec((tmp_path / "made.py").read_text(encoding="utf-8"), fresh.__dict__)
    monkeypatch.setitem(sys.modules, "aegisgen.translated_templates", fresh)
    return fresh


def test_what_was_made_of_these_templates_is_used(made: ModuleType) -> None:
    assert translations(made.SOURCES).keys() == made.TEMPLATES.keys() != set()


def test_a_changed_template_takes_those_that_include_it_out(made: ModuleType) -> None:
    changed = {**made.SOURCES, "container.yaml.j2": "# changed\n"}
    left = translations(changed).keys()
    assert {"container.yaml.j2", "presync-job/migration-job.yaml.j2"}.isdisjoint(left)
    assert "presync-job/network-policy.yaml.j2" in left


def test_what_another_translator_made_is_not_used(made: ModuleType, monkeypatch) -> None:
    monkeypatch.setattr(made, "TRANSLATOR", made.TRANSLATOR + "#")
    assert translations(made.SOURCES) == {}


@pytest.mark.parametrize("name", ["TEMPLATES", "SOURCES", "TRANSLATOR"])
def test_half_a_module_is_none(made: ModuleType, monkeypatch, name: str) -> None:
    sources = made.SOURCES
    monkeypatch.delattr(made, name)
    assert translations(sources) == {}


def test_without_the_module_jinja_renders(monkeypatch) -> None:
    monkeypatch.setattr(module, "NAME", "nothing_of_that_name")
    assert translations({"t": ""}) == {}
