"""What a person and a program get of a rehearsal."""

from __future__ import annotations

import io
import json
from xml.etree import ElementTree

import jsonschema
import pytest
from tests import rehearsals
from tests.conftest import ROOT
from tests.console import Terminal
from tests.rehearsals import CLEAN, FAILED, GAVE_UP, LEFT_OUT, REHEARSAL, STRANGE
from tests.reports import junit_schema

from aegisgen.output.numbers import duration
from aegisgen.rehearsal.outcome import Rehearsal, SyncRun, Verdict
from aegisgen.rehearsal.show import FORMATS, View, progress, wording
from aegisgen.rehearsal.show.pods import Pod, pods

EMPTY = REHEARSAL._replace(scenarios=(), notes=())


def text(rehearsal: Rehearsal = REHEARSAL, *, width: int = 120, colour: bool = False) -> str:
    return FORMATS["text"](rehearsal, View(width, colour=colour))


def junit(rehearsal: Rehearsal) -> ElementTree.Element:
    rendered = FORMATS["junit"](rehearsal)
    junit_schema().validate(rendered)
    return ElementTree.fromstring(rendered)


# Text


def test_failures_come_first_then_what_was_not_rehearsed():
    lines = text().splitlines()
    rows = [line.split()[0] for line in lines[3:8]]
    assert rows == ["scenario", "fails-half-way", "backup-target-full", "clean-run", "approval-withheld"]
    assert "backup needs the program aws, which is not here" in lines[5]


@pytest.mark.parametrize(
    "told",
    [
        "expected  nothing is left behind\ngot       a table items\n",
        "expected  the Job says why\ngot       an empty termination message\n",
        "passed    1 other expectation",
        "First sync: failed after 6.0 s; left out: Sync wave 0, PostSync",
        "NAME                                 READY   STATUS      RESTARTS   AGE\n",
        "production-aegisx-api-migration-2a   0/1     OOMKilled   0          4s\n",
        "production-aegisx-api-migration-3a/migration, attempt 3, exit code 1\n  ... 18 lines before\n  line 19",
        "migration   migrations/20260102000000_history.js\n",
        'PostgreSQL  schema "inventory" does not exist\n',
        "statement   CREATE TABLE inventory.items (id int)\n",
        "applied     migrations/20260101000000_users.js\n",
        'cause       no migration of the application creates the schema "inventory": somebody made it by hand',
        "fix         start from production's schema: --schema-dump schema.sql",
    ],
)
def test_a_failure_tells_what_was_expected_and_got_with_pods_logs_and_the_refused_migration(told):
    assert told in text()


def test_of_the_logs_only_the_end_of_the_last_failing_attempt_is_shown():
    assert "migration-1a/migration, attempt" not in text()
    assert "  line 18\n" not in text()


def test_a_failure_without_a_broken_expectation_says_its_reason():
    shown = text(REHEARSAL._replace(scenarios=(FAILED._replace(expectations=(), reason="a sync hung"),)))
    assert "reason  a sync hung" in shown


def test_migrations_show_time_rows_and_locks_once_for_all_scenarios():
    shown = text()
    assert "Migrations, as they ran in clean-run\n" in shown
    row = next(line for line in shown.splitlines() if line.startswith("migrations/20260102"))
    assert row.split()[1:4] == ["2.5", "s", "12,345"]
    assert row.endswith("history: AccessExclusiveLock for 2.4 s, blocks reads and writes")
    assert "users: AccessExclusiveLock for 12 ms, a new table" in shown
    assert "users: RowExclusiveLock for 200 ms\n" in shown
    assert shown.count("history: ") == 1  # only the strongest lock on a table
    assert "note: rows are not known: COPY" in shown
    assert shown.count("prefer-big-int") == 1


def test_the_last_line_counts():
    assert (
        text().splitlines()[-1] == "1 of 3 scenarios passed, 1 failed, 1 not rehearsed, 1 does not apply, in 1 min 09 s"
    )
    assert text(EMPTY).splitlines()[-1] == "no scenario was rehearsed"


def test_only_a_view_with_colour_has_escapes():
    assert "\x1b" not in text()
    assert "\x1b[31m" in text(colour=True)


