"""The one record that every check produces and every report format prints."""

from __future__ import annotations

from enum import StrEnum

from aegisgen.record import Record


class Severity(StrEnum):
    """How much a finding weighs: an error makes `check` and `validate` exit 1, the others do not."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Finding(Record):
    """Something that is wrong with the tree.

    `path` is relative to the working directory where possible and uses `/`. `line` and `column` count from 1; both are
    0 where the finding is about the file as a whole. `resource` is `Kind/name` or empty. `fix` says what to do.
    """

    path: str
    line: int
    column: int
    rule: str
    severity: Severity
    message: str
    resource: str = ""
    fix: str = ""
