"""What the hooks of a rollback are to do: the table of states in docs/pipeline.md, in Python.

Nothing here looks at the record's own tables. The model is told what is in the database, as the hooks find it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

CURRENT = ("open", "rolling out")
UNFINISHED = ("open", "rolling out", "alone", "left", "rolling back", "refused")


class Seen(NamedTuple):
    """What is in the database: recorded migrations with their batches, and tables."""

    recorded: tuple[tuple[str, int], ...]
    tables: frozenset[str]

    @property
    def names(self) -> list[str]:
        """The recorded migrations."""
        return [name for name, _ in self.recorded]


class Image(NamedTuple):
    """A release: its migrations, and of which kind each is: plain, outside (of a transaction), one-way."""

    name: str
    migrations: Mapping[str, str]


@dataclass
class Run:
    """A pod that migrated."""

    before: list[str]
    schema: frozenset[str] | None
    applied: list[str] = field(default_factory=list)
    current: str = ""
    finished: bool = False


@dataclass
class Sync:
    """A sync, and how far it has come."""

    image: str
    state: str
    runs: list[Run] = field(default_factory=list)
    rolled_out: bool = False
    job: str = ""
    """Who moved it last."""


class RefusedError(Exception):
    """A hook refuses: exit code 21."""


@dataclass
class Model:
    """All syncs of a service."""

    after: str = "presync"
    syncs: list[Sync] = field(default_factory=list)

    @property
    def newest(self) -> Sync | None:
        """The newest sync."""
        return self.syncs[-1] if self.syncs else None

    @property
    def states(self) -> list[str]:
        """The state of each sync."""
        return [sync.state for sync in self.syncs]

    def open(self, image: Image) -> None:
        """A sync begins."""
        for sync in self.syncs:
            if sync.state in CURRENT:
                sync.state = "left"
        self.syncs.append(Sync(image.name, "open"))

    def begin(self, image: Image, seen: Seen) -> None:
        """A pod begins to migrate."""
        self._close(image, seen)
        sync = self.newest
        if not sync or (sync.state, sync.image) != ("open", image.name):
            sync = Sync(image.name, "alone")
            self.syncs.append(sync)
        sync.runs.append(Run(seen.names, seen.tables if sync.state == "open" else None))

    def end(self, image: Image, seen: Seen, *, failed: bool) -> None:
        """It ends, and its runner with it."""
        for run in self._unfinished():
            _finish(run, seen, _current(image, seen) if failed else "")

    def rollout(self, image: Image) -> int:
        """PreSync is done."""
        sync = self.newest
        if sync and sync.image == image.name:
            if sync.state in ("rolling back", "refused", "rolled back"):
                return 21
            if sync.state == "open":
                sync.state, sync.rolled_out = "rolling out", True
        return 0

    def confirm(self, image: Image) -> bool:
        """Every hook has succeeded; return whether this sync is confirmed."""
        last = self.newest
        if not last:
            return False
        succeeded = last.image == image.name and last.state in (*CURRENT, "alone")
        for sync in self.syncs[:-1]:
            if sync.state in UNFINISHED:
                sync.state = "superseded"
        if succeeded:
            last.state = "confirmed"
        for sync in self.syncs if succeeded else self.syncs[:-1]:
            for run in sync.runs:
                run.schema = None
        return succeeded

    def plan(self, which: str, job: str, image: Image, seen: Seen) -> tuple[int, list[str], Sync | None]:
        """What is taken back: exit code, the newest first, and whose it is."""
        self._close(image, seen)
        sync = self._chosen(which, image)
        if not sync:
            return 0, [], None
        if which == "open" and sync.state not in CURRENT and sync.job != job:
            return 21, [], None
        try:
            back = self._way(sync, which, image, seen)
        except RefusedError:
            if which == "open":
                sync.state, sync.job = "refused", job
            return 21, [], sync
        sync.state, sync.job = "rolling back", job
        return 0, back, sync

    def rolled(self, sync: Sync, seen: Seen) -> int:
        """Everything of the plan was taken back by its own down."""
        if any(run.applied or run.current for run in sync.runs) and _differs(sync.runs, seen):
            return 22
        sync.state = "rolled back"
        return 0

    def _chosen(self, which: str, image: Image) -> Sync | None:
        if which == "newest":
            able = (
                sync
                for sync in reversed(self.syncs)
                if sync.state != "rolled back"
                and (sync.state in ("rolling back", "refused") or any(run.applied for run in sync.runs))
            )
            return next(able, None)
        sync = self.newest
        if not sync or sync.image != image.name:
            return None
        return sync if sync.state in (*CURRENT, "rolling back", "refused") else None

    def _way(self, sync: Sync, which: str, image: Image, seen: Seen) -> list[str]:
        if not sync.runs:
            return []
        own = list(dict.fromkeys(name for run in sync.runs for name in run.applied))
        since = [name for name in seen.names if name not in sync.runs[0].before]
        broken = [run.current for run in sync.runs if run.current and run.current not in seen.names]
        back = [name for name in own if name in since][::-1]
        automatic = which == "open"
        _refuse(when=bool(set(since) - set(own)) and bool(own or broken))
        _refuse(when=automatic and any(image.migrations.get(name) == "outside" for name in broken))
        _refuse(when=automatic and sync.rolled_out and bool(back) and self.after == "presync")
        _refuse(when=any(image.migrations.get(name, "one-way") == "one-way" for name in back))
        _refuse(when=not back and bool(broken) and _differs(sync.runs, seen))
        return back

    def _close(self, image: Image, seen: Seen) -> None:
        for run in self._unfinished():
            _finish(run, seen, _current(image, seen))

    def _unfinished(self) -> list[Run]:
        return [run for sync in self.syncs for run in sync.runs if not run.finished]


def _finish(run: Run, seen: Seen, current: str) -> None:
    since = [(name, batch) for name, batch in seen.recorded if name not in run.before]
    run.applied = [name for name, batch in since if batch == since[0][1]]
    run.current, run.finished = current, True


def _current(image: Image, seen: Seen) -> str:
    return next((name for name in sorted(image.migrations) if name not in seen.names), "")


def _differs(runs: Sequence[Run], seen: Seen) -> bool:
    return runs[0].schema is not None and runs[0].schema != seen.tables


def _refuse(*, when: bool) -> None:
    if when:
        raise RefusedError


def lost(before: Iterable[str], after: Iterable[str]) -> set[str]:
    """Tables that are not there any more."""
    return set(before) - set(after)
