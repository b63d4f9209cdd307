"""Integrity checks: what must hold after the migration and before the application rolls out."""

from typing import TYPE_CHECKING, Annotated

from msgspec import UNSET, Meta, UnsetType

from aegisgen.profile.base import Model
from aegisgen.profile.layers import problem
from aegisgen.profile.migrations import Words
from aegisgen.profile.steps.job import StepJob
from aegisgen.profile.types import DnsLabel, Sql, Wave

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aegisgen.errors import Problem
    from aegisgen.profile.layers import Layer
    from aegisgen.profile.resolve import Target

_Value = Annotated[
    str,
    Meta(
        title="a value as psql prints it, without $( and $$",
        pattern=r"^(?:(?!\$[($])[^\u0000-\u0009\u000b-\u001f\u007f-\u009f\ufffe\uffff])*(?![\s\S])",
        max_length=10_000,
    ),
]


class Expect(Model, frozen=True, kw_only=True):
    """What a query must return: `equals`, or `rows`, or `min` and `max`."""

    # Not one field for both: msgspec 0.22 corrupts its memory over a union of a list and a string with a pattern.
    equals: Annotated[
        _Value | int | bool | UnsetType,
        Meta(description="The value as psql prints it; true is t, null is empty.", examples=["42"]),
    ] = UNSET
    rows: Annotated[
        list[_Value] | UnsetType,
        Meta(description="The rows, their columns separated by '|'.", examples=[["admin", "user"]]),
    ] = UNSET
    min: Annotated[int | UnsetType, Meta(description="The least that the number may be.", examples=[1])] = UNSET
    max: Annotated[int | UnsetType, Meta(description="The most that the number may be.", examples=[0])] = UNSET


class Check(Model, frozen=True, kw_only=True):
    """Something that must hold: a query with what it must return, or a command of the application that exits 0."""

    name: Annotated[DnsLabel, Meta(description="Names it in the log.")]
    sql: Annotated[Sql | UnsetType, Meta(description="Runs in a read-only transaction, without a shell.")] = UNSET
    expect: Expect | UnsetType = UNSET
    command: Annotated[Words | UnsetType, Meta(description="Runs in the application's image.")] = UNSET


class Checks(StepJob, frozen=True, kw_only=True):
    """Checks after the migration (presync-job); if one fails, the application is not touched."""

    wave: Annotated[Wave, Meta(description="The sync wave; after the migration's.")] = 0
    run: Annotated[
        list[Check],
        Meta(
            description="All run, whatever the others say.",
            examples=[[{"name": "users-kept", "sql": "SELECT count(*) FROM users", "expect": {"min": 1}}]],
        ),
    ] = []


def problems(target: "Target", layers: "list[Layer]") -> "Iterator[Problem]":
    """Yield what is wrong with checks beyond their types."""
    checks = target.settings.checks
    if not isinstance(checks, Checks) or not checks.enabled:
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