def test_a_log_cannot_drive_the_terminal():
    hostile = GAVE_UP.containers[2]._replace(log="\x1b]0;owned\x07\rfine\u202e\n[bold]not markup[/bold] :smile:\n")
    step = GAVE_UP._replace(containers=(hostile,))
    sync = FAILED.syncs[0]._replace(steps=(step,))
    shown = text(REHEARSAL._replace(scenarios=(FAILED._replace(syncs=(sync,)),)))
    assert "\\x1b]0;owned\\x07" in shown
    assert "fine\\u202e" in shown
    assert "[bold]not markup[/bold] :smile:" in shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "under 1 ms"),
        (0.0081, "8 ms"),
        (3.14, "3.1 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (65.2, "1 min 05 s"),
    ],
)
def test_durations_are_for_people(seconds, shown):
    assert duration(seconds) == shown


# Pods


def run_of(pod: str, container: str, began: float, ended: float, status: str, *, code: int | None = 0):
    return rehearsals.job_attempt(1, began, ended, code, pod=pod, container=container, status=status)


def pods_of(*runs) -> tuple[Pod, ...]:
    step = rehearsals.REACHED._replace(containers=runs)
    return pods(SyncRun("First sync", 0.0, 125.0, succeeded=True, steps=(step,), skipped=()))


UP = Pod("a", "1/1", "Running", "0", "2m4s")
MIGRATED = run_of("a", "db-migration", 1.0, 3.0, "Completed")
FAILURES = [run_of("a", "m", began, began + 0.5, "Init:Error", code=1) for began in (1.0, 2.0, 4.0)]


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        # Its init container has ended, and it is ready with the other.
        ([MIGRATED, run_of("a", "api", 3.0, 125.0, "Running", code=None)], UP),
        # The application is not rehearsed: a pod is up when it has migrated.
        ([FAILURES[0], run_of("a", "m", 2.0, 3.0, "Completed")], UP),
        # Three attempts failed: it has restarted twice.
        (FAILURES, Pod("a", "0/1", "Init:Error", "2", "2m4s")),
    ],
)
def test_a_pod_stands_as_kubectl_says(runs, expected):
    assert pods_of(*runs) == (expected,)


def test_a_pod_between_two_attempts_waits_as_kubectl_says():
    runs = [run_of("a", "m", began, began + 0.5, "Error", code=1) for began in (1.0, 2.0)]
    step = rehearsals.REACHED._replace(containers=tuple(runs), status="Init:CrashLoopBackOff")
    sync = SyncRun("First sync", 0.0, 3.0, succeeded=False, steps=(step,), skipped=())
    assert pods(sync) == (Pod("a", "0/1", "Init:CrashLoopBackOff", "1", "2s"),)


def test_pods_are_listed_in_the_order_of_their_start():
    found = pods_of(run_of("b", "m", 1.0, 3.0, "Completed"), run_of("c", "m", 0.5, 3.0, "Completed"))
    assert [pod.name for pod in found] == ["c", "b"]


# JSON


def strict(schema: object) -> object:
    """Return the schema without the freedom to have more keys than it names."""
    if isinstance(schema, dict):
        more = {"additionalProperties": False} if "properties" in schema else {}
        return {key: strict(value) for key, value in schema.items()} | more
    return [strict(item) for item in schema] if isinstance(schema, list) else schema


