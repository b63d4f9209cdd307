"""A place for rehearsals that tests begin and end, and the wait for what their processes do."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def own_registry(monkeypatch: pytest.MonkeyPatch, parent: str | None = None) -> Iterator[Path]:
    """Give a registry of the test's own, which the server's account can reach: others rehearse at the same time."""
    with tempfile.TemporaryDirectory(prefix="aegisgen-registry-", dir=parent, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        monkeypatch.setenv("TMPDIR", name)
        monkeypatch.setattr(tempfile, "tempdir", name)
        yield folder / f"aegisgen-rehearsals-{os.geteuid()}"


def until(happened: Callable[[], object], what: str = "", seconds: float = 60) -> None:
    """Wait for something that other processes do; fail with `what` where it does not come."""
    give_up = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < give_up, what
        time.sleep(0.02)
