"""Compiled templates, kept between runs: compiling them is a quarter of what a cold check costs.

They lie in the user's cache folder (`XDG_CACHE_HOME`, else `~/.cache`), one folder a version of aegisgen. Jinja knows a
template's compiled form by the checksum of its source and by the versions of Python and Jinja; a second checksum here
keeps a damaged file from being run. Where the folder cannot be used, templates are compiled as if there were no cache.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import BytecodeCache

from aegisgen import __version__

if TYPE_CHECKING:
    from jinja2.bccache import Bucket

_DIGEST_BYTES = hashlib.sha256().digest_size


class TemplateCache(BytecodeCache):
    """Reads and writes compiled templates; never fails."""

    def __init__(self, options: str) -> None:
        """`options`: what else the compiled form depends on, such as the settings of the Jinja environment."""
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111 - no error without a home
        mark = hashlib.sha256(options.encode()).hexdigest()[:12]
        self._folder = Path(base) / "aegisgen" / f"templates-{__version__}-{mark}"

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill the bucket from disk if what lies there is whole."""
        try:
            content = (self._folder / bucket.key).read_bytes()
        except OSError:
            return
        digest, code = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
        if hashlib.sha256(code).digest() == digest:
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Write the bucket beside, then into place: another run never reads half of it."""
        code = bucket.bytecode_to_string()
        part = self._folder / f"{bucket.key}.{os.getpid()}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            part.write_bytes(hashlib.sha256(code).digest() + code)
            part.replace(self._folder / bucket.key)
        except OSError:
            with suppress(OSError):
                part.unlink()
