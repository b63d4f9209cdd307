"""The integrity checks: fields that need or exclude each other."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import UNSET

from aegisgen.errors import Problem
from aegisgen.profile.layers import Layer, problem
from aegisgen.profile.steps.checks import Expect
from aegisgen.profile.steps.job import wanted
from aegisgen.profile.target import Target


def problems(target: Target, layers: list[Layer]) -> Iterator[Problem]:
    """Yield what is wrong with checks beyond their types."""
    checks = target.settings.checks
    if not wanted(checks):
        return
    if not checks.run:
        yield problem(layers, ("checks", "run"), "empty, expected at least one check")
    seen: set[str] = set()
    for index, check in enumerate(checks.run):
        place = ("checks", "run", index)
        if check.name in seen:
            yield problem(layers, (*place, "name"), "the name of another check, expected a name of its own")
        seen.add(check.name)
        if (check.sql is UNSET) == (check.command is UNSET):
            yield problem(layers, place, f"check {check.name} is no check, expected either sql or command")
        elif check.command is not UNSET and check.expect is not UNSET:
            yield problem(layers, (*place, "expect"), "belongs to sql; a command passes by exiting 0; remove it")
        elif check.sql is not UNSET:
            expect = check.expect if isinstance(check.expect, Expect) else Expect()
            bounded = expect.min is not UNSET or expect.max is not UNSET
            if [expect.equals is not UNSET, expect.rows is not UNSET, bounded].count(True) != 1:
                message = f"check {check.name} expects nothing definite, expected equals, or rows, or min and max"
                yield problem(layers, (*place, "expect"), message)
