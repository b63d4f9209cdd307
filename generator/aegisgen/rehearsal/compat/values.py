"""Made values: an SQL expression for each type that gives, for the row's number, a value; for other numbers, another.

Nothing is random: the same number gives the same value, so that a foreign key can name the row it refers to.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from psycopg import sql

UNLIMITED = 2**31 - 1


class Kind(NamedTuple):
    """How values of a type are made. `expression` has {n}, a bigint from 0 on."""

    expression: str
    most: int = UNLIMITED
    """How many different values there are."""


_DAYS = 20_000
_KINDS = {
    "smallint": Kind("({n} % 32767 + 1)::int2", 32_767),
    "integer": Kind("({n} + 1)::int4"),
    "bigint": Kind("({n} + 1)"),
    "real": Kind("({n} + 1)::real", 10_000_000),
    "double precision": Kind("({n} + 1)::float8"),
    "money": Kind("({n} + 1)::text::money"),
    "boolean": Kind("({n} % 2 = 0)", 2),
    "uuid": Kind("lpad(to_hex({n} + 1), 32, '0')::uuid"),
    "text": Kind("('made ' || {n} + 1)"),
    "character varying": Kind("('made ' || {n} + 1)"),
    "citext": Kind("('made ' || {n} + 1)"),
    "name": Kind("('made ' || {n} + 1)::name"),
    "bytea": Kind("decode(lpad(to_hex({n} + 1), 16, '0'), 'hex')"),
    "json": Kind("json_build_object('made', {n} + 1)"),
    "jsonb": Kind("jsonb_build_object('made', {n} + 1)"),
    "xml": Kind("('<made>' || {n} + 1 || '</made>')::xml"),
    "date": Kind(f"('2000-01-01'::date + ({{n}} % {_DAYS})::int)", _DAYS),
    "timestamp without time zone": Kind("('2000-01-01'::timestamp + {n} * interval '1 minute')"),
    "timestamp with time zone": Kind("('2000-01-01 00:00+00'::timestamptz + {n} * interval '1 minute')"),
    "time without time zone": Kind("('00:00'::time + ({n} % 86400) * interval '1 second')", 86_400),
    "time with time zone": Kind("('00:00+00'::timetz + ({n} % 86400) * interval '1 second')", 86_400),
    "interval": Kind("({n} * interval '1 minute')"),
    "inet": Kind("('10.0.0.0'::inet + {n})", 2**24),
    "cidr": Kind("set_masklen('10.0.0.0'::inet + {n}, 32)::cidr", 2**24),
    "macaddr": Kind("lpad(to_hex({n}), 12, '0')::macaddr"),
    "point": Kind("point({n}, {n})"),
    "tsvector": Kind("('made' || {n})::tsvector"),
    "oid": Kind("({n} + 1)::oid"),
}
_SIZED = re.compile(r"(?P<base>[^(]+)\((?P<size>\d+)(?:,(?P<scale>-?\d+))?\)(?P<rest>.*)\Z")
_STRINGS = {"character varying", "character"}
_BITS = {"bit", "bit varying"}


def kind_of(type_name: str, labels: Sequence[str]) -> Kind | None:
    """Return how values of a type are made, by its name as format_type has it; None where nobody knows.

    `labels` are those of an enum, in their order.
    """
    if labels:
        return listed([sql.Literal(label).as_string() for label in labels], type_name)
    if type_name.endswith("[]"):
        return Kind(f"'{{{{}}}}'::{type_name}", 1)
    sized = _SIZED.match(type_name)
    base = (sized["base"] + sized["rest"]) if sized else type_name
    size = int(sized["size"]) if sized else 0
    if base in _STRINGS and size:
        # The end of the number tells texts apart however short they are.
        return Kind(f"right('made ' || {{n}} + 1, {size})", min(10 ** min(size, 9) - 1, UNLIMITED))
    if base == "numeric":
        most = min(10 ** min(size - int(sized["scale"] or 0), 9), UNLIMITED) if sized else UNLIMITED
        return Kind(f"({{n}} % {most})::numeric", most)
    if base in _BITS:
        return Kind(f"({{n}} % {2 ** min(size or 1, 30)})::bit({size or 1})", 2 ** min(size or 1, 30))
    return _KINDS.get(base)


def listed(literals: Sequence[str], type_name: str) -> Kind:
    """Return one that takes values from a list of SQL literals in turn."""
    array = f"ARRAY[{', '.join(literals)}]::{type_name}[]".replace("{", "{{").replace("}", "}}")
    return Kind(f"({array})[({{n}} % {len(literals)} + 1)::int]", len(literals))


def between(low: int, high: int, type_name: str) -> Kind:
    """Return one that takes whole numbers from `low` to `high`."""
    return Kind(f"({{n}} % {high - low + 1} + {low})::{type_name}", high - low + 1)


_MOST_BOUNDED = 1_000_000

_ONE_OF = re.compile(
    r"\(*(?P<column>\"?\w+\"?)\)*(?:::[\w ]+)? = ANY \(+ARRAY\[(?P<values>.*?)\]\)*(?:::[\w \[\]]+)?\)+\Z"
)
_BOUND = re.compile(
    r"(?P<column>\"?\w+\"?)\)?(?:::[\w ]+)? (?P<sign>>=|<=|>|<) \(?'?(?P<bound>-?\d+)(?P<rest>\.\d+)?'?"
)
_STRING, _NUMBER = re.compile(r"'(?:[^']|'')*'"), re.compile(r"-?\d+(?:\.\d+)?")
_NUMBERS = {"smallint", "integer", "bigint", "real", "double precision", "numeric"}


def allowed(check: str, column: str, type_name: str) -> Kind | None:
    """Return values that a CHECK constraint on one column takes: `IN (...)`, or bounds that are whole numbers.

    None where it is not that simple. `check` is as pg_get_expr has it.
    """
    if match := _ONE_OF.match(check):
        literals = _STRING.findall(match["values"]) or _NUMBER.findall(match["values"])
        return listed(literals, type_name) if literals and match["column"].strip('"') == column else None
    bounds = [match for match in _BOUND.finditer(check) if match["column"].strip('"') == column]
    if not bounds or " OR " in check or type_name.partition("(")[0] not in _NUMBERS:
        return None
    low = max((_edge(match, ">") for match in bounds if match["sign"][0] == ">"), default=None)
    high = min((_edge(match, "<") for match in bounds if match["sign"][0] == "<"), default=None)
    if low is None:
        low = min(0, high or 0)
    if high is None:
        kind = kind_of(type_name, ())
        high = low + min(kind.most if kind else 1, _MOST_BOUNDED) - 1
    return between(low, high, type_name) if high >= low else None


def _edge(match: re.Match[str], sign: str) -> int:
    strict = match["sign"] == sign
    # Whole numbers are made: above 0.01 comes 1.
    return int(match["bound"]) + (strict or bool(match["rest"]) if sign == ">" else -strict)
