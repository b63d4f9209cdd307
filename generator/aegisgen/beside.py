"""Work done in a process of its own, beside what this process does meanwhile."""

from __future__ import annotations

import marshal
import os
import sys
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, NoReturn, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_Result = TypeVar("_Result")


@contextmanager
def beside(work: Callable[[], _Result]) -> Iterator[Callable[[], _Result]]:
    """Begin to work something out, and hand in how to get the result: call it as late as can be.

    `work` changes nothing, so that doing it again does no harm, and returns what `marshal` takes: numbers, texts,
    bytes, None, and plain lists, tuples and dicts of them. A copy of this process does it. Where that cannot be, and
    where the copy comes to no end or to an exception, `work` is done here when its result is asked for, and raises what
    it raises. A copy whose result nobody asked for is killed.
    """
    if not _can_fork():
        yield cache(work)
        return
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        _send(work, theirs)
    os.close(theirs)

    @cache
    def result() -> _Result:
        with open(ours, "rb", closefd=False) as stream:
            content = stream.read()
        try:
            received: _Result = marshal.loads(content)  # noqa: S302 - a copy of this process wrote it
        except (EOFError, ValueError, TypeError):
            return work()
        return received

    try:
        yield result
    finally:
        os.close(ours)
        if not result.cache_info().currsize:
            from signal import SIGKILL  # noqa: PLC0415 - an enumeration of its own

            os.kill(child, SIGKILL)
        os.waitpid(child, 0)


def _send(work: Callable[[], object], pipe: int) -> NoReturn:
    """Work, write the result and be gone; nothing of what a Python program does when it ends is done twice."""
    try:
        content = marshal.dumps(work())  # type: ignore[arg-type]  # as `beside` asks
        with open(pipe, "wb") as stream:
            stream.write(content)
    finally:
        os._exit(0)


def _can_fork() -> bool:
    """A fork is safe where there are no threads, and of use where there is another processor."""
    if sys.platform != "linux":
        return False  # macOS' own libraries have threads
    threading = sys.modules.get("threading")
    return len(os.sched_getaffinity(0)) > 1 and (threading is None or threading.active_count() == 1)
