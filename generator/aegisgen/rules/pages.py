"""The page of each rule: what it means, how to fix what it finds, its source, and the two examples that test it.

The pages are `docs/rules/ID.md`. `aegisgen explain` and the findings' advice are read from them.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from aegisgen.bundle import bundled
from aegisgen.errors import UsageError

if TYPE_CHECKING:
    from aegisgen.rules.rule import Rule

_PAGE = re.compile(
    r"# (?P<id>\S+): .+\n\nSeverity: .+\n\n(?P<explanation>.+)\n\n\*\*To fix it:\*\* (?P<fix>.+)\.\n\n"
    r"Source: (?P<source>.+)\.\n\n## Bad\n\n```yaml\n(?P<bad>.+\n)```\n\n## Good\n\n```yaml\n(?P<good>.+\n)```\n",
    re.DOTALL,
)


class Text(NamedTuple):
    """What a page says. An example is a manifest, or a tree whose files begin with a line `# file: path`."""

    explanation: str
    fix: str
    source: str
    bad: str
    good: str


@cache
def text_of(rule: str) -> Text:
    """Return the text of a rule. Raises ValueError where its page has another form than the other pages."""
    page = (bundled("docs/rules") / f"{rule}.md").read_text(encoding="utf-8")
    match = _PAGE.fullmatch(page)
    if match is None or match["id"] != rule:
        raise ValueError(f"docs/rules/{rule}.md has not the form of the other pages")
    return Text(*match.group(*Text._fields))


def heading(rule: Rule) -> str:
    """Return the beginning of a rule's page."""
    return f"# {rule.id}: {rule.title}\n\nSeverity: {rule.severity}. Tags: {', '.join(rule.tags)}.\n\n"


def explain(rule_id: str) -> str:
    """Return the text of a rule for a terminal. Raises UsageError for an ID that does not exist."""
    from aegisgen.rules.table import RULES  # noqa: PLC0415 -- the table's rules read their pages here

    rule = RULES.get(rule_id.upper())
    if rule is None:
        from difflib import get_close_matches  # noqa: PLC0415 -- start-up time

        near = get_close_matches(rule_id.upper(), RULES, n=1)
        meant = f"; did you mean {near[0]}?" if near else f"; the rules are {', '.join(RULES)}"
        raise UsageError(f"there is no rule {rule_id}{meant}")
    return (
        f"{rule.id} {rule.title} ({rule.severity})\n\n{rule.explanation}\n\nTo fix it: {rule.fix}.\n"
        f"Source: {rule.source}.\n\nBad:\n\n{_indented(rule.bad)}\nGood:\n\n{_indented(rule.good)}"
    )


def _indented(example: str) -> str:
    return "".join(f"    {line}\n" if line else "\n" for line in example.rstrip().splitlines())
