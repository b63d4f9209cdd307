"""`aegisgen explain`: what a rule means, why, how to fix what it finds, and its source."""

from __future__ import annotations

import sys

from aegisgen.rules.pages import explain
from aegisgen.rules.table import RULES


def run(rule: str | None) -> int:
    """Print one rule, or the list of all of them. Raises UsageError for an ID that does not exist."""
    if rule is None:
        sys.stdout.write("".join(f"{each.id}  {each.severity:<8} {each.title}\n" for each in RULES.values()))
    else:
        sys.stdout.write(explain(rule))
    return 0
