"""Programs that tests run to their end, with what they print."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

Done = subprocess.CompletedProcess[str]


def ran(
    command: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str = "",
    timeout: float = 180,
) -> Done:
    """Run a program and return how it ended."""
    return subprocess.run(
        command, cwd=cwd, env=env, input=stdin, timeout=timeout, capture_output=True, text=True, check=False
    )


def printed(command: Sequence[str | Path], *, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    """Run a program that must succeed, and return what it prints."""
    done = ran(command, cwd=cwd, env=env)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def composed(kustomize: Sequence[str], folder: Path) -> dict[str, dict]:
    """Return what Kustomize composes of a folder, by kind and name."""
    documents = yaml.safe_load_all(printed([*kustomize, folder]))
    return {f"{each['kind']}/{each['metadata']['name']}": each for each in documents}
