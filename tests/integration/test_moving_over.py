"""A tree rendered before the scripts were files of a component: one render moves it over, and Argo CD sees the same hooks."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path

import pytest
import yaml
from tests.conftest import ROOT, aegisgen
from tests.processes import composed
from tests.trees import put, replace

from aegisgen.project.rendered import load_templates, resolve_texts
from aegisgen.render.files import render, runner

pytestmark = pytest.mark.tools

BEFORE = ROOT / "tests/fixtures/before-component"
CONFIG_MAP = "aegisx-api-migration-runner"
MOUNTS = [{"name": "migration-runner", "mountPath": "/migration-runner", "readOnly": True}]
# What the scripts of steps got as variables, and get as arguments.
ARGUMENTS_NOW = {
    ("backup", "dump"): {"BACKUP_DIR", "SERVICE"},
    ("backup", "upload"): {"BACKUP_DIR", "SERVICE", "S3_FOLDER"},
    ("checks", "sql-checks"): {"SQL_1", "EQUALS_1", "SQL_2"},
    ("dry-run", "load"): {"COPY_DIR"},
}
# The dry run comes first, so that the gate asks when there is something to see, and the backup is no older than the answer.
SYNC_NOW = {
    "baseline": "PreSync, -4, BeforeHookCreation",
    "dry-run": "PreSync, -4, BeforeHookCreation",
    "approval": "PreSync, -3, BeforeHookCreation",
    "backup": "PreSync, -2, BeforeHookCreation",
    "confirm": "PostSync, 100, BeforeHookCreation",  # after all others
}
# What every step got that tells: the addresses of the webhooks.
TELLS_NOW = {"backup": ("dump", "upload"), "checks": ("sql-checks", "command-checks"), "dry-run": ("load", "dry-run")}
HOOK, WAVE, POLICY = (f"argocd.argoproj.io/{name}" for name in ("hook", "sync-wave", "hook-delete-policy"))

MOVED = """\
created   argocd/components/migration-runner/ (23 files)
removed   argocd/overlays/production/api/checks-job.yaml
updated   argocd/overlays/production/api/kustomization.yaml
unchanged argocd/overlays/production/api/migration-config.yaml
updated   argocd/overlays/production/api/migration-job.yaml
created   argocd/overlays/production/api/migration-runner/kustomization.yaml
unchanged argocd/overlays/production/api/service-account.yaml
updated   argocd/overlays/staging/api/deployment-patch.yaml
updated   argocd/overlays/staging/api/kustomization.yaml
created   argocd/overlays/staging/api/migration-runner/kustomization.yaml
"""

Compose = Callable[[str], dict[str, dict]]


@pytest.fixture
def old(project: Path) -> Path:
    """The AegisX tree as it was rendered before."""
    shutil.rmtree(project / "components")
    for folder in project.glob("overlays/*/*/migration-runner"):
        shutil.rmtree(folder)
    shutil.copytree(BEFORE / "overlays", project / "overlays", dirs_exist_ok=True)
    return project


@pytest.fixture
def compose(kustomize: tuple[str, ...]) -> Compose:
    """Composes a service's overlay of the working directory's project, by environment and service."""
    return lambda overlay: composed(kustomize, Path("argocd/overlays", overlay))


def pod(resource: dict) -> dict:
    """Return the spec of an object's pods; empty where it has none."""
    return resource.get("spec", {}).get("template", {}).get("spec", {})


def containers(resource: dict) -> Iterator[dict]:
    """Yield the containers of an object's pods, in the order in which they start."""
    yield from (*pod(resource).get("initContainers", ()), *pod(resource).get("containers", ()))


def mounts_scripts(resource: dict) -> str | None:
    """Return the ConfigMap that an object's pods have at /migration-runner; None: they have no scripts."""
    volumes = (volume for volume in pod(resource).get("volumes", ()) if volume["name"] == "migration-runner")
    return next((volume["configMap"]["name"] for volume in volumes), None)


def without_what_runs(resource: dict) -> dict:
    """Return an object without the words that migrate and the volume that they are read from."""
    rest = deepcopy(resource)
    for container in containers(rest):
        if container["name"] in {"db-migration", "migration"}:
            for field in ("command", "args", "volumeMounts"):
                container.pop(field, None)
    pod(rest).pop("volumes", None)
    return rest


