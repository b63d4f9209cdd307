"""The AegisX tree as Kustomize composes it, held against the migration guide."""

from __future__ import annotations

import pytest
import yaml
from tests.conftest import ROOT, aegisgen
from tests.processes import composed as objects_in
from tests.processes import printed
from tests.tools import available, need

pytestmark = pytest.mark.tools

GUIDE_ENVIRONMENT = {
    "DATABASE_HOST": "ConfigMap",
    "DATABASE_PORT": "ConfigMap",
    "DATABASE_USER": "ConfigMap",
    "DATABASE_NAME": "ConfigMap",
    "DATABASE_PASSWORD": "Secret",
    "NODE_ENV": "production",
}


@pytest.fixture(params=available(["kustomize build", "kubectl kustomize"]))
def composed(request):
    """Compose an environment's overlay of the repository's own tree."""

    return lambda environment: objects_in(request.param.split(), ROOT / "argocd/overlays" / environment / "api")


def origin_of(entry: dict) -> str:
    source = entry.get("valueFrom", {})
    if "configMapKeyRef" in source:
        return "ConfigMap"
    return "Secret" if "secretKeyRef" in source else entry["value"]


def guide_environment(container: dict) -> dict[str, str]:
    return {entry["name"]: origin_of(entry) for entry in container["env"] if entry["name"] in GUIDE_ENVIRONMENT}


def test_staging_migrates_in_an_init_container_before_the_application(composed) -> None:
    pod = composed("staging")["Deployment/staging-aegisx-api"]["spec"]["template"]["spec"]
    (migration,) = pod["initContainers"]
    (application,) = pod["containers"]
    assert (migration["name"], application["name"]) == ("db-migration", "api")
    assert migration["image"] == application["image"]
    assert guide_environment(migration) == GUIDE_ENVIRONMENT
    configs = {entry["valueFrom"]["configMapKeyRef"]["name"] for entry in migration["env"][:4]}
    assert configs == {"staging-aegisx-api-config"}


def test_production_migrates_in_a_presync_job(composed) -> None:
    found = composed("production")
    job = found["Job/production-aegisx-api-migration"]
    annotations = job["metadata"]["annotations"]
    assert annotations["argocd.argoproj.io/hook"] == "PreSync"
    assert annotations["argocd.argoproj.io/hook-delete-policy"] == "BeforeHookCreation"
    assert annotations["argocd.argoproj.io/sync-wave"] == "-1"
    assert job["spec"]["backoffLimit"] == 3
    assert job["spec"]["ttlSecondsAfterFinished"] == 604800
    assert job["spec"]["activeDeadlineSeconds"] > 0
    pod = job["spec"]["template"]["spec"]
    assert pod["restartPolicy"] == "Never"
    assert pod["imagePullSecrets"] == [{"name": "ghcr-secret"}]
    (container,) = pod["containers"]
    assert guide_environment(container) == GUIDE_ENVIRONMENT
    (application,) = found["Deployment/production-aegisx-api"]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == application["image"]
    assert found["Deployment/production-aegisx-api"]["spec"]["replicas"] == 3


def test_every_configmap_that_the_job_reads_is_a_hook_of_an_earlier_wave(composed) -> None:
    found = composed("production")
    job = found["Job/production-aegisx-api-migration"]
    (container,) = job["spec"]["template"]["spec"]["containers"]
    names = {
        entry["valueFrom"]["configMapKeyRef"]["name"] for entry in container["env"] if origin_of(entry) == "ConfigMap"
    }
    assert names
    for name in names:
        annotations = found[f"ConfigMap/{name}"]["metadata"]["annotations"]
        assert annotations["argocd.argoproj.io/hook"] == "PreSync"
        assert int(annotations["argocd.argoproj.io/sync-wave"]) < -1


def test_the_migration_reads_what_the_application_reads(composed) -> None:
    found = composed("production")
    own = found["ConfigMap/production-aegisx-api-migration-config"]["data"]
    shared = found["ConfigMap/production-aegisx-api-config"]["data"]
    assert own == {key: shared[key] for key in own}


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_both_engines_find_nothing_in_it(composed, environment, tmp_path) -> None:
    need("kubeconform")
    file = tmp_path / "composed.yaml"
    file.write_text(yaml.safe_dump_all(composed(environment).values()))
    location = ROOT / "schemas/kubernetes/v1.34/{{.ResourceKind}}{{.KindSuffix}}.json"
    printed(["kubeconform", "-strict", "-schema-location", str(location), "-summary", str(file)])
    for engine in ("aegisgen", "kubeconform"):
        outcome = aegisgen("validate", str(file), "--engine", engine)
        assert "V00" not in outcome.out


def test_the_repository_keeps_its_own_tree_from_drifting(monkeypatch) -> None:
    monkeypatch.chdir(ROOT)
    outcome = aegisgen("check", "--all")
    assert outcome.code == 0, outcome.out
    assert "error" not in outcome.out
