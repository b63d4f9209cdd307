"""What production tells of itself, in files without data: `--queries` and `--rows`, as CSV or JSON.

`docs/rehearsal.md` has the two queries that write them. Columns beyond those read here are ignored.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from aegisgen.errors import InputError, Problem

_MOST_BYTES = 100_000_000
_Row = TypeVar("_Row", bound=msgspec.Struct)


class _Query(msgspec.Struct):
    query: str
    calls: float | None = None
    seconds: float | None = None


class _Column(msgspec.Struct):
    table: str
    rows: float
    column: str = ""
    schema: str = "public"
    null_frac: float | None = None
    n_distinct: float | None = None


class Query(NamedTuple):
    """A text of pg_stat_statements, with $1 in place of values."""

    text: str
    calls: int | None = None
    """How often it was executed; None where the file does not say."""
    per_second: float | None = None


class Statistics(NamedTuple):
    """What pg_stats says of a column."""

    null_fraction: float
    distinct: float
    """How many values there are or, if negative, that number divided by the rows, with the sign turned."""


class Table(NamedTuple):
    """A table of production's."""

    schema: str
    name: str
    rows: int
    columns: dict[str, Statistics]


def read_queries(file: Path) -> tuple[Query, ...]:
    """Return the queries, each text once, the most called first. Raises InputError."""
    calls: dict[str, float | None] = {}
    seconds: dict[str, float | None] = {}
    for row in _rows(file, _Query):
        text = row.query.strip()
        known = calls.get(text)
        calls[text] = row.calls if known is None else known + (row.calls or 0)
        seconds[text] = row.seconds
    queries = [
        Query(text, None if number is None else int(number), _rate(number, seconds[text]))
        for text, number in calls.items()
        if text
    ]
    return tuple(sorted(queries, key=lambda query: -(query.calls or 0)))


def read_tables(file: Path) -> tuple[Table, ...]:
    """Return the tables with their columns, in the file's order. Raises InputError."""
    tables: dict[tuple[str, str], Table] = {}
    for row in _rows(file, _Column):
        key = (row.schema, row.table)
        table = tables.setdefault(key, Table(*key, max(int(row.rows), 0), {}))
        if row.column and row.null_frac is not None:
            table.columns[row.column] = Statistics(row.null_frac, row.n_distinct or 0)
    return tuple(tables.values())


def _rate(calls: float | None, seconds: float | None) -> float | None:
    return calls / seconds if calls is not None and seconds else None


def _rows(file: Path, kind: type[_Row]) -> list[_Row]:
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise _unusable(file, f"larger than {_MOST_BYTES // 1_000_000} MB")
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise _unusable(file, f"cannot be read: {error}") from None
    if text.lstrip().startswith(("[", "{")):
        return _convert(file, _decode(file, text), kind)
    reader = csv.DictReader(io.StringIO(text, newline=""))
    # What is empty in CSV is NULL.
    return _convert(file, [{key: value for key, value in row.items() if key and value} for row in reader], kind)


def _decode(file: Path, text: str) -> list[object]:
    """Read a list of objects, or an object a line, as `json_agg` and `row_to_json` write them."""
    try:
        return msgspec.json.decode(text, type=list[object])
    except msgspec.DecodeError:
        pass
    try:
        return [msgspec.json.decode(line) for line in text.splitlines() if line.strip()]
    except msgspec.DecodeError as error:
        raise _unusable(file, f"is no JSON: {error}") from None


def _convert(file: Path, rows: Iterable[object], kind: type[_Row]) -> list[_Row]:
    try:
        records = [msgspec.convert(row, kind, strict=False) for row in rows if row != {}]
    except (msgspec.ValidationError, ValueError) as error:
        names = ", ".join(field.name for field in msgspec.structs.fields(kind))
        raise _unusable(file, f"{error}; expected CSV with a header or JSON, with {names}") from None
    if not records:
        raise _unusable(file, "has no rows")
    return records


def _unusable(file: Path, reason: str) -> InputError:
    return InputError(Problem(str(file), 0, 0, "", reason))