def facts(resource: dict) -> dict:
    """Return of a Job what decides when and how Argo CD and the kubelet run it, but not what."""
    spec, annotations = resource["spec"], resource["metadata"]["annotations"]
    return {
        "sync": ", ".join(annotations[key] for key in (HOOK, WAVE, POLICY)),
        "job": {key: value for key, value in spec.items() if key != "template"},
        "pod": {key: value for key, value in pod(resource).items() if not key.endswith(("ontainers", "volumes"))},
        "containers": {container["name"]: _facts_of(container) for container in containers(resource)},
    }


def _facts_of(container: dict) -> dict:
    env = {entry["name"]: _source(entry) for entry in container.get("env", ())}
    kept = ("image", "imagePullPolicy", "restartPolicy", "resources", "terminationMessagePolicy")
    return {key: container[key] for key in kept if key in container} | {"env": env}


def _source(entry: dict) -> str:
    """Return where a variable's value comes from, or the value."""
    for reference in entry.get("valueFrom", {}).values():
        return " ".join(map(str, reference.values()))
    return str(entry["value"])


def test_one_render_brings_the_whole_tree_to_its_new_shape(old: Path, kustomize: tuple[str, ...]) -> None:
    orphan = old / "overlays/production/api/checks-job.yaml"
    put(old, {"overlays/production/api/checks-job.yaml": "# Code generated by aegisgen from x. DO NOT EDIT.\na: 1\n"})
    replace(orphan.with_name("kustomization.yaml"), "  - migration-job", "  - checks-job.yaml\n  - migration-job")
    assert aegisgen("check", "--no-compose").code == 1

    moved = aegisgen("render", "--all")
    assert moved.code == 0, moved.err
    assert moved.out == MOVED
    again = aegisgen("render", "--all", "--exit-code")
    assert (again.code, {line.split()[0] for line in again.out.splitlines()}) == (0, {"unchanged"})
    checked = aegisgen("check", "--all")
    assert (checked.code, "error" in checked.out) == (0, False), checked.out


@pytest.mark.parametrize(("environment", "migrates"), [("staging", "db-migration"), ("production", "migration")])
def test_nothing_but_the_words_that_run_and_their_volume_is_another(
    old: Path, compose: Compose, environment: str, migrates: str
) -> None:
    before = compose(f"{environment}/api")
    assert aegisgen("render", "--all").code == 0
    after = compose(f"{environment}/api")

    runners = {name: after.pop(name) for name in after.keys() - before.keys()}
    assert runners.keys() == {f"ConfigMap/{environment}-{CONFIG_MAP}"}
    assert {name: without_what_runs(resource) for name, resource in after.items()} == {
        name: without_what_runs(resource) for name, resource in before.items()
    }
    (workload,) = (resource for resource in after.values() if mounts_scripts(resource))
    assert mounts_scripts(workload) == f"{environment}-{CONFIG_MAP}"
    (migration,) = (container for container in containers(workload) if container["name"] == migrates)
    assert migration["command"] == ["/bin/sh", "/migration-runner/run.sh"]
    assert migration["volumeMounts"] == MOUNTS


@pytest.mark.usefixtures("full")
def test_no_hook_of_the_whole_pipeline_is_another(compose: Compose) -> None:
    before = yaml.safe_load((BEFORE / "pipeline.yaml").read_text())
    expected = {name.removeprefix("production-aegisx-api-"): job for name, job in before.items()}
    for (job, container), names in ARGUMENTS_NOW.items():
        env = expected[job]["containers"][container]["env"]
        assert names <= env.keys()
        for name in names:
            del env[name]
    for job, sync in SYNC_NOW.items():
        expected[job]["sync"] = sync
    baseline = expected["baseline"]
    webhooks = {
        name: value for name, value in baseline["containers"]["baseline"]["env"].items() if name.endswith("_URL")
    }
    for job, names in TELLS_NOW.items():
        for name in names:
            expected[job]["containers"][name]["env"] |= webhooks
    # The gate records who approved, and a Job of the Sync phase that the rollout began: as the baseline does.
    records = baseline["containers"]["baseline"]
    by = {"AEGISGEN_ACTOR": "metadata.annotations['aegisgen.dev/approved-by']"}
    expected["approval"]["containers"] = {"approved": records | {"env": records["env"] | by}}
    expected["approval"]["pod"] = baseline["pod"]
    expected["rollout"] = baseline | {"sync": "Sync, -100, BeforeHookCreation", "containers": {"rollout": records}}

    assert aegisgen("render", "--all").code == 0
    jobs = [resource for resource in compose("production/api").values() if resource["kind"] == "Job"]
    assert {job["metadata"]["name"].removeprefix("production-aegisx-api-"): facts(job) for job in jobs} == expected