def test_json_has_the_keys_of_its_schema_and_no_others():
    schema = json.loads((ROOT / "schemas/aegisgen/rehearsal.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(strict(schema)).validate(json.loads(FORMATS["json"](REHEARSAL)))


def test_json_keeps_what_the_records_say():
    document = json.loads(FORMATS["json"](REHEARSAL))
    assert document["summary"] == {"passed": 1, "failed": 1, "notRehearsed": 1, "doesNotApply": 1}
    assert document["passed"] is False
    clean, strange, left_out, failed = document["scenarios"]
    assert (clean["name"], left_out["verdict"], failed["reason"]) == (CLEAN.name, "notRehearsed", FAILED.reason)
    assert (strange["verdict"], strange["reason"]) == ("doesNotApply", STRANGE.reason)
    attempt = failed["syncs"][0]["steps"][1]["containers"][1]
    assert (attempt["exitCode"], attempt["signal"], attempt["status"]) == (None, "SIGKILL", "OOMKilled")
    assert clean["migrations"][1]["locks"][0] == {
        "table": "history",
        "mode": "AccessExclusiveLock",
        "seconds": 2.4,
        "new": False,
    }
    assert clean["migrations"][0]["squawk"][0]["rule"] == "prefer-big-int"


@pytest.mark.parametrize(
    ("scenarios", "passed", "unknown"),
    [
        ([CLEAN], True, []),
        ([CLEAN, STRANGE], True, []),
        ([STRANGE], False, []),
        ([CLEAN, LEFT_OUT], True, [LEFT_OUT]),
        ([LEFT_OUT], False, [LEFT_OUT]),
        ([CLEAN, FAILED], False, []),
    ],
)
def test_only_what_ran_and_held_makes_a_rehearsal_pass(scenarios, passed, unknown):
    rehearsal = REHEARSAL._replace(scenarios=tuple(scenarios))
    assert (rehearsal.passed, rehearsal.not_rehearsed) == (passed, unknown)


def test_what_does_not_apply_is_not_counted_among_what_could_pass():
    assert text(REHEARSAL._replace(scenarios=(CLEAN, STRANGE, STRANGE))).splitlines()[-1] == (
        "1 of 1 scenario passed, 2 do not apply, in 1 min 09 s"
    )


# JUnit


def test_junit_fails_skips_and_passes_as_the_scenarios_do():
    (suite,) = junit(REHEARSAL)
    assert (suite.attrib["tests"], suite.attrib["failures"], suite.attrib["skipped"]) == ("4", "1", "2")
    clean, strange, left_out, failed = suite.findall("testcase")
    assert [child.tag for child in clean] == ["system-out"]
    assert clean.attrib == {"classname": "rehearse.production", "name": "clean-run", "time": "3.400"}
    assert strange.find("skipped").attrib["message"] == STRANGE.reason
    assert left_out.find("skipped").attrib["message"] == "backup needs the program aws, which is not here"
    failure = failed.find("failure")
    assert failure.attrib["message"] == FAILED.reason
    assert "failed: expected: nothing is left behind; got: a table items\n" in failure.text
    assert "line 30" in failure.text
    assert "  fix: start from production's schema" in failure.text


def test_junit_shows_what_xml_cannot_hold_as_escapes():
    case = junit(REHEARSAL._replace(scenarios=(LEFT_OUT._replace(reason="a\x00<&>\ud800"),)))[0][0]
    assert case.find("skipped").attrib["message"] == "a\\x00<&>\\ud800"


# The view and the progress


def test_a_pipe_gets_no_colour_and_a_terminal_does(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLUMNS", "77")
    assert View.of(io.StringIO()) == View(120, colour=False)
    assert View.of(Terminal()) == View(77, colour=True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert View.of(Terminal()) == View(77, colour=False)


def test_a_pipe_gets_no_progress():
    stream = io.StringIO()
    with progress(3, stream) as events:
        events.began("clean-run", "A clean run")
        events.step("clean-run", "Job/x", "Running")
        events.ended(CLEAN)
    assert stream.getvalue() == ""


def test_a_terminal_sees_what_runs_and_what_is_done(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    stream = Terminal()
    with progress(3, stream) as events:
        events.began("fails-half-way", "A migration that fails half-way")
        events.step("fails-half-way", "Job/x\x1b[2J", "Running")
        events.ended(FAILED)
        events.began("clean\x1b[2J", "A clean run")
        events.step("clean\x1b[2J", "Job/y\x1b[2J", "Completed")
        events.ended(CLEAN._replace(name="clean\x1b[2J"))
    shown = stream.getvalue()
    assert "expected: nothing is left behind; got: a table items" in shown
    assert "Job/y\\x1b[2J: Completed" in shown
    assert "\x1b[2J" not in shown
    assert "2 of 3 scenarios" in shown
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h") == 1  # the cursor is back


def test_every_verdict_has_a_mark_and_a_colour():
    assert set(wording.MARKS) == set(wording.COLOURS) == set(Verdict)
