"""PostgreSQL's own log (jsonlog, log_statement=all, log_duration=on) as statements and the transactions they ran in.

What is in such a line: PostgreSQL's documentation, "Error Reporting and Logging", table of the JSON log's keys. A
statement is logged when it begins, with its parameters in the detail, and again with its duration when it has ended; a
statement that fails when it is parsed has only the line of its error.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec


class Line(msgspec.Struct):
    """A line of the log, as far as it matters here. `vxid` tells the transactions of a session apart."""

    timestamp: str
    dbname: str = ""
    session_id: str = ""
    application_name: str = ""
    vxid: str = ""
    txid: int = 0
    ps: str = ""
    error_severity: str = ""
    message: str = ""
    detail: str = ""
    statement: str = ""


class Statement(NamedTuple):
    """One statement as it was executed. Times are those of the server's clock, in seconds since 1970."""

    began: float
    ended: float
    session: str
    text: str
    values: tuple[str | None, ...]
    error: str


class Transaction(NamedTuple):
    """What one session did in one go: between BEGIN and its end, or a statement by itself."""

    session: str
    statements: tuple[Statement, ...]
    """Without BEGIN, COMMIT and their like."""
    explicit: bool
    """Whether it began with a BEGIN."""
    writes: bool
    """Whether it was given a transaction number, as only what changes something is."""
    began: float
    ended: float
    end: str
    """COMMITTED, ROLLED_BACK or LOST."""


COMMITTED, ROLLED_BACK, LOST = "committed", "rolled back", "lost"

_STATEMENT = re.compile(r"(?:statement|execute (?:fetch from )?[^\s:]+): ", re.DOTALL)
_VALUE = re.compile(r"\$\d+ = (NULL|'(?:[^']|'')*')")
_CONTROL = re.compile(
    r"\s*(?:(?P<begin>begin|start\s+transaction)|(?P<commit>commit|end)|(?P<savepoint>savepoint|release)"
    r"|(?P<undo>rollback\s+(?:work\s+|transaction\s+)?to)|(?P<rollback>rollback|abort))\b[^;]*;?\s*",
    re.IGNORECASE,
)
_FAILURES = {"ERROR", "FATAL", "PANIC"}
_DECODER = msgspec.json.Decoder(Line)
# Preparing a statement is logged with a duration of its own.
_PREPARING = {"PARSE", "BIND"}


def read(log: Path, offset: int, database: str) -> Iterator[Line]:
    """Yield the lines about `database` from a byte of the log on; a last line that is not complete is left out."""
    with log.open("rb") as file:
        file.seek(offset)
        for raw in file:
            if not raw.endswith(b"\n"):
                return
            try:
                line = _DECODER.decode(raw.decode("utf-8", "replace"))
            except msgspec.DecodeError:
                continue
            if line.dbname == database:
                yield line


def transactions(lines: Iterable[Line], *, ignored: re.Pattern[str]) -> tuple[Transaction, ...]:
    """Return the transactions in the order of their ends; `ignored` are applications (by name) to leave out."""
    open_ones: dict[tuple[str, str], _Building] = {}
    running: dict[str, _Building] = {}
    for line in lines:
        if ignored.fullmatch(line.application_name):
            continue
        text = _STATEMENT.match(line.message) if line.error_severity == "LOG" else None
        failed = line.error_severity in _FAILURES
        if text or (failed and line.statement):
            building = open_ones.setdefault((line.session_id, line.vxid), _Building())
            if text:
                building.begin(line, line.message[text.end() :])
            else:
                building.fail(line)
            running[line.session_id] = building
        elif line.session_id in running:
            running[line.session_id].follow(line)
    built = (building.built() for building in open_ones.values())
    return tuple(sorted((whole for whole in built if whole.statements), key=lambda whole: whole.ended))


class _Building:
    """A transaction of which the log has told a part."""

    def __init__(self) -> None:
        self._statements: list[Statement] = []
        self._controls: list[str] = []
        self._writes = False
        self._running = False
        self._ended = 0.0

    def begin(self, line: Line, text: str) -> None:
        """A statement begins."""
        at = self._note(line)
        self._running = True
        control = _CONTROL.fullmatch(text)
        self._controls.append((control.lastgroup or "") if control else "statement")
        if not control:
            self._statements.append(Statement(at, at, line.session_id, text, _values(line.detail), ""))

    def fail(self, line: Line) -> None:
        """A statement fails: the one that runs, one that did not come to run, or a COMMIT."""
        at = self._note(line)
        last = self._statements[-1] if self._statements else None
        if last and self._running and last.text == line.statement:
            self._statements[-1] = last._replace(ended=at, error=line.message)
        else:
            self._statements.append(Statement(at, at, line.session_id, line.statement, (), line.message))
        self._controls.append("failure")
        self._running = False

    def follow(self, line: Line) -> None:
        """A line without a statement; if it is a duration, what was begun last has ended."""
        if not self._running or not line.message.startswith("duration: ") or line.ps in _PREPARING:
            return
        at = self._note(line)
        self._running = False
        if self._controls[-1] == "statement":
            self._statements[-1] = self._statements[-1]._replace(ended=at)

    def built(self) -> Transaction:
        """Return what is known in the end."""
        explicit = self._controls[:1] == ["begin"]
        began = min((statement.began for statement in self._statements), default=0.0)
        session = self._statements[0].session if self._statements else ""
        end = self._end(explicit=explicit)
        return Transaction(session, tuple(self._statements), explicit, self._writes, began, self._ended, end)

    def _end(self, *, explicit: bool) -> str:
        last = self._controls[-1]
        # COMMIT after an error rolls back, unless a savepoint has taken the error away.
        failures = [place for place, what in enumerate(self._controls) if what == "failure"]
        if last == "rollback" or (failures and "undo" not in self._controls[failures[-1] :]):
            return ROLLED_BACK
        if last == "commit":
            return COMMITTED
        return LOST if explicit or self._running else COMMITTED

    def _note(self, line: Line) -> float:
        # In UTC (log_timezone), whose name it ends with.
        at = datetime.fromisoformat(line.timestamp.rsplit(" ", 1)[0]).replace(tzinfo=UTC).timestamp()
        self._writes = self._writes or bool(line.txid)
        self._ended = max(self._ended, at)
        return at


def _values(detail: str) -> tuple[str | None, ...]:
    if not detail.lower().startswith("parameters: "):
        return ()
    return tuple(None if text == "NULL" else text[1:-1].replace("''", "'") for text in _VALUE.findall(detail))
