"""Fields by which a profile fits a tree that others laid out: folders, names and keys of their own."""

from __future__ import annotations

import shutil

import pytest
import yaml
from tests.conftest import refusal
from tests.trees import replace


@pytest.fixture
def flat(project):
    """The AegisX tree in the layout overlays/<environment>."""
    shutil.rmtree(project / "overlays")
    replace(project / "aegisgen.yaml", "    image:", '    overlay: "deploy/{environment}"\n    image:')
    return project


@pytest.mark.tools
def test_an_overlay_lies_where_the_project_says(flat, cli, kustomize) -> None:
    outcome = cli("render", "--all")
    assert "created   argocd/deploy/staging/deployment-patch.yaml\n" in outcome.out
    assert "- ../../base/api\n" in (flat / "deploy/staging/kustomization.yaml").read_text()
    assert cli("check", "--require-tools").code == 0


def test_what_no_profile_renders_any_more_goes_there_as_well(flat, cli) -> None:
    cli("render", "--all")
    replace(flat / "profiles/production.yaml", "strategy: presync-job", "strategy: init-container")
    text = (flat / "profiles/production.yaml").read_text()
    kept = [line for line in text.splitlines() if not line.strip().startswith(("hook:", "job:"))]
    (flat / "profiles/production.yaml").write_text("\n".join(kept))
    outcome = cli("render", "production")
    assert "removed   argocd/deploy/production/migration-job.yaml\n" in outcome.out
    assert "migration-job" not in (flat / "deploy/production/kustomization.yaml").read_text()


def test_a_disabled_service_leaves_its_folder_wherever_it_is(flat, cli) -> None:
    cli("render", "--all")
    replace(flat / "profiles/staging.yaml", "      replicas: 1", "      enabled: false\n      replicas: 1")
    outcome = cli("render", "staging", "--service", "api")
    assert "removed   argocd/deploy/staging/deployment-patch.yaml\n" in outcome.out


@pytest.mark.parametrize(
    ("overlay", "message"),
    [
        ("deploy", "the same folder for all environments, expected {environment} in it"),
        ("deploy/{environment}/{team}", "braces stand for {environment} and {service} only"),
        ("profiles/{environment}", "profiles/staging is aegisgen's own, expected another folder"),
        ("../{environment}", "a path below the project's folder"),
    ],
)
def test_a_folder_that_cannot_be_is_refused(project, overlay, message) -> None:
    replace(project / "aegisgen.yaml", "    image:", f'    overlay: "{overlay}"\n    image:')
    assert message in refusal("render", "--all", "--stdout")


@pytest.mark.parametrize(
    ("folder", "message"),
    [
        ("deploy/{environment}", "deploy/staging is the folder of api in staging, expected one beside it for web"),
        ("deploy/{environment}/web", "deploy/staging/web is in deploy/staging, the folder of api in staging"),
    ],
)
def test_two_services_do_not_share_a_folder(flat, folder, message) -> None:
    text = (flat / "aegisgen.yaml").read_text()
    service = text.partition("  api:\n")[2].replace("deploy/{environment}", folder)
    (flat / "aegisgen.yaml").write_text(f"{text.rstrip()}\n  web:\n{service}")
    for file in (flat / "profiles").iterdir():
        service = file.read_text().partition("    api:\n")[2]
        file.write_text(f"{file.read_text().rstrip()}\n    web:\n{service}")
    assert message in refusal("render", "staging", "--service", "api", "--stdout")


def container_of(project, cli, name: str) -> dict:
    assert cli("render", "--all", "--force").code == 0
    pod = yaml.safe_load((project / "overlays" / name).read_text())["spec"]["template"]["spec"]
    return (pod.get("initContainers") or pod["containers"])[0]


def test_a_key_may_be_called_otherwise_than_its_variable(project, cli) -> None:
    replace(
        project / "aegisgen.yaml",
        "secret: {name: aegisx-api-secrets}",
        "secret: {name: postgres, rename: {DATABASE_PASSWORD: password.txt}}",
    )
    replace(
        project / "aegisgen.yaml",
        "config: {name: aegisx-api-config}",
        "config: {name: c, rename: {DATABASE_HOST: host}}",
    )
    env = {
        item["name"]: item.get("valueFrom")
        for item in container_of(project, cli, "staging/api/deployment-patch.yaml")["env"]
    }
    assert env["DATABASE_PASSWORD"] == {"secretKeyRef": {"name": "postgres", "key": "password.txt"}}
    assert env["DATABASE_HOST"] == {"configMapKeyRef": {"name": "c", "key": "host"}}
    env = {
        item["name"]: item.get("valueFrom")
        for item in container_of(project, cli, "production/api/migration-job.yaml")["env"]
    }
    # the Job's own ConfigMap has the variables' names
    assert env["DATABASE_HOST"] == {"configMapKeyRef": {"name": "aegisx-api-migration-config", "key": "DATABASE_HOST"}}


def test_only_a_variable_that_is_read_can_be_called_otherwise(project) -> None:
    replace(project / "aegisgen.yaml", "aegisx-api-secrets}", "aegisx-api-secrets, rename: {PGPASSWORD: p}}")
    message = refusal("render", "staging")
    assert "database.secret.rename.PGPASSWORD: PGPASSWORD is none of database.secret.keys" in message


def test_every_entry_may_become_a_variable(project, cli) -> None:
    replace(project / "aegisgen.yaml", "aegisx-api-secrets}", "aegisx-api-secrets, every: true}")
    replace(project / "aegisgen.yaml", "aegisx-api-config}", "aegisx-api-config, from: shared, every: true}")
    for name in ("staging/api/deployment-patch.yaml", "production/api/migration-job.yaml"):
        assert container_of(project, cli, name)["envFrom"] == [
            {"configMapRef": {"name": "aegisx-api-config"}},
            {"secretRef": {"name": "aegisx-api-secrets"}},
        ]


def test_the_jobs_own_config_map_has_no_other_entries(project, cli) -> None:
    replace(project / "aegisgen.yaml", "aegisx-api-config}", "aegisx-api-config, every: true}")
    assert cli("render", "staging").code == 0
    assert "database.config.every: the PreSync Job's own ConfigMap has `keys` only" in refusal("render", "production")


def test_the_job_may_have_a_name_of_its_own(project, cli) -> None:
    replace(project / "profiles/production.yaml", "job: {", "job: {name: migrate-schema, ")
    cli("render", "production")
    job = yaml.safe_load((project / "overlays/production/api/migration-job.yaml").read_text())
    assert job["metadata"]["name"] == "migrate-schema"
