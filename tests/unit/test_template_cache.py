"""The cache of compiled templates makes a run faster and never another."""

from __future__ import annotations

import pytest

from aegisgen.render.environment import Templates
from aegisgen.template_cache import TemplateCache


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def rendered(source: str = "a: {{ x }}\n") -> str:
    return Templates({"t": source}, {"t": "t.j2"}, TemplateCache).render("t", x="yes")


def entries(folder) -> list:
    return [file for file in folder.rglob("*") if file.is_file()]


def test_a_second_run_reads_what_the_first_one_compiled(folder, monkeypatch) -> None:
    first = rendered()
    assert len(entries(folder)) == 1
    monkeypatch.setattr("jinja2.Environment.compile", None)
    assert rendered() == first == "a: 'yes'\n"


def test_a_changed_template_is_compiled_anew(folder) -> None:
    rendered()
    assert rendered("b: {{ x }}\n") == "b: 'yes'\n"


@pytest.mark.parametrize(
    "damage", [lambda raw: b"", lambda raw: raw[:-1], lambda raw: raw[:40] + b"\x00" + raw[41:], lambda raw: b"x" * 500]
)
def test_a_damaged_entry_is_not_used(folder, damage) -> None:
    rendered()
    (entry,) = entries(folder)
    entry.write_bytes(damage(entry.read_bytes()))
    assert rendered() == "a: 'yes'\n"


def test_without_a_place_to_write_there_is_no_cache_and_no_error(tmp_path, monkeypatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    assert rendered() == "a: 'yes'\n"


def test_a_full_disk_leaves_no_half_entry(folder, monkeypatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    assert rendered() == "a: 'yes'\n"
    assert entries(folder) == []
