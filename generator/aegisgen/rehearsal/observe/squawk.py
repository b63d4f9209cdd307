"""squawk, which reviews migrations for PostgreSQL, on the SQL that was really executed.

The application's own `.squawk.toml` is honoured. Left out are `syntax-error`, as PostgreSQL itself has read the
statement, and the rules that want timeouts to be set, as that is commonly done for the role or in the connection, which
no statement shows.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from aegisgen.rehearsal.outcome import Advice

if TYPE_CHECKING:
    from collections.abc import Sequence

INSTALL = "pip install 'aegisgen[rehearse]'"
LEFT_OUT = ("require-timeout-settings", "require-lock-timeout", "require-statement-timeout")
_UNSEEN = "syntax-error"
_SECONDS = 30


class Review(NamedTuple):
    """What squawk said; `problem` says why it said nothing where it could not."""

    advice: tuple[Advice, ...]
    problem: str = ""


def find() -> str | None:
    """Return squawk's program: the one of this Python's environment, or on PATH; None where there is none."""
    beside = Path(sys.executable).parent / "squawk"
    return str(beside) if beside.exists() else shutil.which("squawk")


def review(
    program: str, file: str, statements: Sequence[str], *, in_transaction: bool, postgres: str, folder: Path | None
) -> Review:
    """Have the statements reviewed; `postgres` is the server's version for people, `folder` the application's."""
    if not statements:
        return Review(())
    lines, script = [0], ""
    for statement in statements:
        script += statement.strip().rstrip(";") + "\n;\n"
        lines.append(script.count("\n"))
    version = re.search(r"\d+(?:\.\d+)?", postgres)
    command = [program, "--reporter", "json", "--stdin-filepath", file, *(f"--exclude={rule}" for rule in LEFT_OUT)]
    command += ["--assume-in-transaction" if in_transaction else "--no-assume-in-transaction"]
    command += ["--pg-version", version[0]] if version else []
    try:
        done = subprocess.run(
            command, input=script, cwd=folder, capture_output=True, text=True, check=False, timeout=_SECONDS
        )
        found = json.loads(done.stdout or "[]")
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        return Review((), f"squawk did not review {file}: {type(error).__name__}")
    if not done.stdout.strip().startswith("["):
        return Review((), f"squawk did not review {file}: {done.stderr.strip().splitlines()[-1:] or done.returncode}")
    return Review(tuple(_advice(one, statements, lines) for one in found if one["rule_name"] != _UNSEEN))


def _advice(found: dict[str, object], statements: Sequence[str], lines: Sequence[int]) -> Advice:
    at = int(str(found["line"]))
    place = max(index for index in range(len(statements)) if lines[index] <= at)
    return Advice(str(found["rule_name"]), str(found["message"]), statements[place], str(found["help"] or ""))
