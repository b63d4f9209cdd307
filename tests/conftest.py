"""What many tests share: a project of their own to work on, and the command line without a new process."""

from __future__ import annotations

import atexit
import errno
import io
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, settings

from tests.fixture_app import app, quick_app
from tests.postgres import copy, database, postgres, supply
from tests.quick_files import use_memory
from tests.servers import run, server, servers, shared_servers
from tests.shells import shell
from tests.small_fleet import fleet_origin, small_fleet
from tests.tools import INSTALL, missing
from tests.webhooks import receiver

__all__ = [
    "app",
    "copy",
    "database",
    "fleet_origin",
    "postgres",
    "quick_app",
    "run",
    "server",
    "servers",
    "shared_servers",
]
__all__ += ["receiver", "shell", "small_fleet", "supply"]

ROOT = Path(__file__).resolve().parents[1]

use_memory()
os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="aegisgen-cache-")
atexit.register(shutil.rmtree, os.environ["XDG_CACHE_HOME"], ignore_errors=True)
os.environ["AEGISGEN_TRACEBACK"] = "1"  # a defect must fail a test, not become a message
# Fresh tools land here (.ci/run); a machine's own come first.
os.environ["PATH"] = os.pathsep.join(
    [os.environ.get("PATH", os.defpath), str(ROOT / ".tools" / "bin"), str(Path(sys.executable).parent)]
)
# A shell that starts the tests in the background has them, and all that they start, ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The machine's other work must not fail a property; hypothesis' own database would make runs differ.
settings.register_profile(
    "repeatable", deadline=None, database=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("repeatable")


def pytest_xdist_auto_num_workers() -> int:
    """Return one worker more than there are processors: a third of the time is spent waiting for programs and locks."""
    return (os.cpu_count() or 1) + 1


def disk_is_full() -> None:
    """Raise what writing to a full disk raises."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip the longest tests unless -m names them; begin with what takes long, since short tests fill the end."""
    for marker in ("fuzz", "long"):
        if marker not in config.option.markexpr:
            skip = pytest.mark.skip(reason=f"{marker}: run with -m {marker}")
            for item in items:
                if item.get_closest_marker(marker):
                    item.add_marker(skip)
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


class Outcome(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


def aegisgen(*arguments: str) -> Outcome:
    """Run the command line in this process, as a shell would see it."""
    from aegisgen.__main__ import command
    from aegisgen.cli.ending import run
    from aegisgen.files import confine

    out, err = io.StringIO(), io.StringIO()
    before = sys.argv, sys.stdout, sys.stderr
    sys.argv, sys.stdout, sys.stderr = ["aegisgen", *arguments], out, err
    try:
        run(command)
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else 1
    finally:
        sys.argv, sys.stdout, sys.stderr = before
        confine(None)
    return Outcome(code, out.getvalue(), err.getvalue())


def refusal(*arguments: str) -> str:
    """Run a command line that must be refused, and return what is said of it."""
    outcome = aegisgen(*arguments)
    assert (outcome.code, outcome.out) == (2, ""), outcome
    return outcome.err


Cli = Callable[..., Outcome]
"""What the fixture `cli` is."""


@pytest.fixture
def cli() -> Cli:
    """The command line, run in this process and in the test's working directory."""
    return aegisgen


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the AegisX tree; the working directory is its parent, and this is its `argocd` folder."""
    shutil.copytree(ROOT / "argocd", tmp_path / "argocd")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "argocd"


@pytest.fixture
def full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the project with everything on, not yet rendered; the working directory is its parent."""
    shutil.copytree(ROOT / "tests/fixtures/full/argocd", tmp_path / "project/argocd")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project/argocd"


@pytest.fixture
def no_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither PATH nor this environment has a program."""
    monkeypatch.setenv("PATH", str(tmp_path / "no-tools"))
    monkeypatch.setattr("aegisgen.bundle.WHEELS", str(tmp_path / "no-tools"))


@pytest.fixture
def kustomize() -> tuple[str, ...]:
    """The command that composes a directory; the test is skipped where there is none."""
    from aegisgen.kube.compose import composer

    command = composer()
    return command or missing("kustomize", INSTALL["kustomize"])
