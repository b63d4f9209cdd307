"""Rendered migration containers as processes, with the fixture application in place of the image."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import yaml

from tests.conftest import ROOT, aegisgen
from tests.trees import put

SCRIPTS = ROOT / "templates/runner"
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

    @property
    def log(self) -> str:
        """What it has written so far."""
        return os.pread(self._log.fileno(), 1_000_000, 0).decode(errors="replace")

    def kill(self) -> None:
        """SIGKILL the group, as an eviction or the OOM killer would."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._log.close()
        self._message.unlink()

    def end(self, timeout: float = 180) -> Ended:
        """Wait for the end of the container."""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        log = self.log
        self._log.close()
        message = self._message.read_text()
        self._message.unlink()
        return Ended(code, log, message)


def mounted(container: dict, scripts: Path = SCRIPTS) -> list[str]:
    """Return the words that a container runs, with the scripts of a folder where the pod has them mounted.

    The folder is the checkout's own unless another one is named.
    """
    words = [*container["command"], *container.get("args", ())]
    return [word.replace("/migration-runner/", f"{scripts}/") for word in words]


def volume(data: Mapping[str, str], folder: Path) -> Path:
    """Lay a ConfigMap's files out below a folder as the kubelet does, and return where a container has them mounted.

    They are links through `..data`, which a new version of the ConfigMap turns to another folder (Kubernetes' AtomicWriter).
    """
    version = folder / "migration-runner/..2026_01_01_00_00_00.123456789"
    put(version, data)
    mount = version.parent
    (mount / "..data").symlink_to(version.name)
    for name in data:
        (mount / name).symlink_to(f"..data/{name}")
    return mount


def container(environment: str) -> dict:
    """Return the migration container that the working directory's project renders for an environment.

    Its `command` is whole, as `mounted` has it.
    """
    rendered = aegisgen("render", environment, "--stdout")
    assert rendered.code == 0, rendered.err
    for document in yaml.safe_load_all(rendered.out):
        pod = (document.get("spec") or {}).get("template", {}).get("spec", {})
        for found in [*pod.get("initContainers", ()), *pod.get("containers", ())]:
            return found | {"command": mounted(found)}
    raise AssertionError(f"{environment} renders no container")
