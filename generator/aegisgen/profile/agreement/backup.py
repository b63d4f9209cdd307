"""The backup: fields that need or exclude each other."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import UNSET

from aegisgen.errors import Problem
from aegisgen.profile.layers import Layer, problem
from aegisgen.profile.steps.backup import Backup, BackupS3
from aegisgen.profile.steps.job import wanted
from aegisgen.profile.target import Target


def problems(target: Target, layers: list[Layer]) -> Iterator[Problem]:
    """Yield what is wrong with a backup beyond its types."""
    backup = target.settings.backup
    if not wanted(backup):
        return
    if backup.volume is UNSET and backup.s3 is UNSET:
        yield problem(layers, ("backup",), "has no target, expected volume (an existing claim) or s3")
    elif backup.volume is not UNSET and backup.s3 is not UNSET:
        yield problem(layers, ("backup", "s3"), "a second target beside volume, expected one of the two")


def folder(target: Target) -> str:
    """Return the folder of a bucket that a target's backups go to: its own, unless the profile names another."""
    backup = target.settings.backup
    s3 = backup.s3 if isinstance(backup, Backup) else UNSET
    named = s3.prefix if isinstance(s3, BackupS3) else UNSET
    return named or f"{target.environment}/{target.namespace}/{target.service}"


def place(target: Target) -> tuple[str, str, str] | None:
    """Return the storage, bucket and folder of a target's backups; None where they are in a volume, or nowhere."""
    backup = target.settings.backup
    if not wanted(backup) or not isinstance(backup.s3, BackupS3):
        return None
    return backup.s3.endpoint or "", backup.s3.bucket, folder(target)
