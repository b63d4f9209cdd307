"""A sequence of syncs and of what people do between them, played on a database and beside the model.

Whatever the model says, two things hold: no hook loses a table that a release uses, and none says success without it.
"""

from __future__ import annotations

from itertools import count
from typing import Literal, NamedTuple

from tests.sync_model import Image, Model, Seen, lost
from tests.syncs import World

Kind = Literal["plain", "outside", "one-way", "hidden"]
"""Of a migration. hidden: it has no transaction, and its file does not tell."""
Ends = Literal["before", "begun", "migration", "killed", "migrated", "rolled out", "succeeds"]
By = Literal["", "pending", "foreign", "down", "job", "clean"]


class Deploy(NamedTuple):
    """A sync. `new` are migrations that its image has more than the one before; None: the same image again.

    `at`: which of the pending migrations fails, or is running when the pod is killed. `pods`: how many pods migrate, one
    after the other; `by`: what a person does after them. `stuck`: which migration, as a place in the plan, the rollback
    cannot take back; `attempts`: how many pods its Job starts. A sync that was terminated has no rollback.
    """

    new: tuple[Kind, ...] | None = ("plain",)
    ends: Ends = "succeeds"
    keeps: bool = True
    at: int = 0
    pods: int = 1
    by: By = ""
    stuck: int | None = None
    attempts: int = 1
    terminated: bool = False


class Person(NamedTuple):
    """What somebody does between syncs."""

    by: By


class Play:
    """A database from its beginning."""

    def __init__(self, world: World, after: str = "presync") -> None:
        self.world = world
        world.clear()
        world.after = after
        self.model = Model(after)
        self._numbers, self._images, self._people = count(1), count(1), count(1)
        self._used: set[str] = set()
        self._confirmed = Image("none", {})
        self.image = self._confirmed
        self._undone: set[str] = set()
        """What a person took away in this sync."""
        self._left = False
        """Whether the sync before was terminated while it could be taken back: the one case that remains."""

    def step(self, step: Deploy | Person) -> None:
        """Play one step, and hold it to the model and to what must hold in any case."""
        if isinstance(step, Person):
            self._person(step.by)
        else:
            self._deploy(step)

    @property
    def seen(self) -> Seen:
        """What is in the database."""
        rows = self.world.session.execute("SELECT name, batch FROM knex_migrations ORDER BY id")
        return Seen(tuple((name.removesuffix(".js"), batch) for name, batch in rows), frozenset(self.world.tables))

    def _agree(self) -> None:
        assert self.world.states == self.model.states

    def _release(self, step: Deploy) -> None:
        if step.new is not None or self.image.name == "none":
            base = self.image if step.keeps else self._confirmed
            more = {f"m{next(self._numbers):03}": kind for kind in step.new or ()}
            self.image = Image(f"image{next(self._images)}", {**base.migrations, **more})
        kinds = self.image.migrations
        self.world.release(
            self.image.name,
            *kinds,
            outside=[name for name, kind in kinds.items() if kind == "outside"],
            hidden=[name for name, kind in kinds.items() if kind == "hidden"],
            one_way=[name for name, kind in kinds.items() if kind == "one-way"],
        )

    def _deploy(self, step: Deploy) -> None:
        former = self.image.name
        self._release(step)
        before, others = self.seen, self._left and self.image.name == former
        self._left = False
        own: set[str] = set()
        self._undone = set()
        if step.ends != "before":
            others = False
            assert self.world.begin() == 0
            self.model.open(self.image)
            self._agree()
        if step.ends not in ("before", "begun"):
            migrated = self._migrate(step)
            own = lost(self.seen.tables, before.tables)
            self._person(step.by)
            went_on = migrated and step.ends not in ("migration", "killed", "migrated") and self._roll_out()
            if went_on and step.ends == "succeeds":
                self._confirm()
                return
        if step.terminated:
            sync = self.model.newest
            out = sync is not None and sync.rolled_out and self.model.after == "presync"
            self._left = (step.ends != "before" or others) and not out
            return
        self._roll_back(step, before, own, others=others)

    def _migrate(self, step: Deploy) -> bool:
        code = 1
        for _ in range(step.pods):
            pending = sorted(set(self.image.migrations) - set(self.seen.names))
            fails = pending[step.at % len(pending)] if pending and step.ends in ("migration", "killed") else ""
            killed = step.ends == "killed"
            self.model.begin(self.image, self.seen)
            code = self.world.migrate(fails=fails, killed=killed)
            if code != 137:  # SIGKILL: nobody records how the pod ended
                self.model.end(self.image, self.seen, failed=code != 0)
            self._agree()
        return code == 0

    def _roll_out(self) -> bool:
        code = self.world.roll_out()
        assert code == self.model.rollout(self.image)
        self._agree()
        sync = self.model.newest
        if code == 0 and self.model.after == "presync" and sync and sync.rolled_out:
            self._used |= self.seen.tables
        return code == 0

    def _confirm(self) -> None:
        assert self.world.confirm() == 0
        if self.model.confirm(self.image):
            self._confirmed = self.image
            self._used |= self.seen.tables
        self._agree()

    def _roll_back(self, step: Deploy, start: Seen, own: set[str], *, others: bool) -> None:
        job = f"sync-fail-{next(self._people)}"
        for _ in range(step.attempts):
            before = self.seen
            code = self._take_back("open", job, step.stuck)
            gone = lost(before.tables, self.seen.tables)
            assert not gone & self._used, "a release uses what was taken back"
            assert others or gone <= own, "another sync's, or a person's, was taken back"
            assert code != 21 or not gone, "a refusal takes nothing back"
            if code == 0 and not others:
                assert not own & self.seen.tables, "it says success, and what this sync applied is there"
                assert not lost(start.tables - self._undone, self.seen.tables)

    def _take_back(self, which: str, job: str, stuck: int | None) -> int:
        seen = self.seen
        code, back, sync = self.model.plan(which, job, self.image, seen)
        fails = back[stuck % len(back)] if back and stuck is not None else ""
        ended = self.world.roll_back(which, fails=fails, job=job)
        taken = back[: back.index(fails)] if fails else back
        if code == 0 and sync:
            code = 22 if fails else self.model.rolled(sync, self.seen)
        names = [name.removeprefix("main/").removesuffix(".js") for name in ended.out.split()]
        assert (ended.code, names) == (code, back), f"{ended}, {self.model.syncs}"
        assert lost(seen.tables, self.seen.tables) == set(taken)
        self._agree()
        return code

    def _person(self, by: By) -> None:
        seen = self.seen
        pending = sorted(set(self.image.migrations) - set(seen.names))
        if by == "pending" and pending and pending[0] not in seen.tables:
            self.world.apply(pending[0])
        elif by == "foreign":
            self.world.apply(f"x{next(self._people):03}")
        elif by == "down" and seen.names:
            self.world.take_back(seen.names[-1])
        elif by == "clean":
            for table in seen.tables - set(seen.names):
                self.world.session.execute(f"DROP TABLE {table}")
        elif by == "job":
            self._take_back("newest", f"person-{next(self._people)}", None)
        self._undone = lost(seen.tables, self.seen.tables)
        self._used -= self._undone