@pytest.mark.parametrize("tree", ["project", "full"])
def test_the_scripts_are_there_before_every_job_that_runs_them(
    request: pytest.FixtureRequest, compose: Compose, tree: str
) -> None:
    request.getfixturevalue(tree)
    assert aegisgen("render", "--all").code == 0
    objects = compose("production/api")
    runner_annotations = objects[f"ConfigMap/production-{CONFIG_MAP}"]["metadata"]["annotations"]
    phases = "PreSync,SyncFail" if tree == "full" else "PreSync"  # where a rollback is automatic it needs them too
    wave = "-5" if tree == "full" else "-4"  # a gate moves the dry run before it, and so what it needs
    assert runner_annotations == {HOOK: phases, POLICY: "BeforeHookCreation", WAVE: wave}
    jobs = [resource for resource in objects.values() if mounts_scripts(resource)]
    assert len(jobs) == (9 if tree == "full" else 1)
    for job in jobs:
        assert mounts_scripts(job) == f"production-{CONFIG_MAP}"
        annotations = job["metadata"]["annotations"]
        assert annotations[HOOK] != "PreSync" or int(annotations[WAVE]) > int(runner_annotations[WAVE])


@pytest.mark.usefixtures("project")
def test_in_staging_the_scripts_are_no_hook_and_keep_their_name(compose: Compose) -> None:
    """Pods of the release before mount the object by this name while a rollout fails."""
    assert aegisgen("render", "--all").code == 0
    config_map = compose("staging/api")[f"ConfigMap/staging-{CONFIG_MAP}"]
    assert "annotations" not in config_map["metadata"]
    replace(Path("argocd/components/migration-runner/run.sh"), "set -eu", "set -eux")
    assert compose("staging/api")[f"ConfigMap/staging-{CONFIG_MAP}"]["data"] != config_map["data"]


@pytest.mark.usefixtures("small_fleet")
@pytest.mark.parametrize("environment", ["staging", "production"])
def test_two_services_of_one_namespace_have_an_object_each(compose: Compose, environment: str) -> None:
    for service in ("alpha", "beta"):
        objects = compose(f"{environment}/{service}")
        names = [name for name in objects if name.endswith("-migration-runner")]
        assert names == [f"ConfigMap/{environment}-{service}-migration-runner"]
        assert objects[names[0]]["metadata"]["namespace"] == environment
        mounted = {mounts_scripts(resource) for resource in objects.values()} - {None}
        assert mounted == {f"{environment}-{service}-migration-runner"}


@pytest.mark.parametrize("folder", ["argocd", "tests/fixtures/full/argocd"])
def test_a_job_and_a_patch_read_in_a_minute(folder: str) -> None:
    texts = {file: (ROOT / folder / file).read_text() for file in project_files(ROOT / folder)}
    for target in resolve_texts(texts):
        rendered = render(target, load_templates(None)).files
        for file, most in {"migration-job.yaml": 130, "deployment-patch.yaml": 110}.items():
            assert len(rendered.get(file, "").splitlines()) <= most
        # Argo CD reads the templates of its notifications from texts in a ConfigMap.
        texts_in = {file for file, text in rendered.items() if "|\n" in text}
        assert texts_in <= {"argocd-notifications.yaml"}, "a script in a manifest"


def project_files(folder: Path) -> list[str]:
    """Return the paths of a project's own files below its folder."""
    return ["aegisgen.yaml", *(f"profiles/{file.name}" for file in sorted((folder / "profiles").iterdir()))]


def test_three_hundred_services_are_at_most_ninety_thousand_lines() -> None:
    folder = ROOT / "argocd"
    texts = {file: yaml.safe_load((folder / file).read_text()) for file in project_files(folder)}
    for data in (texts["aegisgen.yaml"], *(texts[file]["spec"] for file in texts if file != "aegisgen.yaml")):
        data["services"] = {f"api-{number}": data["services"]["api"] for number in range(300)}
    templates = load_templates(None)
    targets = resolve_texts({file: yaml.safe_dump(data) for file, data in texts.items()})
    overlays = [runner(templates), *(render(target, templates) for target in targets)]
    lines = sum(len(text.splitlines()) for overlay in overlays for text in (*overlay.files.values(), overlay.starter))
    assert len(overlays) == 601
    assert lines <= 90_000
