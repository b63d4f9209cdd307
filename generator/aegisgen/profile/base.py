"""What all types of the user's files share.

Modules with types like these do without `from __future__ import annotations`: of that, msgspec would have to evaluate
each annotation from its text, which is slower than all the rest of reading a profile.
"""

from msgspec import Meta, Struct


class Model(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Immutable, camelCase in YAML, no unknown keys."""


def about(description: str, *examples: object) -> Meta:
    """Return what editors show of a field."""
    return Meta(description=description, examples=list(examples) or None)


def matching(
    title: str, pattern: str, *examples: str, max_length: int | None = None, description: str | None = None
) -> Meta:
    """Return what a text has to look like: `pattern` fits all of it, and `title` says so after "expected"."""
    # `$` would let a final newline through; this does not, in Python, ECMAScript and Rust alike.
    whole_text = rf"^{pattern}(?![\s\S])"
    shown = list(examples) or None
    return Meta(title=title, pattern=whole_text, max_length=max_length, description=description, examples=shown)


def whole(
    least: int, most: int, description: str | None = None, *examples: int, called: str = "a whole number"
) -> Meta:
    """Return the bounds of a whole number, and what editors show of it."""
    title = f"{called} from {least} to {most}"
    return Meta(title=title, ge=least, le=most, description=description, examples=list(examples) or None)
