"""Work shared out among processes."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Self, TypeVar

from aegisgen.errors import AegisgenError
from aegisgen.files import confine, trees
from aegisgen.kube.process import end_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing.context import BaseContext

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")


class CrewError(AegisgenError):
    """A process of the crew was gone before it had done its work."""


class Crew:
    """A pool of processes: none before there is work for two, none when the block has been left.

    They end together with this process, also where it is killed without a chance to say so.
    """

    def __init__(self, jobs: int) -> None:
        """`jobs`: how many processes may work; 0: one a core. With 1 everything is done here."""
        self.size = jobs or os.cpu_count() or 1
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._pool is None:
            return
        if kind is not None:
            _terminate()
        self._pool.shutdown(cancel_futures=True)

    def map(self, work: Callable[[_Task], _Result], tasks: Sequence[_Task]) -> Iterator[_Result]:
        """Yield what `work`, a function of some module, returns for each task, in the order of the tasks.

        Raises what it raises for the first task for which it does, and CrewError where a process dies.
        """
        if self.size == 1 or len(tasks) <= 1:
            yield from map(work, tasks)
            return
        # Start-up time: most runs are small.
        from concurrent.futures.process import BrokenProcessPool, ProcessPoolExecutor  # noqa: PLC0415
        from signal import SIG_BLOCK, SIG_SETMASK, SIGINT, pthread_sigmask  # noqa: PLC0415

        if self._pool is None:
            self._pool = ProcessPoolExecutor(min(self.size, len(tasks)), _context(), _begin, (trees(),))
        # An interrupt is this process' affair, from the others' first moment on; they begin with the first task.
        before = pthread_sigmask(SIG_BLOCK, {SIGINT})
        try:
            results = self._pool.map(work, tasks)
        finally:
            pthread_sigmask(SIG_SETMASK, before)
        try:
            yield from results
        except BrokenProcessPool:
            raise CrewError(
                "a process that works for this one was killed, perhaps because memory ran out; nothing is known of "
                "what it was to check. Give the machine more memory, or use fewer processes with --jobs"
            ) from None


def _context() -> BaseContext:
    import multiprocessing  # noqa: PLC0415 -- start-up time, as above
    import threading  # noqa: PLC0415

    # A fork is cheap, and safe where there are no threads; macOS' own libraries have some.
    forked = sys.platform == "linux" and threading.active_count() == 1
    if not forked:
        os.environ["PYTHONSAFEPATH"] = "1"  # or they would import from the working directory
    return multiprocessing.get_context("fork" if forked else "spawn")


def _terminate() -> None:
    """End the processes now: what they do is not wanted any more."""
    import multiprocessing  # noqa: PLC0415 -- start-up time, as above

    for process in multiprocessing.active_children():
        process.terminate()


def _begin(readable: Sequence[str] | None) -> None:
    """Have this process end, with the tools that it started, when it is told to and when its parent ends."""
    import signal  # noqa: PLC0415 -- start-up time, as above
    import threading  # noqa: PLC0415
    from multiprocessing import connection, parent_process  # noqa: PLC0415

    def leave(*_: object) -> None:
        # Not by an exception: the pool catches it, and would wait for a lock that another process left held.
        end_all()
        os._exit(1)

    if readable is not None:
        confine(readable)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, leave)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    parent = parent_process()
    assert parent is not None  # noqa: S101 - this runs in a pool

    def follow() -> None:
        connection.wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=follow, daemon=True).start()
