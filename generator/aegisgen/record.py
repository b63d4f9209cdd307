"""What flows from room to room: immutable records, compared, sorted and hashed by their values.

`typing.NamedTuple` would do, but it compiles text for each class and each of its fields: 13 ms for the hundred classes
that a check imports, where msgspec takes one. A pair that is unpacked wherever it goes is a NamedTuple all the same.
"""

import sys
from typing import dataclass_transform


def _import_msgspec() -> None:
    """Import msgspec without typing_extensions, and so without `inspect` and what that imports: a tenth of a check.

    What msgspec takes from there where it is installed, it takes from `typing` where it is not; since Python 3.11 that
    has all of it.
    """
    if "typing_extensions" in sys.modules:
        return
    sys.modules["typing_extensions"] = None  # type: ignore[assignment]  # how Python marks what is not to be imported
    try:
        import msgspec  # noqa: F401, PLC0415
    except ImportError:
        sys.modules.pop("msgspec", None)  # a version that insists
    finally:
        del sys.modules["typing_extensions"]


_import_msgspec()

from msgspec import Struct, field  # noqa: E402
from msgspec.structs import asdict, replace  # noqa: E402

__all__ = ["Record", "asdict", "replace"]


@dataclass_transform(frozen_default=True, order_default=True, field_specifiers=(field,))
class Record(Struct, frozen=True, order=True):
    """The base of every such class."""
