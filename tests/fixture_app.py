"""The application of tests/fixtures/app, installed: what the image would hold."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.tools import need
from tests.trees import executable

ROOT = Path(__file__).resolve().parents[1]
APP = ROOT / "tests/fixtures/app"


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fixture application, installed; `shim` in it has an npm that starts faster than the real one."""
    folder = tmp_path_factory.mktemp("app") / "app"
    shutil.copytree(APP, folder)
    (folder / "node_modules").symlink_to(_modules())
    cases = "\n".join(f"{name}) exec {command} ;;" for name, command in _quick_scripts().items())
    executable(folder / "shim/npm", f"case $2 in\n{cases}\nesac\nexit 1")
    return folder


@pytest.fixture(scope="session")
def quick_app(app: Path) -> Path:
    """The same, with package scripts that call Knex's API: its command line takes twice as long to start."""
    folder = app.with_name("quick")
    shutil.copytree(app, folder, symlinks=True)
    package = json.loads((APP / "package.json").read_text()) | {"scripts": _quick_scripts()}
    (folder / "package.json").write_text(json.dumps(package))
    return folder


def _quick_scripts() -> dict[str, str]:
    scripts: dict[str, str] = json.loads((APP / "package.json").read_text())["scripts"]
    return {name: command.replace("knex ", "node scripts/knex.js ", 1) for name, command in scripts.items()}


def _modules() -> Path:
    """Install the application's packages once for all sessions; outside of it, so that it stays as it is in git."""
    need("npm", "node")
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
