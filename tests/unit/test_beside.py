"""Work beside: the same result as without, whatever becomes of the other process."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading

import pytest

from aegisgen import beside as module
from aegisgen.beside import beside

forks = pytest.mark.skipif(
    sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2 or threading.active_count() > 1,
    reason="a fork needs Linux, a second processor, and a process without threads",
)


@forks
def test_the_result_comes_from_another_process() -> None:
    with beside(os.getpid) as result:
        assert result() == result() != os.getpid()


def test_without_a_second_processor_the_work_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_can_fork", lambda: False)
    with beside(os.getpid) as result:
        assert result() == os.getpid()


def test_a_process_with_threads_is_not_copied() -> None:
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        with beside(os.getpid) as result:
            assert result() == os.getpid()
    finally:
        done.set()
        thread.join()


def test_an_exception_is_raised_where_the_result_is_asked_for() -> None:
    def fail() -> None:
        raise LookupError("x")

    with beside(fail) as result, pytest.raises(LookupError, match="x"):
        result()


@forks
@pytest.mark.parametrize("end", [lambda: os.kill(os.getpid(), signal.SIGKILL), lambda: os._exit(0), sys.exit])
def test_a_copy_that_dies_is_replaced_by_doing_the_work_here(end) -> None:
    here = os.getpid()

    def work() -> int:
        if os.getpid() != here:
            end()
        return 7

    with beside(work) as result:
        assert result() == 7


@forks
def test_half_a_result_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = module.marshal.dumps
    monkeypatch.setattr(module.marshal, "dumps", lambda value: whole(value)[:-3])
    with beside(lambda: [os.getpid(), "abc"]) as result:
        assert result()[0] == os.getpid()


@forks
def test_a_result_larger_than_a_pipe_arrives() -> None:
    with beside(lambda: b"x" * 10_000_000) as result:
        assert len(result()) == 10_000_000


@forks
def test_a_copy_that_nobody_asks_is_gone_afterwards() -> None:
    read, write = os.pipe()

    def wait_for_ever() -> None:
        os.write(write, str(os.getpid()).encode())
        threading.Event().wait()

    with contextlib.suppress(KeyError), beside(wait_for_ever):
        child = int(os.read(read, 20))
        raise KeyError
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


@forks
def test_nothing_that_was_written_before_is_written_twice(capfd: pytest.CaptureFixture[str]) -> None:
    sys.stdout.write("once")
    with beside(os.getpid) as result:
        result()
    sys.stdout.flush()
    assert capfd.readouterr().out == "once"
