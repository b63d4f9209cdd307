"""The pages of the rules in the documentation, and `explain`."""

from __future__ import annotations

from pathlib import Path

import pytest

from aegisgen.errors import UsageError
from aegisgen.rules.pages import explain, pages
from aegisgen.rules.table import RULES

DOCS = Path(__file__).parents[2] / "docs" / "rules"
RENEW = "renew them with: python -m aegisgen.rules.pages docs/rules"


def test_the_pages_in_docs_are_those_of_the_rules() -> None:
    written = {path.name: path.read_text(encoding="utf-8") for path in DOCS.glob("*.md")}

    assert written == pages(), RENEW


def test_explain_says_everything_about_a_rule() -> None:
    text = explain("h105")

    rule = RULES["H105"]
    for part in (rule.id, rule.title, rule.explanation, rule.fix, rule.source, "activeDeadlineSeconds: 1800"):
        assert part in text


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("H015", "there is no rule H015; did you mean H105?"),
        ("hook", f"there is no rule hook; the rules are {', '.join(RULES)}"),
    ],
)
def test_explain_of_an_unknown_rule_names_the_closest_or_all(wrong: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        explain(wrong)

    assert str(caught.value) == message


def test_every_page_is_linked_from_the_table() -> None:
    index = pages()["README.md"]

    assert all(f"[{rule}]({rule}.md)" in index for rule in RULES)
