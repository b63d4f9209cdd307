"""Records as the objects of a JSON document."""

from __future__ import annotations


def fields_of(record: object, *names: str, **renamed: str) -> dict[str, object]:
    """Return fields of a record by name; `renamed` gives the field behind a key of another name."""
    return {key: getattr(record, field) for key, field in {**dict(zip(names, names, strict=True)), **renamed}.items()}
