"""Time on the stage: processes take their real time, and where everybody only waits, the clock is brought forward.

The kubelet's and the Job controller's pauses, deadlines and back-offs are minutes and hours; a rehearsal takes seconds.
So each of those waits goes through one clock, which knows who is at work (a thread that talks to a process, a
controller between two steps) and who waits for what. As long as anybody works, time passes as it does outside, or a
given number of times as fast. When nobody does, the clock jumps to the earliest moment somebody waits for; and when
there is no such moment either, nothing will ever happen again: whoever asked for it is told so.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum

# Predicates read what processes and servers do, which tells nobody when it changes.
_POLL_SECONDS = 0.1


class Woken(Enum):
    """Why a wait ended."""

    DONE = "done"
    LATE = "late"
    """The time ran out."""
    STUCK = "stuck"
    """Nobody works, and nobody waits for a moment that will come."""


class _Waiter:
    def __init__(self, until: Callable[[], bool], due: float | None, *, outermost: bool) -> None:
        self.until = until
        self.due = due
        self.outermost = outermost
        self.woken: Woken | None = None


class Clock:
    """The time of one scenario, in seconds of the cluster, from 0.

    A thread takes part between `join` and `leave`; `thread` does both. Others may look and `notify` at any time.
    """

    def __init__(self) -> None:
        self.speed = 1.0
        """How many times as fast time passes as it does outside."""
        self._began = time.monotonic()
        self._since = 0.0
        """The real time at which the speed was set, and below the time of the cluster at that moment."""
        self._then = 0.0
        self._working = 0
        self._waiters: list[_Waiter] = []
        self._condition = threading.Condition()

    def now(self) -> float:
        """Return the time of the cluster."""
        return self._then + (self.elapsed() - self._since) * self.speed

    def elapsed(self) -> float:
        """Return the real time since the clock was made."""
        return time.monotonic() - self._began

    def run_at(self, speed: float) -> None:
        """Let time pass `speed` times as fast from now on."""
        with self._condition:
            self._then, self._since = self.now(), self.elapsed()
            self.speed = speed
            self._condition.notify_all()

    @contextmanager
    def working(self) -> Iterator[None]:
        """Take part while the block runs."""
        self.join()
        try:
            yield
        finally:
            self.leave()

    def join(self) -> None:
        """Count one more thread at work."""
        with self._condition:
            self._working += 1

    def leave(self) -> None:
        """Count one thread less."""
        with self._condition:
            self._working -= 1
            self._settle()

    def thread(self, target: Callable[[], None], name: str) -> threading.Thread:
        """Start a thread that takes part until it ends."""

        def run() -> None:
            try:
                target()
            finally:
                self.leave()

        self.join()
        thread = threading.Thread(target=run, name=name, daemon=True)
        thread.start()
        return thread

    def notify(self) -> None:
        """Say that something has changed that somebody may wait for."""
        with self._condition:
            self._settle()

    def wait(self, until: Callable[[], bool], at_most: float | None = None, *, outermost: bool = False) -> Woken:
        """Stop working until `until()` is true, for `at_most` seconds of the cluster.

        `until` must be quick: it is asked often, by other threads too. Only an `outermost` wait ends with STUCK.
        """
        with self._condition:
            due = None if at_most is None else self.now() + at_most
            waiter = _Waiter(until, due, outermost=outermost)
            self._waiters.append(waiter)
            self._working -= 1
            self._settle()
            while waiter.woken is None:
                self._condition.wait(self._pause(waiter))
                self._settle()
            return waiter.woken

    def _pause(self, waiter: _Waiter) -> float:
        if waiter.due is None:
            return _POLL_SECONDS
        return min(_POLL_SECONDS, max(0.0, (waiter.due - self.now()) / self.speed))

    def _settle(self) -> None:
        """Wake those whose time has come, and count them as working at once, before anybody else looks."""
        for waiter in list(self._waiters):
            if waiter.until():
                self._wake(waiter, Woken.DONE)
            elif waiter.due is not None and waiter.due <= self.now():
                self._wake(waiter, Woken.LATE)
        if self._working or not self._waiters:
            return
        timed = [waiter for waiter in self._waiters if waiter.due is not None]
        if timed:
            first = min(timed, key=lambda waiter: waiter.due or 0.0)
            self._then += max(0.0, (first.due or 0.0) - self.now())
            self._wake(first, Woken.LATE)
            return
        for waiter in [waiter for waiter in self._waiters if waiter.outermost]:
            self._wake(waiter, Woken.STUCK)

    def _wake(self, waiter: _Waiter, why: Woken) -> None:
        waiter.woken = why
        self._waiters.remove(waiter)
        self._working += 1
        self._condition.notify_all()
