"""Whatever a log, a name or a migration says: no secret is shown, and every format stays what it says it is."""

from __future__ import annotations

import base64
import json
import re
from functools import cache
from urllib.parse import quote
from xml.etree import ElementTree

import jsonschema_rs
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import ROOT
from tests.reports import junit_schema

from aegisgen.output.visible import width
from aegisgen.rehearsal.compat.records import (
    CONTRACT,
    EXPAND,
    NOTHING_PENDING,
    BrokenQuery,
    Change,
    Compatibility,
    FilledTable,
    Waits,
)
from aegisgen.rehearsal.outcome import (
    Advice,
    ContainerRun,
    Expectation,
    MigrationRun,
    Rehearsal,
    ScenarioRun,
    StepRun,
    SyncRun,
    TableLock,
    Verdict,
)
from aegisgen.rehearsal.show import FORMATS, Redaction, View

NASTY = st.sampled_from(
    [
        "\x1b[31m",
        "\r\n",
        "\n",
        "]]>",
        "</script>",
        "<img src=x onerror=alert(1)>",
        "\u2028",
        "\u202e",
        "\t",
        "[red]",
        "&",
    ]
)
TEXT = st.lists(st.text(max_size=6) | NASTY, max_size=3).map("".join)
SECONDS = st.floats(0, 10_000)


def many(items: st.SearchStrategy, most: int = 2) -> st.SearchStrategy:
    return st.lists(items, max_size=most).map(tuple)


CONTAINER = st.builds(
    ContainerRun,
    pod=TEXT, container=TEXT, attempt=st.integers(1, 9), began=SECONDS, ended=SECONDS,
    code=st.none() | st.integers(0, 255), signal=TEXT, status=TEXT, message=TEXT, log=TEXT,
)  # fmt: skip
PHASES = st.sampled_from(["PreSync", "Sync", "PostSync", "SyncFail"])
STEP = st.builds(
    StepRun,
    phase=PHASES, wave=st.integers(-9, 9), resource=TEXT, began=SECONDS, ended=SECONDS,
    status=TEXT, detail=TEXT, containers=many(CONTAINER),
)  # fmt: skip
SYNC = st.builds(
    SyncRun, title=TEXT, began=SECONDS, ended=SECONDS, succeeded=st.booleans(), steps=many(STEP), skipped=many(TEXT)
)
MIGRATION = st.builds(
    MigrationRun,
    file=TEXT, began=SECONDS, seconds=SECONDS, rows=st.integers(0, 10**12), statements=many(TEXT),
    locks=many(st.builds(TableLock, table=TEXT, mode=TEXT, seconds=SECONDS)),
    advice=many(st.builds(Advice, rule=TEXT, message=TEXT, statement=TEXT, help=TEXT)),
    failed_statement=TEXT, error=TEXT,
)  # fmt: skip
SCENARIO = st.builds(
    ScenarioRun,
    name=TEXT, title=TEXT, verdict=st.sampled_from(Verdict), reason=TEXT, seconds=SECONDS,
    expectations=many(st.builds(Expectation, text=TEXT, passed=st.booleans(), got=TEXT)),
    syncs=many(SYNC), migrations=many(MIGRATION),
)  # fmt: skip
COMPATIBILITY = st.builds(
    Compatibility,
    planned=st.integers(0, 9), skipped=st.integers(0, 9), unplanned=st.integers(0, 9), renames=many(TEXT),
    note=st.sampled_from(["", NOTHING_PENDING]),
    broken=many(
        st.builds(
            BrokenQuery, query=TEXT, calls=st.none() | st.integers(0, 9), per_second=st.none() | SECONDS,
            error=TEXT, migration=TEXT,
        )
    ),
    changes=many(st.builds(Change, kind=st.sampled_from([EXPAND, CONTRACT]), text=TEXT, migration=TEXT)),
)  # fmt: skip
REHEARSAL = st.builds(
    Rehearsal,
    environment=TEXT, postgres=TEXT, seconds=SECONDS, scenarios=many(SCENARIO, 3), notes=many(TEXT),
    compatibility=st.none() | COMPATIBILITY, gates=many(TEXT),
    filled=many(
        st.builds(FilledTable, table=TEXT, made=st.integers(0, 10**9), wanted=st.integers(0, 10**12), reason=TEXT)
    ),
    waits=many(st.builds(Waits, table=TEXT, reads=SECONDS, writes=SECONDS, reports=SECONDS, note=TEXT)),
)  # fmt: skip


@cache
def json_schema() -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(json.loads((ROOT / "schemas/aegisgen/rehearsal.json").read_text()))


@settings(max_examples=40)
@given(REHEARSAL)
def test_json_is_valid_and_loses_no_text(rehearsal):
    document = json.loads(FORMATS["json"](rehearsal))
    json_schema().validate(document)
    assert [scenario["reason"] for scenario in document["scenarios"]] == [run.reason for run in rehearsal.scenarios]


@settings(max_examples=30)
@given(REHEARSAL)
def test_junit_is_valid_and_counts_right(rehearsal):
    rendered = FORMATS["junit"](rehearsal)
    junit_schema().validate(rendered)
    (suite,) = ElementTree.fromstring(rendered.encode())
    cases = len(rehearsal.scenarios) + bool(rehearsal.compatibility)
    assert int(suite.attrib["tests"]) == len(suite.findall("testcase")) == cases
    assert int(suite.attrib["failures"]) == len(suite.findall("testcase/failure"))
    assert int(suite.attrib["skipped"]) == len(suite.findall("testcase/skipped"))


@settings(max_examples=40)
@given(REHEARSAL, st.integers(40, 130))
def test_text_holds_nothing_but_what_prints_and_fits(rehearsal, columns):
    rendered = FORMATS["text"](rehearsal, View(columns))
    for line in rendered.removesuffix("\n").split("\n"):
        assert line.isprintable()
        assert width(line) <= columns


# No report says the sign by itself.
SECRET = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=3, max_size=8).map("§{}§".format)


@settings(max_examples=40)
@given(SECRET, st.data())
def test_no_format_shows_a_secret_wherever_it_stands(secret, data):
    encoded = base64.b64encode(secret.encode()).decode()
    forms = [secret, quote(secret, safe=""), encoded, secret.replace("'", "''"), json.dumps(secret)[1:-1]]
    leaks = TEXT.flatmap(lambda text: st.sampled_from(forms).map(lambda form: text + form + text))
    scenario = data.draw(SCENARIO)
    scenario = scenario._replace(
        reason=data.draw(leaks),
        expectations=(Expectation(data.draw(leaks), False, data.draw(leaks)),),
        syncs=(data.draw(SYNC)._replace(steps=(data.draw(STEP)._replace(detail=data.draw(leaks)),)),),
        migrations=(data.draw(MIGRATION)._replace(error=data.draw(leaks), statements=(data.draw(leaks),)),),
    )
    rehearsal = Rehearsal("production", "PostgreSQL", 1.0, (scenario,), (data.draw(leaks),))
    clean = Redaction([secret]).record(rehearsal)
    assert type(clean) is Rehearsal
    shown = "".join(FORMATS[name](clean, View(10_000)) for name in FORMATS)
    for form in forms:
        assert form not in shown
    assert secret not in repr(clean)


@settings(max_examples=40)
@given(REHEARSAL)
def test_without_secrets_nothing_changes(rehearsal):
    assert Redaction(["", "  "]).record(rehearsal) == rehearsal
    assert re.sub(r"\*\*\*", "", Redaction(["s3cr3t"]).text("a s3cr3t b")) == "a  b"
