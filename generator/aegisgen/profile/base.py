"""What all types of the user's files share.

Modules with types like these do without `from __future__ import annotations`: of that, msgspec would have to evaluate
each annotation from its text, which is slower than all the rest of reading a profile.
"""

from msgspec import Struct


class Model(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Immutable, camelCase in YAML, no unknown keys."""
