from __future__ import annotations

import json
import re
from xml.etree import ElementTree as ET

import pytest
from tests.manifests import applied, objects

from aegisgen.argocd.application import ApplicationSettings
from aegisgen.argocd.plan import Plan, plan
from aegisgen.argocd.plan_text import to_text
from aegisgen.argocd.plan_words import duration, places
from aegisgen.argocd.svg_text import Font, shorten, wrap
from aegisgen.commands.plan import FORMATS

HOSTILE = "a\"]:::x--><script>alert('1')</script>&amp;#`\x1b[31m"


def planned(name: str, application: ApplicationSettings | None = None) -> Plan:
    return plan(applied(name), application, title=f"{name} of the api")


def hostile() -> Plan:
    annotations = {"argocd.argoproj.io/hook": HOSTILE}
    found = objects(
        {"apiVersion": "v1", "kind": HOSTILE, "metadata": {"name": HOSTILE}},
        {"apiVersion": "v1", "kind": HOSTILE, "metadata": {"name": HOSTILE, "annotations": annotations}},
    )
    return plan(found, title=HOSTILE)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_ends_its_last_line_and_takes_an_empty_plan(name: str) -> None:
    text = FORMATS[name](plan([]))
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_names_every_step_of_the_pipeline(name: str) -> None:
    text = FORMATS[name](planned("pipeline"))
    for resource in applied("pipeline"):
        assert resource.identity.name in text, name


def test_the_tree_says_what_waits_for_what_how_long_and_what_a_failure_does() -> None:
    text = to_text(planned("production", ApplicationSettings("api", automated=True)))
    assert (
        """\
│  └─ wave -1
│     │  waits for ConfigMap/production-aegisx-api-migration-config
│     │  if it fails: skips Sync (wave 0); nothing else runs: there is no SyncFail hook
│     └─ Job/production-aegisx-api-migration  [hook]
│           done when complete; deleted before the next sync creates it anew
│           at most 30m for 4 attempts; 3h and 24 attempts over 6 syncs
"""
        in text
    )


def test_the_tree_says_that_a_job_without_a_deadline_has_no_limit() -> None:
    assert "no limit: without a deadline a stuck pod holds the sync for ever; 4 attempts" in to_text(
        planned("guide-production")
    )


def test_the_tree_shows_the_approval_gate_and_the_typo() -> None:
    text = to_text(planned("pipeline"))
    assert "[approval gate]" in text
    assert "waits until somebody resumes it" in text
    assert "runs the 2 SyncFail hooks" in text
    assert "Argo CD knows no hook type 'presync'; did you mean PreSync?" in text


def test_the_tree_shows_init_containers_in_order_and_in_how_many_pods() -> None:
    text = to_text(planned("staging"))
    assert "1. wait-for-postgres (init container, runs to its end, in each of 3 pods)" in text
    assert "2. db-migration (init container, runs to its end, in each of 3 pods)" in text
    assert "the sync does not wait for its health" in text


def test_colour_changes_nothing_but_the_escapes() -> None:
    found = planned("pipeline")
    coloured = to_text(found, colour=True)
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == to_text(found)


def test_no_control_character_of_a_name_reaches_the_terminal() -> None:
    assert "\x1b" not in to_text(hostile())


def test_json_has_the_documented_keys() -> None:
    found = json.loads(FORMATS["json"](planned("pipeline", ApplicationSettings("api", "production", True))))
    assert list(found) == ["version", "title", "application", "notes", "phases", "notApplied"]
    assert found["version"] == 1
    assert found["application"] == {"name": "api", "namespace": "production", "automated": True, "syncs": 6}
    gate = found["phases"][0]["waves"][0]
    assert list(gate) == ["wave", "waitsFor", "ifFails", "steps"]
    assert gate["steps"][0] == {
        "resource": {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "namespace": "production",
            "name": "production-aegisx-api-approval",
            "generateName": False,
        },
        "hook": {"types": ["PreSync"], "deletePolicies": ["BeforeHookCreation"]},
        "moved": False,
        "until": "approved",
        "waited": True,
        "limit": {"deadlineSeconds": 60, "attempts": 1, "syncs": 6, "totalSeconds": 360, "totalAttempts": 6},
        "stallsAfterSeconds": None,
        "replicas": None,
        "initContainers": [],
    }
    assert [item["name"] for item in gate["ifFails"]["runs"]] == [
        "production-aegisx-api-migration-rollback",
        "production-aegisx-api-migration-notify-failure-in-the-operations-channel",
    ]
    assert gate["ifFails"]["skips"][0] == {"phase": "PreSync", "wave": -4}
    assert found["phases"][-1]["waves"][0]["ifFails"] == {"skips": [], "runs": []}
    assert found["notApplied"][2]["reason"] == "unknown hook type"


