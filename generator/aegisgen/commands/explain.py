"""`aegisgen explain`: what a rule means, why, how to fix what it finds, and its source."""

from __future__ import annotations

import sys

from aegisgen.errors import UsageError
from aegisgen.rules.table import RULES


def main(rule: str | None) -> int:
    """Print one rule, or the list of all of them. Raises UsageError for an ID that does not exist."""
    if rule is None:
        sys.stdout.write("".join(f"{each.id}  {each.severity:<8} {each.title}\n" for each in RULES.values()))
    else:
        sys.stdout.write(explain(rule))
    return 0


def explain(rule_id: str) -> str:
    """Return the text of a rule for a terminal. Raises UsageError for an ID that does not exist."""
    rule = RULES.get(rule_id.upper())
    if rule is None:
        from difflib import get_close_matches  # noqa: PLC0415 -- start-up time

        near = get_close_matches(rule_id.upper(), RULES, n=1)
        meant = f"; did you mean {near[0]}?" if near else f"; the rules are {', '.join(RULES)}"
        raise UsageError(f"there is no rule {rule_id}{meant}")
    text = rule.text
    return (
        f"{rule.id} {rule.title} ({rule.severity})\n\n{text.explanation}\n\nTo fix it: {text.fix}.\n"
        f"Source: {text.source}.\n\nBad:\n\n{_indented(text.bad)}\nGood:\n\n{_indented(text.good)}"
    )


def _indented(example: str) -> str:
    return "".join(f"    {line}\n" if line else "\n" for line in example.rstrip().splitlines())
