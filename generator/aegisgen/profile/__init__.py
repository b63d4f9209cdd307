"""The user's input: types, files, and the complete record they resolve to."""

from __future__ import annotations

import sys


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
