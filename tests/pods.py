"""Rendered migration containers as processes, with the fixture application in place of the image."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
import yaml

from tests.conftest import ROOT, aegisgen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

APP = ROOT / "tests/fixtures/app"
LINE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ step=(\S+)(?: set=(\S+))? outcome=(\S+)")


class Ended(NamedTuple):
    """How a container ended."""

    code: int
    log: str
    message: str
    """What `kubectl describe` would show."""

    @property
    def steps(self) -> list[tuple[str, str]]:
        """The steps with their outcomes."""
        return [(match[1], match[3]) for line in self.log.splitlines() if (match := LINE.match(line))]


class Pod:
    """A container that has been started; the leader of a process group, as it would be the first of a PID namespace."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], folder: Path) -> None:
        self._message = Path(tempfile.mkstemp(prefix="termination-")[1])
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the container has ended
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env={**env, "TERMINATION_LOG": str(self._message)},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def kill(self) -> None:
        """SIGKILL the group, as an eviction or the OOM killer would."""
        os.killpg(self.process.pid, signal.SIGKILL)

    def end(self, timeout: float = 60) -> Ended:
        """Wait for the end of the container."""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        self._log.seek(0)
        with self._log:
            log = self._log.read().decode()
        message = self._message.read_text()
        self._message.unlink()
        return Ended(code, log, message)


def container(environment: str) -> dict:
    """Return the migration container that the working directory's project renders for an environment."""
    rendered = aegisgen("render", environment, "--stdout")
    assert rendered.code == 0, rendered.err
    for document in yaml.safe_load_all(rendered.out):
        pod = (document.get("spec") or {}).get("template", {}).get("spec", {})
        for found in [*pod.get("initContainers", ()), *pod.get("containers", ())]:
            return found
    raise AssertionError(f"{environment} renders no container")


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fixture application, installed; `shim` in it has an npm that starts faster than the real one."""
    folder = tmp_path_factory.mktemp("app") / "app"
    shutil.copytree(APP, folder)
    (folder / "node_modules").symlink_to(_modules())
    scripts = json.loads((APP / "package.json").read_text())["scripts"]
    cases = "\n".join(f"{name}) exec {command} ;;" for name, command in scripts.items())
    shim = folder / "shim/npm"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nPATH="$PWD/node_modules/.bin:$PATH"\ncase $2 in\n{cases}\nesac\nexit 1\n')
    shim.chmod(0o755)
    return folder


def _modules() -> Path:
    """Install the application's packages once for all sessions; outside of it, so that it stays as it is in git."""
    if not (shutil.which("npm") and shutil.which("node")):
        pytest.skip("npm not found: install Node.js")
    lock = (APP / "package-lock.json").read_bytes()
    folder = ROOT / ".tools/fixture-app" / hashlib.sha256(lock).hexdigest()[:16]
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as name:
            fresh = Path(name) / "app"
            fresh.mkdir()
            for file in ("package.json", "package-lock.json"):
                shutil.copy(APP / file, fresh)
            command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
            done = subprocess.run(command, cwd=fresh, capture_output=True, text=True, timeout=180, check=False)
            if done.returncode != 0:
                pytest.skip(f"the npm registry does not give the fixture application's packages: {done.stderr[-300:]}")
            # Whoever is second keeps the first one's.
            if not folder.exists():
                fresh.rename(folder)
    return folder / "node_modules"
