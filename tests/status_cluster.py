"""What the tests of `aegisgen status` share: the recorded situations, and a kubectl that answers from them."""

from __future__ import annotations

import functools
import json
import shlex
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from aegisgen.kube.compose import compose
from tests.conftest import ROOT, Outcome, aegisgen
from tests.trees import executable

FOLDER = ROOT / "tests/fixtures/status"
STATES = sorted(path.name for path in (FOLDER / "states").iterdir())
NOW = datetime(2026, 11, 22, 15, 0, 0, tzinfo=UTC)
"""The moment in which every situation was written down."""
_compose = functools.cache(compose)


class Cluster(NamedTuple):
    """A cluster in one situation after the other."""

    project: Path
    calls: Path
    state: Path

    def at(self, state: str) -> None:
        """Let the cluster be in another situation."""
        shutil.rmtree(self.state, ignore_errors=True)
        folder = FOLDER / "states" / state
        shutil.copytree(folder, self.state) if folder.is_dir() else self.state.mkdir()

    def status(self, *arguments: str) -> Outcome:
        """Run `aegisgen status`."""
        return aegisgen("status", *arguments, "--project", str(self.project / "aegisgen.yaml"))

    def asked(self) -> list[list[str]]:
        """Every command line that kubectl was called with."""
        return [json.loads(line) for line in self.calls.read_text().splitlines()] if self.calls.exists() else []


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kustomize: tuple[str, ...]) -> Cluster:
    """The project, a kubectl on PATH that answers from a recorded situation, and that situation's time."""
    import os

    from aegisgen.commands import status
    from aegisgen.project import composed

    found = Cluster(FOLDER / "argocd", tmp_path / "calls", tmp_path / "state")
    answers = shlex.join([sys.executable, "-ISE", str(FOLDER / "kubectl.py")])
    stand_in = executable(tmp_path / "bin/kubectl", f'exec {answers} "$@"')
    # Where there is no kustomize, kubectl composes: the real one, and once for all tests.
    monkeypatch.setattr("aegisgen.kube.compose.composer", lambda: kustomize)
    monkeypatch.setattr(composed, "compose", _compose)
    monkeypatch.setattr(status, "_now", lambda: NOW)
    monkeypatch.setenv("KUBECTL_STATE", str(found.state))
    monkeypatch.setenv("KUBECTL_CALLS", str(found.calls))
    monkeypatch.setenv("PATH", f"{stand_in.parent}{os.pathsep}{os.environ['PATH']}")
    return found
