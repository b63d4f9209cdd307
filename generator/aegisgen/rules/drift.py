"""Files that are not what the profiles render. `commands.check` finds what this names."""

from __future__ import annotations

from aegisgen.findings import Severity
from aegisgen.rules.rule import Rule

DRIFT = "D001"

RULES = (Rule(DRIFT, "file that is not what the profiles render", Severity.ERROR, None, ("drift",)),)
