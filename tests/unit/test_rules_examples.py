"""Every rule's own examples: the bad one breaks exactly that rule, the good one none."""

from __future__ import annotations

import pytest
from tests.rule_examples import context_of_example, files_of

from aegisgen.errors import Finding, Severity
from aegisgen.rules.check import check
from aegisgen.rules.ignores import annotated, commented, settle
from aegisgen.rules.table import FAMILIES, RULES

# What the families `manifests` and `drift` name is found before the rules look; test_validate.py reads their examples.
JUDGED = {rule.id: rule for rule in RULES.values() if rule.id[0] not in "VD"}


def found_in(example: str) -> list[Finding]:
    context = context_of_example(example)
    ignores = [ignore for path, text in files_of(example).items() for ignore in commented(path, text)]
    return settle(check(context), [*ignores, *annotated(context)])


@pytest.mark.parametrize("rule", JUDGED.values(), ids=JUDGED)
def test_the_bad_example_breaks_its_rule_and_no_other(rule) -> None:
    expected = [rule.id, "H102"] if rule.id == "C601" else [rule.id]  # an ignore without a reason silences nothing

    found = found_in(rule.text.bad)

    assert sorted(finding.rule for finding in found) == sorted(expected), [*map(str, found)]
    (own,) = (finding for finding in found if finding.rule == rule.id)
    assert own.severity is rule.severity
    assert own.path in files_of(rule.text.bad)
    assert own.line > 0
    assert own.fix


@pytest.mark.parametrize("rule", JUDGED.values(), ids=JUDGED)
def test_the_good_example_breaks_nothing(rule) -> None:
    assert found_in(rule.text.good) == []


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_every_rule_says_why_how_and_where_from(rule) -> None:
    assert rule.text.explanation.endswith((".", '"'))
    assert rule.text.fix
    assert rule.text.source
    assert rule.text.bad != rule.text.good
    assert len(rule.title) < 50
    assert not rule.title.endswith(".")


def test_ids_are_unique_and_say_their_family() -> None:
    ids = [rule.id for family in FAMILIES for rule in family.RULES]

    assert len(ids) == len(set(ids)) == len(RULES)
    for family in FAMILIES:
        assert len({rule.id[:2] for rule in family.RULES}) == 1


def test_severities_are_of_the_three_kinds() -> None:
    assert {rule.severity for rule in RULES.values()} == set(Severity)
