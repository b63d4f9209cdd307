"""The texts of an application's migrations: where a diagnosis looks for who creates what."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path, PurePosixPath

_SUFFIXES = frozenset({".js", ".cjs", ".mjs", ".ts", ".sql", ".py", ".java", ".xml", ".yaml", ".yml"})
_SKIPPED = frozenset({"node_modules", ".git", ".venv", "__pycache__", "dist", "build"})
# Names that migration tools give or ask for: a number or a date, Flyway's versions, Alembic's revisions.
_NAME = re.compile(r"(?:\d{3,}|[VUR]\d*|[0-9a-f]{12})[_.-]|migration\.sql$")
_FOLDER = re.compile(r"migrat|changelog|versions$", re.IGNORECASE)
_LARGEST_BYTES = 500_000
_MOST_FILES = 20_000


def migration_texts(app: Path) -> dict[str, str]:
    """Return what looks like a migration: its path from the application's folder, with `/`, and its text.

    What cannot be read is left out, and what is larger than anybody writes.
    """
    texts: dict[str, str] = {}
    for place, folders, files in os.walk(app):
        folders[:] = sorted(set(folders) - _SKIPPED)
        for name in sorted(files):
            file = PurePosixPath(os.path.relpath(os.path.join(place, name), app))  # noqa: PTH118
            if file.suffix in _SUFFIXES and (_NAME.match(name) or _FOLDER.search(file.parent.name)):
                with suppress(OSError):
                    path = Path(place, name)
                    if path.stat().st_size <= _LARGEST_BYTES:
                        texts[str(file)] = path.read_text(encoding="utf-8", errors="replace")
        if len(texts) >= _MOST_FILES:
            break
    return texts
