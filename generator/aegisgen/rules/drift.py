"""Files that are not what the profiles render, here or in a clone. `commands.check` finds what this names."""

from __future__ import annotations

from aegisgen.errors import Severity
from aegisgen.rules.rule import Rule

DRIFT, NOT_IN_GIT = "D001", "D002"
# `proof.stated` finds it.
UNTRUE = Rule("D003", "composed object that is not as the profile states", Severity.ERROR, None, ("drift",))
# `project.fleet.shipped` finds it.
EDITED = Rule("D004", "migration that was shipped and is another now", Severity.ERROR, None, ("drift", "data-loss"))

RULES = (
    Rule(DRIFT, "file that is not what the profiles render", Severity.ERROR, None, ("drift",)),
    Rule(NOT_IN_GIT, "rendered file that is not in git", Severity.WARNING, None, ("drift",)),
    UNTRUE,
    EDITED,
)
