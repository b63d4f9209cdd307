"""The whole-or-nothing way to write: build a copy of the directory beside it, then let the two change places.

The stage holds at most
    .gitignore      so that git never shows a stage that a killed run left behind
    tree/           the copy; after the swap, what the directory was before
    plan.json       which files were copied, to tell whether somebody saved one while the copy was made
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from posixpath import commonpath, dirname
from typing import TYPE_CHECKING, NamedTuple

from aegisgen.errors import TreeError
from aegisgen.tree import disk
from aegisgen.tree.content import STAGE, Change, locate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_TREE = "tree"
_PLAN = "plan.json"


class _Plan(NamedTuple):
    """What the copy was made from. Stamps tell one version of a file from another without reading it."""

    directory: str
    inode: int
    """Of the directory that is to be replaced: the stage holds it if, and only if, the swap has happened."""
    before: dict[str, list[int]]
    after: dict[str, list[int]]


def swap(root: Path, changes: Sequence[Change], verify: Callable[[], None]) -> bool:
    """Apply the changes in one step; False where that is not possible here, and then nothing has changed.

    `verify` is called right before that step and raises where the files are no longer what the changes start from.
    `settle` has to follow, whether this returns or raises.
    """
    directory = commonpath([dirname(change.path) for change in changes])
    try:
        if (root / directory).is_dir():
            return _replace(root, directory, changes, verify)
        _bring_in(root, directory, changes, verify)
    except OSError as error:
        if error.errno in disk.UNSUITABLE:
            return False
        raise
    return True


def _bring_in(root: Path, directory: str, changes: Sequence[Change], verify: Callable[[], None]) -> None:
    """A directory that does not exist yet comes with all its files in one rename."""
    while not (root / dirname(directory)).is_dir():
        directory = dirname(directory)
    copy = root / STAGE / _TREE
    copy.mkdir()
    _fill(copy, _below(directory, changes), {})
    verify()
    copy.rename(root / directory)
    _sync_parent(root / directory)


def _replace(root: Path, directory: str, changes: Sequence[Change], verify: Callable[[], None]) -> bool:
    copy = root / STAGE / _TREE
    while True:
        if not directory or _holds_working_directory(root / directory):
            return False  # the lock is on the root itself; and nobody wants to find himself in a deleted directory
        plan = _copy(root, directory, _below(directory, changes))
        if any(copy.iterdir()):
            break
        copy.rmdir()  # everything in it goes, so the directory goes too
        directory = dirname(directory)
    _save_plan(root / STAGE, plan)
    verify()
    disk.exchange(root / directory, copy)
    _sync_parent(root / directory)
    return True


def _sync_parent(directory: Path) -> None:
    with suppress(OSError):  # the change has happened already
        disk.sync(directory.parent)


def _below(directory: str, changes: Sequence[Change]) -> dict[str, bytes | None]:
    return {change.path.removeprefix(directory + "/"): change.after for change in changes}


def _holds_working_directory(directory: Path) -> bool:
    try:
        return Path.cwd().is_relative_to(directory.resolve())
    except FileNotFoundError:  # the working directory is gone already
        return False


def _copy(root: Path, directory: str, wanted: Mapping[str, bytes | None]) -> _Plan:
    """Build the directory as it shall be. Files that do not change are the same files: hard links, not copies."""
    source, copy = root / directory, root / STAGE / _TREE
    device, inode = source.stat().st_dev, source.stat().st_ino
    copy.mkdir()
    directories = [""]
    before: dict[str, os.stat_result] = {}
    for path, status in disk.walk(source):
        if status.st_dev != device:  # a mount would move along, and be deleted with the stage
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(source / path))
        if stat.S_ISDIR(status.st_mode):
            (copy / path).mkdir()
            directories.append(path)
            continue
        before[path] = status
        if path in wanted:
            continue
        if stat.S_ISLNK(status.st_mode):
            (copy / path).symlink_to(os.readlink(source / path))  # noqa: PTH115  # Path would tidy the target
        else:
            (copy / path).hardlink_to(source / path)
    _fill(copy, wanted, before)
    for path in reversed(directories):  # children first: a mode may forbid to write into a directory
        if (copy / path).is_dir():
            _dress(copy / path, like=source / path)
    return _Plan(
        directory,
        inode,
        {path: _stamp(status) for path, status in before.items()},
        {path: _stamp(status) for path, status in disk.walk(copy)},
    )


def _fill(copy: Path, wanted: Mapping[str, bytes | None], before: Mapping[str, os.stat_result]) -> None:
    for path, content in wanted.items():
        if content is not None:
            (copy / path).parent.mkdir(parents=True, exist_ok=True)
            disk.create(copy / path, content, before.get(path))
    for path, content in wanted.items():
        if content is None:
            disk.remove_empty(copy, path)
    disk.sync(copy)
    for path, status in disk.walk(copy):
        if stat.S_ISDIR(status.st_mode):
            disk.sync(copy / path)


def _dress(directory: Path, *, like: Path) -> None:
    """Give a directory the owner, mode and extended attributes (access control lists are some) of another."""
    import shutil  # noqa: PLC0415

    status, own = like.stat(), directory.stat()
    if (status.st_uid, status.st_gid) != (own.st_uid, own.st_gid):
        os.chown(directory, status.st_uid, status.st_gid)
    shutil.copystat(like, directory)
    os.utime(directory)  # git's untracked cache trusts a directory's time


def _stamp(status: os.stat_result) -> list[int]:
    return [status.st_ino, status.st_size, status.st_mtime_ns]


def settle(root: Path) -> None:
    """Finish or undo whatever stands in the stage, and remove it. Safe to repeat, and after a kill at any moment.

    Before the swap the stage is a draft, and goes. After it, the stage is the old directory: a file in it that differs
    from what was copied was saved by somebody in the meantime, and that version goes to the new directory - unless
    the file there has been saved once more since. Raises OSError, and TreeError where a link has come in the way.
    """
    stage = root / STAGE
    try:
        if not stat.S_ISDIR(stage.lstat().st_mode):
            raise TreeError(f"{stage} is not a directory; aegisgen needs that name, move the file away")
    except FileNotFoundError:
        return
    plan = _load_plan(stage)
    if plan is not None:
        _carry_over(root, plan)
    for entry in sorted(stage.iterdir(), reverse=True):  # .gitignore last, so that git never shows the rest
        disk.remove(entry)
    stage.rmdir()


def _carry_over(root: Path, plan: _Plan) -> None:
    for path, status in disk.walk(root / STAGE / _TREE):
        if stat.S_ISDIR(status.st_mode) or _stamp(status) == plan.before.get(path):
            continue
        place = f"{plan.directory}/{path}"
        there = locate(root, place)
        if (_stamp(there) if there else None) == plan.after.get(path):
            (root / place).parent.mkdir(parents=True, exist_ok=True)
            (root / STAGE / _TREE / path).replace(root / place)


def _save_plan(stage: Path, plan: _Plan) -> None:
    import json  # noqa: PLC0415

    disk.create(stage / _PLAN, json.dumps(plan).encode())
    disk.sync(stage)


def _load_plan(stage: Path) -> _Plan | None:
    """Return the plan of a swap that has happened, else None."""
    import json  # noqa: PLC0415

    try:
        directory, inode, before, after = json.loads((stage / _PLAN).read_bytes())
        plan = _Plan(str(directory), int(inode), dict(before), dict(after))
        return plan if (stage / _TREE).lstat().st_ino == plan.inode else None
    except (FileNotFoundError, ValueError, TypeError):  # killed before the plan was whole, and so before the swap
        return None
