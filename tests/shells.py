"""The shells that rendered scripts must run in, and shellcheck, which must have no objection to them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools import available

SHELLS = available(["dash", "busybox sh"]) or ["sh"]
FIRST = [SHELLS[0], *(pytest.param(shell, marks=pytest.mark.long) for shell in SHELLS[1:])]
"""The first shell, for what another test runs in all of them; the others with `-m long`."""
IN_ONE_SHELL = pytest.mark.parametrize("shell", FIRST, indirect=True)


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> list[str]:
    """Each shell that must run the scripts."""
    return request.param.split()


def objections(script: str, shell: str = "sh", *options: str) -> str:
    """Return what shellcheck, a development dependency, says of a script; empty: nothing."""
    command = [Path(sys.executable).with_name("shellcheck"), "--norc", f"--shell={shell}", *options, "-"]
    done = subprocess.run(command, input=script, capture_output=True, text=True, check=False)
    return done.stdout or done.stderr or ("" if done.returncode == 0 else f"it ended with {done.returncode}")
