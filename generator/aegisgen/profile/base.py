"""What all types of the user's files share."""

from __future__ import annotations

from msgspec import Struct


class Model(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Immutable, camelCase in YAML, no unknown keys."""
