"""Installations of aegisgen in environments of their own, without a package index."""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path

from tests.conftest import ROOT
from tests.processes import printed

PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]


def build_wheel(folder: Path) -> Path:
    """Make a wheel of the tree as it is."""
    printed([*PIP, "wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", folder, ROOT])
    (built,) = folder.glob("aegisgen-*.whl")
    return built


def new_environment(home: Path, wheel: Path | None = None) -> Path:
    """Make an environment with the dependencies in reach, and a wheel installed if there is one; return its Python."""
    printed([sys.executable, "-m", "venv", "--without-pip", home])
    python = home / "bin/python"
    # A .pth file lends the packages; .pth files among those are not read, so aegisgen itself is not among them.
    site = Path(printed([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]).strip())
    (site / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    if wheel:
        install = [*PIP, "--python", python, "install", "--no-deps", "--no-index", "--ignore-installed", wheel]
        printed(install, env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"})
    return python
