"""What came of it: the records that every presentation prints. Times are seconds."""

from __future__ import annotations

from typing import NamedTuple


class Change(NamedTuple):
    """A difference of the catalogue that a migration made."""

    kind: str
    """`expand`: the running release does not notice it. `contract`: it may not survive it."""
    text: str
    """For people, such as `users.email renamed to email_address`."""
    migration: str
    """Its file; empty where nobody knows."""


class BrokenQuery(NamedTuple):
    """A query of the running release that worked on the old schema, and fails on the new one."""

    query: str
    calls: int | None
    per_second: float | None
    error: str
    migration: str
    """After which it fails; empty where nobody knows."""


class Compatibility(NamedTuple):
    """Whether the running release survives the new schema."""

    planned: int
    """Queries that were planned on both schemas."""
    skipped: int
    """Statements such as SET or COMMIT, which have no plan."""
    unplanned: int
    """Queries that could not be planned on the old schema either."""
    broken: tuple[BrokenQuery, ...]
    changes: tuple[Change, ...]
    renames: tuple[str, ...]
    """What one release both expands and contracts."""
    note: str = ""
    """Why nothing was compared, or what is missing."""

    @property
    def unknown(self) -> bool:
        """Whether nobody knows: nothing was compared that could have been."""
        return self.note in {NOTHING_RAN_BEFORE, NOT_PLAYED}

    @property
    def breaking(self) -> tuple[str, ...]:
        """What the running release does not survive, a line each.

        With queries those that break and what one release both expands and contracts; without, all contracts.
        """
        if not (self.planned or self.broken):
            return tuple(f"{change.text}" for change in self.changes if change.kind == CONTRACT)
        return (*(f"{query.error}: {query.query}" for query in self.broken), *self.renames)


class FilledTable(NamedTuple):
    """A table that was filled with made rows, or was not."""

    table: str
    made: int
    wanted: int
    """The rows that production has."""
    reason: str
    """Why it has fewer; empty where it has all."""


class Waits(NamedTuple):
    """How long the users of one table waited at most, while the pending migrations ran."""

    table: str
    reads: float
    writes: float
    reports: float
    """A report reads the whole table."""
    note: str = ""
    """Why somebody stopped to use it."""


EXPAND, CONTRACT = "expand", "contract"

NOTHING_RAN_BEFORE = (
    "not compared: the database was empty, so no release was running; --schema-dump says what production has, or play "
    "rollout-half-way, for which --previous says what was deployed"
)
NOTHING_PENDING = "nothing to compare: no migration is pending"
NOT_PLAYED = "not compared: no scenario that was played runs pending migrations; play clean, or rollout-half-way"