def test_json_of_a_hook_that_runs_before_and_on_failure_tells_the_two_apart() -> None:
    annotations = {"argocd.argoproj.io/hook": "PreSync,SyncFail"}
    data = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j", "annotations": annotations}}
    before, failed = json.loads(FORMATS["json"](plan(objects(data))))["phases"]
    assert len(before["waves"][0]["ifFails"]["runs"]) == 1
    assert failed["waves"][0]["ifFails"]["runs"] == []


def test_mermaid_nests_steps_in_waves_in_phases_and_draws_the_way_of_failure() -> None:
    lines = FORMATS["mermaid"](planned("pipeline")).splitlines()
    assert lines[:3] == ["flowchart TD", '  subgraph PreSync["PreSync"]', '    subgraph PreSync_wminus5["wave -5"]']
    assert "  PreSync_w0 --> Sync_w0" in lines
    assert '  Sync -. "if it fails" .-> SyncFail' in lines
    assert sum(line.strip().startswith("subgraph") for line in lines) == sum(line.strip() == "end" for line in lines)


def test_mermaid_labels_hold_nothing_that_mermaid_reads() -> None:
    for label in re.findall(r'\["(.*)"\]', FORMATS["mermaid"](hostile())):
        assert re.fullmatch(r"(?:[\w ./:,()?'-]|#\d+;|<br/>)*", label, re.ASCII), label


def test_the_picture_is_well_formed_and_escapes_what_names_contain() -> None:
    root = ET.fromstring(FORMATS["svg"](hostile()))
    texts = ["".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}title")]
    assert any("<script>" in text for text in texts)
    assert not list(root.iter("{http://www.w3.org/2000/svg}script"))


def test_the_picture_draws_the_way_of_failure_only_where_a_sync_fail_hook_runs() -> None:
    assert 'class="failure"' in FORMATS["svg"](planned("pipeline"))
    assert 'class="failure"' not in FORMATS["svg"](planned("production"))


def test_the_picture_is_as_wide_as_a_readme_and_follows_the_readers_mode() -> None:
    text = FORMATS["svg"](planned("production"))
    assert ET.fromstring(text).get("width") == "830"
    assert "prefers-color-scheme:dark" in text


def test_a_long_name_is_shortened_in_the_middle_and_whole_in_the_title() -> None:
    name = "production-" + "x" * 230 + "-migration"
    data = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}
    text = FORMATS["svg"](plan(objects(data)))
    assert f"<title>ConfigMap/{name}" in text
    assert re.search(r'class="name">production-x+…x+-migration<', text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (45, "45s"), (90, "1m30s"), (1800, "30m"), (5400, "1h30m"), (604800, "7d"), (90061, "1d1h1m1s")],
)
def test_durations_read_as_people_write_them(seconds: int, text: str) -> None:
    assert duration(seconds) == text


def test_no_places_are_no_words() -> None:
    assert places(()) == ""


@pytest.mark.parametrize("room", [0, 5, 40, 200])
@pytest.mark.parametrize("text", ["", "a", "production-aegisx-api-migration", "データベース移行", "W" * 60])
def test_shortened_and_wrapped_text_never_exceeds_its_room(text: str, room: float) -> None:
    font = Font(12)
    least = font.width("…")
    assert font.width(shorten(text, room, font)) <= max(room, least)
    lines = wrap(f"{text} and {text} once more", room, font, 2)
    assert len(lines) <= 2
    assert all(font.width(line) <= max(room, least) for line in lines)


def test_wrapped_text_keeps_its_words_and_ends_in_an_ellipsis_where_lines_run_out() -> None:
    font = Font(10)
    text = "done when complete, deleted before the next sync creates it anew"
    lines = wrap(text, 150, font, 4)
    assert " ".join(lines) == text
    assert len(lines) > 1
    assert wrap(text, 150, font, 2)[-1].endswith("…")
