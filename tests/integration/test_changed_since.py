"""`check --changed-since` finds whatever a whole check finds and the revision did not have, and invents nothing.

Real git, random edits of every kind of input, compared with whole checks.
"""

from __future__ import annotations

import json
import os
from functools import cache
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conftest import aegisgen
from tests.fleet_edits import EDITS, KEPT, edit, keep
from tests.small_fleet import restore

pytestmark = pytest.mark.tools

EXAMPLES = int(os.environ.get("AEGISGEN_EXAMPLES", "25"))


class Found(NamedTuple):
    code: int
    findings: frozenset[tuple[object, ...]]
    diffs: frozenset[str]
    err: str


def check(*arguments: str) -> Found:
    outcome = aegisgen("check", "--format", "json", *arguments)
    if outcome.code == 2:
        return Found(2, frozenset(), frozenset(), outcome.err)
    report = json.loads(outcome.out)
    # Whether an ignore of the project ignores nothing is not known of a part.
    findings = (
        tuple(each.values())
        for each in report["findings"]
        if (each["rule"], each["path"]) != ("C602", "argocd/aegisgen.yaml")
    )
    diffs = report["diff"].split("--- ")
    return Found(outcome.code, frozenset(findings), frozenset(diffs), outcome.err)


@cache
def at_base(*arguments: str) -> Found:
    found = check(*arguments)
    assert found.code == 0, found
    return found


def compare(*arguments: str) -> None:
    whole, part = check(*arguments), check("--changed-since", "base", *arguments)
    if whole.code == 2:
        assert part.code == 2, whole.err
        return
    assert part.code != 2, part.err
    before = at_base(*arguments)
    assert part.findings <= whole.findings, "it invents findings"
    assert whole.findings - before.findings <= part.findings, "it misses findings"
    assert whole.diffs - before.diffs - {""} <= part.diffs, "it misses a diff"
    assert part.code == whole.code


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(st.tuples(EDITS, KEPT), min_size=1, max_size=4))
def test_it_misses_nothing_and_invents_nothing(small_fleet, edits) -> None:
    restore(small_fleet)
    at_base("--no-compose")
    for what, kept in edits:
        edit(small_fleet, what)
        keep(small_fleet, kept)
    compare("--no-compose")


@pytest.mark.slow
@pytest.mark.usefixtures("kustomize")
@settings(
    max_examples=max(EXAMPLES // 4, 5),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(st.tuples(EDITS, KEPT), min_size=1, max_size=3))
def test_nor_does_it_where_overlays_are_composed(small_fleet, edits) -> None:
    restore(small_fleet)
    at_base()
    for what, kept in edits:
        edit(small_fleet, what)
        keep(small_fleet, kept)
    compare()
