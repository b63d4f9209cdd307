"""Which statements belong to which migration, by the rows that its tool writes into its bookkeeping table.

A row ends a migration, or begins it (`bookkeeping`). To the migration belong the statements before it in the same
transaction. Where the row has a transaction of its own, as with Knex, they are those since the row before. Statements
of an attempt that was cut off or refused form a migration without a name: no tool records those.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from aegisgen.rehearsal.observe.bookkeeping import Mark, bookkeeping_tables, mark, mentions
from aegisgen.rehearsal.observe.serverlog import COMMITTED, LOST, Statement, Transaction


class Part(NamedTuple):
    """The statements of one transaction that belong to one migration."""

    transaction: Transaction
    statements: tuple[Statement, ...]


class Executed(NamedTuple):
    """One migration as it was executed. `name` is empty where nothing recorded it."""

    name: str
    reverts: bool
    parts: tuple[Part, ...]
    complete: bool
    """Whether the tool recorded it."""
    ended: float
    """When it was recorded, or its last statement ended; seconds since 1970."""
    kept: bool
    """Whether a session of it looked after the tool's books, as only a tool's does."""

    @property
    def statements(self) -> tuple[Statement, ...]:
        """All of its statements, in order."""
        return tuple(statement for part in self.parts for statement in part.statements)

    @property
    def failed(self) -> Statement | None:
        """The statement that ended it; what was refused and then recovered from is not that."""
        if self.complete:
            return None
        return next((statement for statement in reversed(self.statements) if statement.error), None)

    @property
    def lost(self) -> bool:
        """Whether all of it was in transactions, the last of which was never ended: its session was cut."""
        ends = [part.transaction.end for part in self.parts if part.transaction.explicit]
        return LOST in ends and len(ends) == len(self.parts)


READS = re.compile(r"\s*(?:--[^\n]*\n\s*)*(?:select|show|values|table|fetch|set|reset|discard|;|$)", re.IGNORECASE)
# What drivers and tools ask the server about itself.
NOISE = re.compile(
    r"\s*(?:;|show\s|select\b(?=.*(?:\bpg_catalog\.|\binformation_schema\.|\bfrom\s+pg_(?!sleep)|\bversion\(\)"
    r"|\bcurrent_schema\b|\bpg_(?:try_)?advisory|\bto_reg(?:class|type)\b|\bset_config\b|\bpg_terminate_backend\b)))"
    r"|\s*select\s+1\s*;?\s*$|\s*$",
    re.IGNORECASE | re.DOTALL,
)


def executed(transactions: Sequence[Transaction]) -> tuple[Executed, ...]:
    """Return the migrations in the order in which they ended."""
    statements = (statement for transaction in transactions for statement in transaction.statements)
    return _Attribution(bookkeeping_tables(statements), transactions).result()


def changes(statements: Iterable[Statement]) -> bool:
    """Whether any of the statements may do more than look or set something for its session."""
    return any(not READS.match(statement.text) for statement in statements)


class _Attribution:
    """What is known while the log is read from its beginning to its end."""

    def __init__(self, tables: Iterable[str], transactions: Sequence[Transaction]) -> None:
        self._tables = frozenset(tables)
        self._mentions = mentions(self._tables)
        self._transactions = transactions
        self._first: dict[str, float] = {}
        self._last: dict[str, float] = {}
        self._keepers: set[str] = set()
        for transaction in transactions:
            session, began, ended = transaction.session, transaction.began, transaction.ended
            self._first[session] = min(began, self._first.get(session, began))
            self._last[session] = max(ended, self._last.get(session, ended))
            if any(self._mentions.search(statement.text) for statement in transaction.statements):
                self._keepers.add(session)
        self._applied: list[str] = []
        self._opened = ""
        self._pending: list[Part] = []
        self._migrations: list[Executed] = []

    def result(self) -> tuple[Executed, ...]:
        for transaction in self._transactions:
            self._read(transaction)
        self._flush(self._pending, last=True)
        return tuple(self._migrations)

    def _read(self, transaction: Transaction) -> None:
        own: list[Statement] = []
        marked = emptied = False
        for statement in transaction.statements:
            if self._mentions.search(statement.text):
                emptied = emptied or bool(_TRUNCATE.match(statement.text))
                written = mark(statement, self._tables) if transaction.end == COMMITTED else None
                if written:
                    self._marked(written, transaction, tuple(own), statement.ended)
                    own, marked = [], True
            elif not NOISE.match(statement.text):
                own.append(statement)
        if self._opened and emptied and not marked and transaction.end == COMMITTED:
            # golang-migrate, when it has taken back the first of all.
            self._marked(Mark("ends", "", ""), transaction, (), transaction.ended)
        if own:
            self._pend(Part(transaction, tuple(own)))

    def _pend(self, part: Part) -> None:
        begun = any(other.transaction.session == part.transaction.session for other in self._pending)
        # A pod that waits for its turn only looks.
        if not (part.transaction.writes or begun or changes(part.statements)):
            return
        self._pending.append(part)
        if part.transaction.explicit and part.transaction.end != COMMITTED:
            # Taken back, and with it what the tool had recorded in it.
            mine = self._take(lambda other: other.transaction.session == part.transaction.session)
            self._report(self._opened, mine, complete=False)

    def _marked(self, found: Mark, transaction: Transaction, own: tuple[Statement, ...], at: float) -> None:
        if found.event == "begins":
            self._flush(self._take(lambda _: True))
            self._opened = found.name
            return
        if own:
            parts: tuple[Part, ...] = (Part(transaction, own),)
        else:
            first = self._first[transaction.session]
            self._flush(self._take(lambda part: self._last[part.transaction.session] < first))
            parts = self._take(lambda part: self._migrates(part.transaction.session))
        name = found.name or self._opened
        if name:
            self._record(name, parts, reverts=found.event == "reverts", ended=at)
        self._opened = ""

    def _record(self, name: str, parts: tuple[Part, ...], *, reverts: bool, ended: float) -> None:
        # Tools that keep the last version only write an older one when they take the newest back.
        back = not reverts and (name in self._applied or name == _NOTHING_APPLIED)
        if back:
            if not parts:
                return
            name = self._applied[-1] if self._applied else name
        if reverts or back:
            self._applied = [other for other in self._applied if other != name]
        else:
            self._applied.append(name)
        self._report(name, parts, complete=True, reverts=reverts or back, ended=ended)

    def _flush(self, parts: Sequence[Part], *, last: bool = False) -> None:
        """Report what no tool recorded: a failed or interrupted migration, or statements of no known tool."""
        for session in dict.fromkeys(part.transaction.session for part in parts):
            mine = tuple(part for part in parts if part.transaction.session == session)
            if session in self._keepers or (last and (_defines(mine) or not self._keepers)):
                self._report(self._opened, mine, complete=False)

    def _report(
        self, name: str, parts: tuple[Part, ...], *, complete: bool, reverts: bool = False, ended: float = 0.0
    ) -> None:
        end = ended or max(part.transaction.ended for part in parts)
        kept = any(part.transaction.session in self._keepers for part in parts)
        self._migrations.append(Executed(name, reverts, parts, complete, end, kept))

    def _take(self, wanted: Callable[[Part], bool]) -> tuple[Part, ...]:
        taken = tuple(part for part in self._pending if wanted(part))
        self._pending = [part for part in self._pending if part not in taken]
        return taken

    def _migrates(self, session: str) -> bool:
        """Whether a session can be of a process that migrates: it keeps the books, or came while one did."""
        begun = self._first[session]
        return session in self._keepers or any(
            self._first[keeper] <= begun <= self._last[keeper] for keeper in self._keepers
        )


# golang-migrate's version before the first.
_NOTHING_APPLIED = "-1"
_TRUNCATE = re.compile(r"\s*truncate\b", re.IGNORECASE)
_DEFINES = re.compile(r"\s*(?:create|alter|drop|comment|grant|truncate|do)\b", re.IGNORECASE)


def _defines(parts: Iterable[Part]) -> bool:
    return any(_DEFINES.match(statement.text) for part in parts for statement in part.statements)
