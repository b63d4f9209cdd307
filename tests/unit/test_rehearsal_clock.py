"""Time on the stage: it jumps where everybody waits, and says so where nothing will ever happen."""

from __future__ import annotations

import threading
import time

from aegisgen.rehearsal.clock import Clock, Woken

HOUR = 3600


def test_a_long_wait_of_everybody_takes_no_time() -> None:
    clock, began = Clock(), time.monotonic()
    with clock.working():
        assert clock.wait(lambda: False, HOUR) is Woken.LATE
    assert clock.now() >= HOUR
    assert time.monotonic() - began < HOUR / 10


def test_of_two_waits_the_shorter_one_ends_first() -> None:
    clock, order = Clock(), []

    def sleep(seconds: int) -> None:
        clock.wait(lambda: False, seconds)
        order.append((seconds, round(clock.now(), -1)))

    with clock.working():
        clock.thread(lambda: sleep(2 * HOUR), "long")
        clock.thread(lambda: sleep(HOUR), "short")
        clock.wait(lambda: len(order) == 2)
    assert order == [(HOUR, HOUR), (2 * HOUR, 2 * HOUR)]


def test_as_long_as_somebody_works_nothing_is_brought_forward() -> None:
    clock, released = Clock(), threading.Event()
    woken: list[float] = []

    def wait() -> None:
        clock.wait(lambda: False, HOUR)
        woken.append(clock.now())

    with clock.working():  # this thread works, by waiting for an event that the clock knows nothing of
        thread = clock.thread(wait, "waiter")
        released.wait(0.2)
        assert not woken
        assert clock.wait(lambda: bool(woken)) is Woken.DONE
    thread.join()
    assert woken[0] >= HOUR


def test_who_waits_for_what_nobody_will_do_is_stuck() -> None:
    clock = Clock()
    with clock.working():
        assert clock.wait(lambda: False, outermost=True) is Woken.STUCK


def test_who_waits_for_what_a_deadline_will_bring_is_not_stuck() -> None:
    clock, done = Clock(), threading.Event()

    def deadline() -> None:
        clock.wait(lambda: False, HOUR)
        done.set()

    with clock.working():
        clock.thread(deadline, "deadline")
        assert clock.wait(done.is_set, outermost=True) is Woken.DONE


def test_it_can_run_faster() -> None:
    clock = Clock()
    clock.run_at(1000)
    began = clock.now(), clock.elapsed()
    time.sleep(0.01)
    assert clock.now() - began[0] >= 1000 * 0.01
    clock.run_at(1)
    assert clock.now() > clock.elapsed()
