"""squawk, which reviews migrations for PostgreSQL, on the SQL that was really executed.

The application's own `.squawk.toml` is honoured. Left out are `syntax-error`, as PostgreSQL itself has read the
statement, and the rules that want timeouts to be set, as that is commonly done for the role or in the connection, which
no statement shows.
"""

from __future__ import annotations

import json
import re
import subprocess
import threading
from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from aegisgen.bundle import program
from aegisgen.rehearsal.observe.attribute import Executed
from aegisgen.rehearsal.outcome import Advice, MigrationRun

INSTALL = "pip install 'aegisgen[rehearse]'"
_UNSEEN = "syntax-error"
# Not by --exclude, which would put aside what the application's own settings exclude.
LEFT_OUT = frozenset({_UNSEEN, "require-timeout-settings", "require-lock-timeout", "require-statement-timeout"})
_SECONDS = 30


class Review(NamedTuple):
    """What squawk said; `problem` says why it said nothing where it could not."""

    advice: tuple[Advice, ...]
    problem: str = ""


class Adviser:
    """Asks squawk, and remembers: every scenario runs the same migrations."""

    def __init__(self, app: Path | None) -> None:
        self._app = app
        self._program = program("squawk")
        self._reviews: dict[tuple[str, tuple[str, ...]], Review] = {}
        self._lock = threading.Lock()

    @property
    def problems(self) -> tuple[str, ...]:
        """Why there is no advice, where there is none."""
        if self._program is None:
            return (f"squawk not found: the SQL was not reviewed; {INSTALL}",)
        return tuple(dict.fromkeys(review.problem for review in self._reviews.values() if review.problem))

    def advice(self, record: MigrationRun, executed: Executed, postgres: str) -> tuple[Advice, ...]:
        """Return what squawk says of a migration of the application's.

        What is taken back is not reviewed, nor are migrations that a scenario brings with it.
        """
        foreign = self._app is not None and not (self._app / record.file).exists()
        if self._program is None or record.reverts or foreign:
            return ()
        key = (record.file, record.statements)
        with self._lock:
            if key not in self._reviews:
                self._reviews[key] = review(
                    self._program,
                    record.file,
                    [statement for statement in record.statements if statement != record.failed_statement],
                    in_transaction=all(part.transaction.explicit for part in executed.parts),
                    postgres=postgres,
                    folder=self._app,
                )
            return self._reviews[key].advice


def review(
    program: str, file: str, statements: Sequence[str], *, in_transaction: bool, postgres: str, folder: Path | None
) -> Review:
    """Have the statements reviewed; `postgres` is the server's version for people, `folder` the application's."""
    version = re.search(r"\d+(?:\.\d+)?", postgres)
    command = [program, "--reporter", "json", "--stdin-filepath", file]
    command += ["--assume-in-transaction" if in_transaction else "--no-assume-in-transaction"]
    command += ["--pg-version", version[0]] if version else []
    try:
        found = _ask(command, statements, folder)
        # Where it cannot read one statement, it says nothing about all the others.
        unread = {statement for rule, statement in found if rule["rule_name"] == _UNSEEN}
        if unread:
            found = _ask(command, [one for one in statements if one not in unread], folder)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        return Review((), f"squawk did not review {file}: {error}")
    problem = f"squawk does not understand what PostgreSQL took: {', '.join(sorted(unread))}" if unread else ""
    advice = [Advice(str(one["rule_name"]), str(one["message"]), text, str(one["help"] or "")) for one, text in found]
    return Review(tuple(one for one in advice if one.rule not in LEFT_OUT), problem)


def _ask(command: Sequence[str], statements: Sequence[str], folder: Path | None) -> list[tuple[dict[str, object], str]]:
    """Return each finding with the statement that it is about. Raises ValueError with squawk's own words."""
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
    found: list[dict[str, object]] = json.loads(done.stdout)
    return [(one, statements[bisect_right(starts, int(str(one["line"]))) - 1]) for one in found]
