"""Integrity checks: what must hold after the migration and before the application rolls out."""

from typing import Annotated

from msgspec import UNSET, UnsetType

from aegisgen.profile.base import Model, about, matching
from aegisgen.profile.migrations import Words
from aegisgen.profile.steps.job import StepJob
from aegisgen.profile.types import DnsLabel, Sql, Wave

_Value = Annotated[
    str,
    matching(
        "a value as psql prints it, without $( and $$",
        r"(?:(?!\$[($])[^\u0000-\u0009\u000b-\u001f\u007f-\u009f\ufffe\uffff])*",
        max_length=10_000,
    ),
]


class Expect(Model, frozen=True, kw_only=True):
    """What a query must return: `equals`, or `rows`, or `min` and `max`."""

    # Not one field for both: msgspec 0.22 corrupts its memory over a union of a list and a string with a pattern.
    equals: Annotated[
        _Value | int | bool | UnsetType, about("The value as psql prints it; true is t, null is empty.", "42")
    ] = UNSET
    rows: Annotated[list[_Value] | UnsetType, about("The rows, their columns separated by '|'.", ["admin", "user"])] = (
        UNSET
    )
    min: Annotated[int | UnsetType, about("The least that the number may be.", 1)] = UNSET
    max: Annotated[int | UnsetType, about("The most that the number may be.", 0)] = UNSET


class Check(Model, frozen=True, kw_only=True):
    """Something that must hold: a query with what it must return, or a command of the application that exits 0."""

    name: Annotated[DnsLabel, about("Names it in the log.")]
    sql: Annotated[Sql | UnsetType, about("Runs in a read-only transaction, without a shell.")] = UNSET
    expect: Expect | UnsetType = UNSET
    command: Annotated[Words | UnsetType, about("Runs in the application's image.")] = UNSET


class Checks(StepJob, frozen=True, kw_only=True):
    """Checks after the migration (presync-job); if one fails, the application is not touched."""

    wave: Annotated[Wave, about("The sync wave; after the migration's.")] = 0
    run: Annotated[
        list[Check],
        about(
            "All run, whatever the others say.",
            [{"name": "users-kept", "sql": "SELECT count(*) FROM users", "expect": {"min": 1}}],
        ),
    ] = []
