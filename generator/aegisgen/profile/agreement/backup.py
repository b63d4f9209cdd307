"""The backup: fields that need or exclude each other."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import UNSET

from aegisgen.errors import Problem
from aegisgen.profile.layers import Layer, problem
from aegisgen.profile.steps.backup import Backup, BackupS3
from aegisgen.profile.target import Target


def problems(target: Target, layers: list[Layer]) -> Iterator[Problem]:
    """Yield what is wrong with a backup beyond its types."""
    backup = target.settings.backup
    if not isinstance(backup, Backup) or not backup.enabled:
        return
    if backup.volume is UNSET and backup.s3 is UNSET:
        yield problem(layers, ("backup",), "has no target, expected volume (an existing claim) or s3")
    elif backup.volume is not UNSET and backup.s3 is not UNSET:
        yield problem(layers, ("backup", "s3"), "a second target beside volume, expected one of the two")
    if isinstance(backup.s3, BackupS3) and backup.s3.secret is UNSET:
        message = "missing, expected the name of the Secret with the credentials: {name: ...}"
        yield problem(layers, ("backup", "s3", "secret"), message)
