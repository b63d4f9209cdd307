"""Work shared out among processes."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple, Self, TypeVar, cast

from aegisgen.errors import AegisgenError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

    _Line = Connection[object, object]

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")

# How many seconds a process has to end by itself.
_PATIENCE = 10.0


class CrewError(AegisgenError):
    """A process of the crew was gone before it had done its work."""


class _Member(NamedTuple):
    process: BaseProcess
    connection: _Line


class _Answer(NamedTuple):
    """What came of a task."""

    result: object
    error: Exception | None


class Crew:
    """Processes that work for this one: none before there is work for two, none when the block has been left.

    They leave together with this process, also where it is killed without a chance to say so.
    """

    def __init__(self, jobs: int) -> None:
        """`jobs`: how many processes may work; 0: one a core. With 1 everything is done here."""
        self.size = jobs or os.cpu_count() or 1
        self._members: list[_Member] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._dismiss(self._members)

    def map(self, work: Callable[[_Task], _Result], tasks: Sequence[_Task]) -> Iterator[_Result]:
        """Yield what `work`, a function of some module, returns for each task, in the order of the tasks.

        Raises what it raises for the first task for which it does, and CrewError where a process dies.
        """
        if self.size == 1 or len(tasks) <= 1:
            yield from map(work, tasks)
            return
        while len(self._members) < min(self.size, len(tasks)):
            self._members.append(_member([member.connection for member in self._members]))
        busy: dict[_Line, tuple[int, _Member]] = {}
        try:
            for answer in self._answers(work, tasks, busy):
                if answer.error is not None:
                    raise answer.error
                yield cast("_Result", answer.result)
        finally:
            self._dismiss([member for _, member in busy.values()])

    def _answers(
        self, work: Callable[[_Task], _Result], tasks: Sequence[_Task], busy: dict[_Line, tuple[int, _Member]]
    ) -> Iterator[_Answer]:
        from multiprocessing.connection import wait  # noqa: PLC0415 -- start-up time: most runs are small

        open_tasks = iter(enumerate(tasks))
        known: dict[int, _Answer] = {}
        idle = list(self._members)
        turn = 0
        while turn < len(tasks):
            for member, (index, task) in zip(idle, open_tasks, strict=False):
                busy[member.connection] = index, member
                _send(member, (work, task))
            idle = []
            for connection in cast("list[_Line]", wait(list(busy))):
                index, member = busy[connection]
                known[index] = _received(member)
                del busy[connection]
                idle.append(member)
            while turn in known:
                yield known.pop(turn)
                turn += 1

    def _dismiss(self, members: Iterable[_Member]) -> None:
        leaving = list(members)
        for member in leaving:
            member.connection.close()
            member.process.terminate()
        for member in leaving:
            member.process.join(_PATIENCE)
            member.process.kill()
            member.process.join()
        self._members = [member for member in self._members if member not in leaving]


def _member(others: list[_Line]) -> _Member:
    """Start a process; `others` are connections that it must not keep open for those at their other ends."""
    import multiprocessing  # noqa: PLC0415 -- start-up time, as above
    import signal  # noqa: PLC0415
    import threading  # noqa: PLC0415

    # A fork is cheap, and safe where there are no threads; macOS' own libraries have some.
    forked = sys.platform == "linux" and threading.active_count() == 1
    context = multiprocessing.get_context("fork") if forked else multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    inherited = [*others, ours] if forked else []
    process = context.Process(target=_serve, args=(theirs, inherited), daemon=True)
    # An interrupt is this process' affair, from the other's first moment on.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    theirs.close()
    return _Member(process, ours)


def _serve(connection: _Line, inherited: list[_Line]) -> None:
    """Do what is asked for until nobody is there to ask."""
    import signal  # noqa: PLC0415

    for each in inherited:
        each.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    _end_with(connection)
    while True:
        try:
            work, task = cast("tuple[Callable[[object], object], object]", connection.recv())
        except (EOFError, ConnectionError):
            return
        try:
            answer = _Answer(work(task), None)
        except Exception as error:
            answer = _Answer(None, _portable(error))
        try:
            connection.send(answer)
        except ConnectionError:
            return


def _end_with(connection: _Line) -> None:
    """Have this process end, with what it started, when it is told to and when nobody is at the other end."""
    import fcntl  # noqa: PLC0415
    import select  # noqa: PLC0415
    import signal  # noqa: PLC0415

    line = connection.fileno()
    gone = select.poll()
    gone.register(line, select.POLLHUP)
    leaving = False

    def leave(number: int, _: object) -> None:
        nonlocal leaving
        if not leaving and (number == signal.SIGTERM or gone.poll(0)):
            leaving = True  # a second time would interrupt what is done on the way out
            sys.exit(1)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGIO, leave)
    fcntl.fcntl(line, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(line, fcntl.F_SETFL, fcntl.fcntl(line, fcntl.F_GETFL) | os.O_ASYNC)


def _portable(error: Exception) -> Exception:
    """Return an error as one that can be sent: an unforeseen one may be of any shape."""
    if isinstance(error, AegisgenError | OSError | MemoryError | RecursionError):
        return error
    import traceback  # noqa: PLC0415

    unforeseen = RuntimeError(f"{type(error).__name__}: {error}")
    unforeseen.add_note(traceback.format_exc())
    return unforeseen


def _send(member: _Member, message: object) -> None:
    try:
        member.connection.send(message)
    except ConnectionError:
        raise _gone(member) from None


def _received(member: _Member) -> _Answer:
    try:
        return cast("_Answer", member.connection.recv())
    except (EOFError, ConnectionError):
        raise _gone(member) from None


def _gone(member: _Member) -> CrewError:
    member.process.join(_PATIENCE)
    code = member.process.exitcode
    how = f"was killed by signal {-code}" if code is not None and code < 0 else f"ended with exit code {code}"
    return CrewError(
        f"a process that works for this one {how}, perhaps for want of memory; nothing can be said of what it was to "
        "check. Give the machine more memory, or use fewer processes with --jobs"
    )
