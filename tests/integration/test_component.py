"""The scripts of the component `migration-runner`: clean, and what a pod has mounted."""

from __future__ import annotations

import subprocess

import pytest
import yaml
from tests.conftest import ROOT
from tests.pods import SCRIPTS
from tests.tools import need

pytestmark = pytest.mark.tools

COMPONENT = ROOT / "argocd/components/migration-runner"
NAMES = sorted(file.name for file in SCRIPTS.iterdir())


def test_the_config_map_has_every_script() -> None:
    (generator,) = yaml.safe_load((SCRIPTS / "kustomization.yaml").read_text())["configMapGenerator"]
    assert sorted([*generator["files"], "kustomization.yaml"]) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_what_a_tree_has_is_what_is_tested(name: str) -> None:
    assert (COMPONENT / name).read_bytes() == (SCRIPTS / name).read_bytes()


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith(".sh")])
def test_shellcheck_has_nothing_to_say(name: str) -> None:
    done = subprocess.run(
        [need("shellcheck"), "--norc", "--external-sources", "--source-path=SCRIPTDIR", name],
        cwd=SCRIPTS,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith(".js")])
@pytest.mark.parametrize("kind", ["commonjs", "module"])
def test_node_reads_the_programs_whatever_package_the_image_has(name: str, kind: str, tmp_path) -> None:
    """A `package.json` above the mounted folder, as an image that works in `/` has, decides what a .js file is."""
    (tmp_path / "package.json").write_text(f'{{"type": "{kind}"}}')
    script = tmp_path / "migration-runner" / name
    script.parent.mkdir()
    script.write_bytes((SCRIPTS / name).read_bytes())
    done = subprocess.run(
        [need("node"), script, *["slack"] * (name == "notify.js"), "lock-key=1 2\nwait=0\nlock-timeout=1", "plan"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "require is not defined" not in done.stderr
    assert "SyntaxError" not in done.stderr
    assert ("no module pg" in done.stdout + done.stderr) == (name != "notify.js")


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith(".py")])
def test_python_reads_the_programs(name: str) -> None:
    compile((SCRIPTS / name).read_text(), name, "exec")
