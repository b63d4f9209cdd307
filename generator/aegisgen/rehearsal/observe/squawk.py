"""squawk, which reviews migrations for PostgreSQL, on the SQL that was really executed.

The application's own `.squawk.toml` is honoured. Left out are `syntax-error`, as PostgreSQL itself has read the
statement, and the rules that want timeouts to be set, as that is commonly done for the role or in the connection, which
no statement shows.
"""

from __future__ import annotations

import re
import subprocess
import threading
from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path

import msgspec

from aegisgen.bundle import program
from aegisgen.rehearsal.outcome import Advice, MigrationRun

INSTALL = "pip install 'aegisgen[rehearse]'"
_UNSEEN = "syntax-error"
# Not by --exclude, which would put aside what the application's own settings exclude.
LEFT_OUT = frozenset({_UNSEEN, "require-timeout-settings", "require-lock-timeout", "require-statement-timeout"})
_SECONDS = 30


class _Finding(msgspec.Struct):
    """As squawk prints it."""

    line: int
    rule_name: str
    message: str
    help: str | None


class Adviser:
    """Asks squawk, and remembers: every scenario runs the same migrations."""

    def __init__(self, app: Path | None) -> None:
        self._app = app
        self._program = program("squawk")
        self._reviews: dict[tuple[str, tuple[str, ...]], tuple[Advice, ...]] = {}
        self._problems: dict[str, None] = {}
        self._lock = threading.Lock()

    @property
    def problems(self) -> tuple[str, ...]:
        """Why there is no advice, where there is none."""
        if self._program is None:
            return (f"squawk not found: the SQL was not reviewed; {INSTALL}",)
        return tuple(self._problems)

    def advice(self, record: MigrationRun, postgres: str, *, in_transaction: bool) -> tuple[Advice, ...]:
        """Return what squawk says of a migration of the application's; `postgres` is the server's version for people.

        What is taken back is not reviewed, nor are migrations that a scenario brings with it.
        """
        foreign = self._app is not None and not (self._app / record.file).exists()
        if self._program is None or record.reverts or foreign:
            return ()
        version = re.search(r"\d+(?:\.\d+)?", postgres)
        command = [self._program, "--reporter", "json", "--stdin-filepath", record.file]
        command += ["--assume-in-transaction" if in_transaction else "--no-assume-in-transaction"]
        command += ["--pg-version", version[0]] if version else []
        key = (record.file, record.statements)
        with self._lock:
            if key not in self._reviews:
                statements = [text for text in record.statements if text != record.failed_statement]
                try:
                    self._reviews[key] = self._review(command, statements)
                except (OSError, ValueError, subprocess.TimeoutExpired) as error:
                    self._reviews[key] = ()
                    self._problems[f"squawk did not review {record.file}: {error}"] = None
            return self._reviews[key]

    def _review(self, command: Sequence[str], statements: Sequence[str]) -> tuple[Advice, ...]:
        findings = _ask(command, statements, self._app)
        # Where it cannot read one statement, it says nothing about all the others.
        if unread := sorted({advice.statement for advice in findings if advice.rule == _UNSEEN}):
            self._problems[f"squawk does not understand what PostgreSQL took: {', '.join(unread)}"] = None
            findings = _ask(command, [text for text in statements if text not in unread], self._app)
        return tuple(advice for advice in findings if advice.rule not in LEFT_OUT)


def _ask(command: Sequence[str], statements: Sequence[str], folder: Path | None) -> list[Advice]:
    """Return each finding. Raises ValueError with squawk's own words."""
    if not statements:
        return []
    starts, script = [], ""
    for statement in statements:
        starts.append(script.count("\n"))
        script += statement.strip().rstrip(";") + "\n;\n"
    done = subprocess.run(
        command, input=script, cwd=folder, capture_output=True, text=True, check=False, timeout=_SECONDS
    )
    if not done.stdout.strip().startswith("["):
        raise ValueError(done.stderr.strip() or f"exit code {done.returncode}")
    return [
        Advice(
            finding.rule_name, finding.message, statements[bisect_right(starts, finding.line) - 1], finding.help or ""
        )
        for finding in msgspec.json.decode(done.stdout, type=list[_Finding])
    ]
