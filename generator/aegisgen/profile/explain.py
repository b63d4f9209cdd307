"""All errors of one input file at once, with their places; only imported when a file is known to be wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

import jsonschema
import msgspec

from aegisgen.errors import Problem
from aegisgen.kube.shape import mapping
from aegisgen.profile.schema import json_schema
from aegisgen.yaml.source import Document, kind_of

# More names than these are no help to anybody.
_LISTED = 12

_TYPES = {
    "string": "a string", "integer": "a whole number", "number": "a number", "boolean": "true or false",
    "array": "a list", "object": "a mapping", "null": "null",
}  # fmt: skip


def explain(document: Document, model: type[msgspec.Struct], fallback: str) -> tuple[Problem, ...]:
    """Return every way in which a document fails to be a `model`; `fallback` is the message if the schema sees none."""
    validator = jsonschema.Draft202012Validator(json_schema(model))
    problems = [problem for error in validator.iter_errors(document.data) for problem in _problems(document, error)]
    return tuple(sorted(set(problems))) or (Problem(document.source, document.line, 1, "", fallback),)


def closest(word: str, known: Sequence[str]) -> str:
    """Return "; did you mean 'x'?" for the known words nearest to `word`, or nothing."""
    close = nearest(word, known)
    return f"; did you mean {' or '.join(map(repr, close))}?" if close else ""


def nearest(word: str, known: Sequence[str], most: int = 1) -> list[str]:
    """Return the known words nearest to `word`, the nearest first; none if none is near."""
    return get_close_matches(word, known, n=most, cutoff=0.6)


def listed(known: Sequence[str]) -> str:
    """Return the known words as a list, of many only the first ones."""
    more = f" and {len(known) - _LISTED} more" if len(known) > _LISTED else ""
    return ", ".join(known[:_LISTED]) + more


def _problems(document: Document, error: jsonschema.ValidationError) -> Iterator[Problem]:
    path = list(error.absolute_path)
    if error.validator == "anyOf":
        yield from _best_branch(document, error)
    elif error.validator == "additionalProperties" and isinstance(error.instance, dict):
        known = list(mapping(mapping(error.schema).get("properties")))
        for key in error.instance:
            if key not in known:
                expected = closest(key, known) or f", expected one of {', '.join(known)}"
                yield _problem(document, [*path, key], f"unknown field{expected}", key=True)
    elif error.validator == "required" and isinstance(error.instance, dict):
        required = error.validator_value if isinstance(error.validator_value, list) else []
        for name in required:
            if name not in error.instance:
                expected = _expected(mapping(mapping(error.schema).get("properties")).get(str(name)), "a value")
                yield _problem(document, [*path, str(name)], f"missing, expected {expected}", at=path)
    elif "propertyNames" in error.absolute_schema_path:
        yield _problem(document, path, f"a name that is not allowed here, expected {_expected(error.schema, 'a name')}")
    else:
        yield _problem(document, path, _value_message(error))


def _best_branch(document: Document, error: jsonschema.ValidationError) -> Iterator[Problem]:
    """Of several types that a value may have, explain the one that its author seems to have meant."""
    context = error.context or []
    fitting = [inner for inner in context if not (inner.validator == "type" and not inner.relative_path)]
    if fitting:
        for inner in fitting:
            yield from _problems(document, inner)
        return
    expected = " or ".join(_TYPES.get(str(inner.validator_value), "another type") for inner in context)
    yield _problem(document, list(error.absolute_path), f"{kind_of(error.instance)}, expected {expected}")


def _value_message(error: jsonschema.ValidationError) -> str:
    if error.validator == "type":
        wanted = str(error.validator_value)
        quote = wanted == "string" and isinstance(error.instance, (int, float))
        expected = _TYPES["object"] if wanted == "object" else _expected(error.schema, _TYPES.get(wanted, wanted))
        return f"{kind_of(error.instance)}, expected {expected}" + ("; put it in quotes" if quote else "")
    if error.validator in {"enum", "const"}:
        values = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
        known = [str(value) for value in values]
        hint = closest(error.instance, known) if isinstance(error.instance, str) else ""
        unquoted = isinstance(error.instance, float) and str(error.instance) in known
        return f"not allowed, expected {' or '.join(known)}{hint}" + ("; put it in quotes" if unquoted else "")
    if error.validator == "maxLength":
        return f"{len(str(error.instance))} characters long, expected at most {error.validator_value}"
    return f"not allowed, expected {_expected(error.schema, 'something else')}"


def _expected(schema: object, otherwise: str) -> str:
    """Say in words what a schema wants; struct schemas are titled by their class, which tells a user nothing."""
    title = mapping(schema).get("title")
    if isinstance(title, str):
        return title
    enum = mapping(schema).get("enum")
    return " or ".join(map(str, enum)) if isinstance(enum, list) else otherwise


def _problem(
    document: Document,
    path: Sequence[str | int],
    message: str,
    *,
    key: bool = False,
    at: Sequence[str | int] | None = None,
) -> Problem:
    line, column = document.position(path if at is None else at, key=key)
    return Problem(document.source, line, column, ".".join(map(str, path)), message)
