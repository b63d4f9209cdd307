"""Work shared out among processes: in order, with every error, and with nobody left behind."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from aegisgen.errors import InputError, Problem, UsageError
from aegisgen.proof.crew import Crew, CrewError
from aegisgen.record import replace

PROBLEM = Problem("x.yaml", 3, 1, "field", "wrong")


def process_and_square(number: int) -> tuple[int, int]:
    return os.getpid(), number * number


def fail(number: int) -> int:
    if number == 3:
        raise InputError(PROBLEM, replace(PROBLEM, line=4))
    if number == 5:
        raise UsageError("later")
    return number


def stumble(number: int) -> int:
    return [number][number]


def die(number: int) -> int:
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def leave(number: int) -> int:
    os._exit(number)


def children() -> set[int]:
    return {int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()}


@pytest.fixture(autouse=True)
def nobody_left_behind() -> None:
    before = children()
    yield
    assert children() <= before


def test_results_come_in_the_order_of_the_tasks_from_several_processes() -> None:
    with Crew(3) as crew:
        found = list(crew.map(process_and_square, range(40)))
        again = list(crew.map(process_and_square, range(40)))

    assert [square for _, square in found] == [number * number for number in range(40)]
    assert os.getpid() not in {process for process, _ in found}
    assert len({process for process, _ in [*found, *again]}) <= 3


@pytest.mark.parametrize(("jobs", "tasks"), [(1, 9), (4, 1), (4, 0)])
def test_without_work_for_two_there_is_nobody_else(jobs: int, tasks: int) -> None:
    with Crew(jobs) as crew:
        found = list(crew.map(process_and_square, range(tasks)))

    assert {process for process, _ in found} <= {os.getpid()}


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_error_of_the_first_task_that_failed_is_raised_here_with_all_it_says(jobs: int) -> None:
    with Crew(jobs) as crew:
        found = crew.map(fail, range(9))

        assert [next(found) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(InputError) as raised:
            next(found)

    assert raised.value.problems == (PROBLEM, replace(PROBLEM, line=4))


def test_after_an_error_there_is_work_again() -> None:
    with Crew(2) as crew:
        with pytest.raises(InputError):
            list(crew.map(fail, range(9)))
        unfinished = crew.map(process_and_square, range(9))
        next(unfinished)
        unfinished.close()

        assert [square for _, square in crew.map(process_and_square, range(4))] == [0, 1, 4, 9]


def test_an_unforeseen_error_says_what_and_where() -> None:
    with Crew(2) as crew, pytest.raises(IndexError, match="list index out of range") as raised:
        list(crew.map(stumble, range(9)))

    assert "in stumble" in str(raised.value.__cause__)


@pytest.mark.parametrize(("work", "tasks"), [(die, range(9)), (leave, [3, 3, 3])])
def test_a_process_that_ends_is_an_error_that_says_so(work: Callable[[int], int], tasks: Sequence[int]) -> None:
    with Crew(2) as crew, pytest.raises(CrewError, match=r"was killed.*--jobs"):
        list(crew.map(work, tasks))
