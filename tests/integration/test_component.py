"""The scripts of the component `migration-runner`: clean, and what a pod has mounted."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from tests.conftest import ROOT, aegisgen, refusal
from tests.pods import SCRIPTS, Pod, mounted, volume
from tests.postgres import Database
from tests.processes import composed
from tests.tools import need
from tests.trees import put, replace

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


@pytest.mark.parametrize("name", ["lock.mjs", "notify.js", "runs.mjs"])
@pytest.mark.parametrize("kind", ["commonjs", "module"])
def test_node_reads_the_programs_whatever_package_the_image_has(name: str, kind: str, tmp_path) -> None:
    """A `package.json` above the mounted folder, as an image that works in `/` has, decides what a .js file is."""
    assert {other for other in NAMES if other.endswith("js")} == {
        "compare.mjs",
        "database.mjs",
        "lock.mjs",
        "notify.js",
        "runs.mjs",
    }
    (tmp_path / "package.json").write_text(f'{{"type": "{kind}"}}')
    script = tmp_path / "migration-runner" / name
    shutil.copytree(SCRIPTS, script.parent)
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


@pytest.fixture
def in_container(shell: list[str]) -> list[str]:
    """What runs a command where /bin/sh is the shell, and the first argument a folder that nobody can write to."""
    program = need(shell[0])
    unshare = [need("unshare"), "--mount", "--map-root-user", "sh", "-c"]
    script = (
        f"""mount --bind {program} /bin/sh && mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@\""""
    )
    if subprocess.run([*unshare, "mount --bind /tmp /tmp"], check=False, capture_output=True).returncode != 0:
        pytest.skip("this machine gives no mount namespaces: unshare --mount --map-root-user fails")
    return [*unshare, script]


@pytest.fixture
def overlay(project: Path, kustomize: tuple[str, ...]) -> Callable[[str], dict[str, dict]]:
    """Composes an environment of a project whose application is the fixture's."""
    replace(project / "aegisgen.yaml", "packageManager: pnpm", "packageManager: npm")
    assert aegisgen("render", "--all").code == 0
    return lambda environment: composed(kustomize, project / f"overlays/{environment}/api")


@pytest.mark.slow
@pytest.mark.parametrize("environment", ["staging", "production"])
def test_the_composed_scripts_migrate_as_the_kubelet_mounts_them(
    environment: str, in_container: list[str], overlay: Callable[[str], dict[str, dict]], app: Path, database: Database
) -> None:
    objects = overlay(environment)
    scripts = volume(objects[f"ConfigMap/{environment}-aegisx-api-migration-runner"]["data"], Path.cwd())
    migrates = {"staging": "Deployment/staging-aegisx-api", "production": "Job/production-aegisx-api-migration"}
    pod = objects[migrates[environment]]["spec"]["template"]["spec"]
    (migration,) = pod.get("initContainers") or pod["containers"]
    env = {"PATH": f"{app / 'shim'}:{os.environ['PATH']}", "HOME": "/tmp", "NODE_ENV": "production", **database.env}

    ended = Pod([*in_container, str(scripts), *mounted(migration, scripts)], env, app).end()
    assert ended.code == 0, ended.log
    assert ("verify", "ok") in ended.steps
    assert database.ask("SELECT count(*) FROM knex_migrations") == [(3,)]


def test_the_container_has_the_shell_and_cannot_write_to_its_scripts(
    in_container: list[str], shell: list[str], tmp_path: Path
) -> None:
    """So that the test above says what it seems to."""
    scripts = volume({"run.sh": "stat -Lc %i /proc/$$/exe; : >>${0%/*}/run.sh"}, tmp_path)
    command = [*in_container, str(scripts), "/bin/sh", f"{scripts}/run.sh"]
    ended = Pod(command, {"PATH": os.environ["PATH"]}, tmp_path).end()
    assert ended.code != 0
    inode, message = ended.log.splitlines()
    assert inode == str(Path(need(shell[0])).stat().st_ino)
    assert message.endswith("Read-only file system")


class TestOwnScripts:
    """A folder that `--templates` names may have `runner/NAME`."""

    OWN = "# Code generated by aegisgen from our own. DO NOT EDIT.\nset -eu\necho \"{{ it is no template }}\" '%s'\n"

    @pytest.fixture
    def at(self, project: Path) -> list[str]:
        return ["--templates", str(project.with_name("own"))]

    def test_one_of_a_scripts_name_goes_into_the_component_as_it_is(self, project: Path, at: list[str]) -> None:
        put(Path("own"), {"runner/run.sh": self.OWN, "runner/.run.sh.swp": b"\xff", "README": "Ours."})
        outcome = aegisgen("render", "--all", *at)
        assert outcome.code == 0, outcome.err
        component = {file.name: file.read_text() for file in (project / "components/migration-runner").iterdir()}
        assert component.pop("run.sh") == self.OWN
        assert component == {name: (SCRIPTS / name).read_text() for name in NAMES if name != "run.sh"}
        put(Path("own"), {"runner/run.sh": self.OWN + ":\n"})
        assert aegisgen("check", "--no-compose", *at).code == 1
        assert "updated   argocd/components/migration-runner/run.sh" in aegisgen("render", "--all", *at).out
        assert aegisgen("check", "--no-compose", *at).code == 0

    @pytest.mark.parametrize("name", ["run.sh.j2", "own.sh", "RUN.SH", "lib/run.sh"])
    def test_one_that_nothing_runs_is_refused(self, at: list[str], name: str) -> None:
        put(Path("own"), {f"runner/{name}": self.OWN})
        message = refusal("render", "--all", *at)
        assert message.startswith(f"own/runner/{name}: the runner has no script '{name}', so that nothing would run it")
        assert message.endswith(f"expected one of: {', '.join(NAMES)}\n")

    @pytest.mark.parametrize("name", ["run.sh", "lock.mjs"])
    def test_one_that_the_next_render_would_not_know_again_is_refused(self, at: list[str], name: str) -> None:
        put(Path("own"), {f"runner/{name}": "set -eu\n"})
        line = (SCRIPTS / name).read_text().partition("\n")[0]
        assert refusal("check", *at).startswith(f"own/runner/{name}:1:1: the first line must be '{line}': ")
