"""Folders of files that tests write and compare."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import yaml


def put(folder: Path, files: Mapping[str, str | bytes]) -> None:
    """Write files, and the folders that they need, below a folder."""
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)


def contents(folder: Path) -> dict[str, bytes]:
    """Return what each file below a folder holds."""
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def replace(file: Path, old: str, new: str) -> None:
    """Replace the first `old` in a file, which must have one."""
    text = file.read_text()
    assert old in text, f"{file}: no {old!r}"
    file.write_text(text.replace(old, new, 1))


@contextmanager
def edited(file: Path) -> Iterator[dict]:
    """Give what a YAML file holds, and write what has become of it."""
    data = yaml.safe_load(file.read_text())
    yield data
    file.write_text(yaml.safe_dump(data, sort_keys=False, allow_unicode=True))


def executable(file: Path, body: str = "") -> Path:
    """Write a script of the shell that can be called; return it."""
    put(file.parent, {file.name: f"#!/bin/sh\n{body}\n"})
    file.chmod(0o755)
    return file


def paths(data: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the paths of all that is in plain data, from the outside to the inside."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from paths(value, (*path, key))
