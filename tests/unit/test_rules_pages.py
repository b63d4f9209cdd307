"""The pages of the rules in the documentation, and `explain`."""

from __future__ import annotations

import pytest
from msgspec.structs import astuple
from tests.conftest import ROOT

from aegisgen.rules.rule import Rule
from aegisgen.rules.table import RULES

DOCS = ROOT / "docs/rules"


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_each_rule_has_a_page_of_the_same_form(rule: Rule) -> None:
    page = (DOCS / f"{rule.id}.md").read_text(encoding="utf-8")
    heading = f"# {rule.id}: {rule.title}\n\nSeverity: {rule.severity}. Tags: {', '.join(rule.tags)}.\n\n"
    assert page.startswith(heading)
    assert all(astuple(rule.text))


def test_there_is_no_page_without_a_rule() -> None:
    assert {path.stem for path in DOCS.glob("*.md")} == {"README", *RULES}


def test_explain_lists_all_rules_and_says_everything_about_one(cli) -> None:
    assert {line.split()[0] for line in cli("explain").out.splitlines()} >= set(RULES)
    told = cli("explain", "h105")
    assert told.code == 0
    rule = RULES["H105"]
    assert told.out.startswith("H105 ")
    parts = (rule.title, rule.text.explanation, rule.text.fix, rule.text.source, "activeDeadlineSeconds: 1800")
    for part in (*parts, "To fix it:", "Source:", "Bad:", "Good:"):
        assert part in told.out


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("H015", "there is no rule H015; did you mean H105?"),
        ("hook", f"there is no rule hook; the rules are {', '.join(RULES)}"),
    ],
)
def test_explain_of_an_unknown_rule_names_the_closest_or_all(cli, wrong: str, message: str) -> None:
    assert cli("explain", wrong) == (2, "", f"{message}\n")


def test_every_page_is_listed_with_what_its_rule_finds() -> None:
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    for rule in RULES.values():
        assert f"\n| [{rule.id}]({rule.id}.md) | {rule.title} | {rule.severity} |\n" in index
