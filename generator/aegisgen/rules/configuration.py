"""Rules about what a project says of the rules. `ignores.settle` finds what they name: it alone sees all findings."""

from __future__ import annotations

from aegisgen.errors import Severity
from aegisgen.rules.rule import Rule

NO_REASON, UNUSED, UNKNOWN = "C601", "C602", "C603"

RULES = (
    Rule(NO_REASON, "ignore without a reason", Severity.ERROR, None, ("configuration",)),
    Rule(UNUSED, "ignore that ignores nothing", Severity.WARNING, None, ("configuration",)),
    Rule(UNKNOWN, "ignore of an unknown rule", Severity.ERROR, None, ("configuration",)),
)
