"""Rendering, drift and everything that can stand between them."""

from __future__ import annotations

import json
import os
import shutil

import pytest
from tests.conftest import refusal
from tests.trees import contents, replace

from aegisgen.yaml import source
from aegisgen.yaml.nodes import read

STAGING = "argocd/overlays/staging/api"
PRODUCTION = "argocd/overlays/production/api"


def test_a_second_render_changes_nothing(project, cli) -> None:
    before = contents(project)
    first, second = cli("render", "--all"), cli("render", "--all")
    assert (first.code, second.code) == (0, 0)
    assert all(line.startswith("unchanged ") for line in second.out.splitlines())
    assert contents(project) == before


def test_the_exit_code_tells_a_hook_whether_anything_was_written(project, cli) -> None:
    assert cli("render", "--all", "--exit-code").code == 0
    (project / "overlays/staging/api/deployment-patch.yaml").unlink()
    assert cli("render", "--all", "--exit-code").code == 1
    assert cli("render", "--all", "--exit-code").code == 0
    (project / "overlays/staging/api/deployment-patch.yaml").unlink()
    assert cli("render", "--all").code == 0


def test_a_first_render_says_what_it_created(project, cli) -> None:
    shutil.rmtree(project / "overlays/staging/api")
    assert cli("render", "staging").out.splitlines() == [
        "unchanged argocd/components/migration-runner/ (23 files)",
        f"created   {STAGING}/deployment-patch.yaml",
        f"created   {STAGING}/kustomization.yaml",
        f"created   {STAGING}/migration-runner/kustomization.yaml",
    ]
    assert cli("check", "--no-compose").code == 0


def test_a_check_parses_each_text_once(project, cli, monkeypatch) -> None:
    parsed: list[tuple[str, str]] = []
    monkeypatch.setattr(
        source, "read", lambda text, path, *rest: parsed.append((path, text)) or read(text, path, *rest)
    )
    assert cli("check", "--no-compose", "--jobs", "1").code == 0
    assert any(path.endswith("base/api/deployment.yaml") for path, _ in parsed)
    assert sorted(parsed) == sorted(set(parsed))


@pytest.mark.parametrize("name", ["staging/api/deployment-patch.yaml", "production/api/migration-job.yaml"])
def test_one_byte_of_drift_is_found_and_shown(project, cli, name) -> None:
    file = project / "overlays" / name
    file.write_bytes(file.read_bytes().replace(b"Always", b"Alway", 1))
    outcome = cli("check", "--no-compose")
    assert outcome.code == 1
    assert f"argocd/overlays/{name}: error[D001] not what the profiles render" in outcome.out
    assert "\n-" in outcome.out
    assert "\n+" in outcome.out
    assert cli("render", "--all", "--diff").code == 1
    assert cli("render", "--all").code == 0
    assert cli("check", "--no-compose").code == 0


def test_a_missing_file_is_drift(project, cli) -> None:
    (project / "overlays/production/api/migration-config.yaml").unlink()
    outcome = cli("check", "production", "--no-compose")
    assert outcome.code == 1
    assert "migration-config.yaml: error[D001] missing" in outcome.out


def test_a_missing_kustomization_entry_is_drift(project, cli) -> None:
    replace(project / "overlays/production/api/kustomization.yaml", "  - migration-job.yaml\n", "")
    outcome = cli("check", "production", "--no-compose")
    assert outcome.code == 1
    assert "+  - migration-job.yaml" in outcome.out


def test_another_strategy_removes_the_former_files_and_their_entries(project, cli) -> None:
    profile = project / "profiles/production.yaml"
    kept = [line for line in profile.read_text().splitlines() if not line.startswith(("  hook:", "  job:"))]
    profile.write_text("\n".join(kept).replace("presync-job", "init-container") + "\n")
    outcome = cli("check", "production", "--no-compose")
    assert outcome.code == 1
    assert "migration-job.yaml: error[D001] no profile renders this file any more" in outcome.out
    assert cli("render", "production").code == 0
    found = contents(project / "overlays/production/api")
    assert sorted(found) == ["deployment-patch.yaml", "kustomization.yaml", "migration-runner/kustomization.yaml"]
    assert b"migration-job.yaml" not in found["kustomization.yaml"]
    assert b"- path: deployment-patch.yaml" in found["kustomization.yaml"]
    assert cli("check", "production", "--no-compose").code == 0


def test_an_environment_that_is_gone_leaves_orphans_which_only_all_removes(project, cli) -> None:
    (project / "profiles/staging.yaml").unlink()
    assert cli("check", "production", "--no-compose").code == 0
    outcome = cli("check", "--no-compose")
    assert outcome.code == 1
    assert f"{STAGING}/deployment-patch.yaml: error[D001] no profile renders" in outcome.out
    cli("render", "--all")
    assert not (project / "overlays/staging/api/deployment-patch.yaml").exists()
    assert (project / "overlays/staging/api/kustomization.yaml").exists()


def test_a_file_of_somebody_elses_is_neither_removed_nor_overwritten(project, cli) -> None:
    own = project / "overlays/staging/api/deployment-patch.yaml"
    own.write_text("# mine\n")
    stranger = project / "overlays/production/api/deployment-patch.yaml"
    stranger.write_text("# also mine\n")
    before = contents(project)
    message = refusal("render", "--all")
    assert f"{STAGING}/deployment-patch.yaml: not generated by aegisgen" in message
    assert "--force" in message
    assert contents(project) == before
    assert cli("render", "--all", "--force").code == 0
    assert own.read_text().startswith("# Code generated by aegisgen from ")
    assert stranger.read_text() == "# also mine\n"


def test_foreign_bytes_of_a_kustomization_stay(project, cli) -> None:
    file = project / "overlays/production/api/kustomization.yaml"
    foreign = (
        "# by hand\r\nnamespace:   'other'   # three spaces\r\n\r\n\r\nresources: # mine first\r\n"
        '    - "../../../base/api"\r\n    # a comment\r\n\r\nreplicas: [{name: aegisx-api, count: 3}, {name: b, count: 1}]\r\n'
        "images:\r\n- newTag: production # ours\r\n  name: ghcr.io/aegisx-platform/aegisx-starter-api\r\n"
        "configMapGenerator:\r\n- name: aegisx-api-config\r\n  behavior: merge\r\n  literals: [DATABASE_PORT=5432, "
        "DATABASE_USER=aegisx, DATABASE_NAME=aegisx, DATABASE_HOST=production-aegisx-postgres, OWN=1]\r\n"
        'namePrefix: "production-"'
    )
    file.write_bytes(foreign.encode())
    assert cli("render", "production").code == 0
    text = file.read_bytes().decode()
    for entry in ("service-account.yaml", "migration-runner", "migration-config.yaml", "migration-job.yaml"):
        line = f"    - {entry}\r\n"
        assert line in text
        text = text.replace(line, "")
    assert text == foreign.replace("'other'", "'production'")
    assert cli("check", "production", "--no-compose").code == 0


def test_a_kustomization_that_cannot_be_edited_says_what_to_add(project) -> None:
    file = project / "overlays/production/api/kustomization.yaml"
    file.write_text("x: &r [../../../base/api]\nresources: *r\n")
    before = contents(project)
    message = refusal("render", "production")
    assert message.startswith("argocd/overlays/production/api/kustomization.yaml:2:")
    assert "migration-job.yaml" in message
    assert contents(project) == before


def test_two_kustomizations_in_one_folder_are_refused(project) -> None:
    (project / "overlays/staging/api/kustomization.yml").write_text("resources: []\n")
    assert "Kustomize takes one of them only" in refusal("render", "staging")


def test_a_kustomization_of_another_name_is_the_one_that_is_edited(project, cli) -> None:
    folder = project / "overlays/staging/api"
    (folder / "kustomization.yaml").rename(folder / "Kustomization")
    assert cli("render", "staging").code == 0
    assert not (folder / "kustomization.yaml").exists()
    assert cli("check", "staging", "--no-compose").code == 0


def test_stdout_prints_the_generated_files_and_writes_nothing(project, cli) -> None:
    before = contents(project)
    outcome = cli("render", "production", "--stdout")
    assert outcome.code == 0
    assert f"# Source: {PRODUCTION}/migration-job.yaml" in outcome.out
    assert contents(project) == before


@pytest.mark.parametrize("link", ["overlays", "overlays/staging", "overlays/staging/api/deployment-patch.yaml"])
def test_a_link_in_the_tree_is_refused_and_nothing_is_written(project, tmp_path, link) -> None:
    elsewhere = tmp_path / "elsewhere"
    (project / link).rename(elsewhere)
    (project / link).symlink_to(elsewhere)
    target = elsewhere if elsewhere.is_file() else next(elsewhere.rglob("deployment-patch.yaml"))
    target.write_text("# Code generated by aegisgen from x. DO NOT EDIT.\n")
    assert "link" in refusal("render", "staging")
    assert target.read_text() == "# Code generated by aegisgen from x. DO NOT EDIT.\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_an_error(project, cli) -> None:
    folder = project / "overlays/staging/api"
    (folder / "deployment-patch.yaml").unlink()
    folder.chmod(0o500)
    outcome = cli("render", "staging")
    folder.chmod(0o700)
    assert outcome.code == 2


def test_a_renamed_workload_is_found_without_any_tool(project, cli) -> None:
    replace(project / "base/api/deployment.yaml", "  name: aegisx-api\n", "  name: aegisx-web\n")
    outcome = cli("check", "staging", "--no-compose")
    assert outcome.code == 1
    assert f"{STAGING}/kustomization.yaml:31:5: error[G306] the patch matches nothing" in outcome.out


@pytest.mark.tools
def test_what_kustomize_composes_is_checked_at_the_line_that_made_it(project, cli, kustomize) -> None:
    base = project / "base/api/deployment.yaml"
    replace(base, "containerPort: 3333", "containerPort: http")
    outcome = cli("check", "staging")
    assert outcome.code == 1
    assert "argocd/base/api/deployment.yaml:31:15:" in outcome.out
    assert outcome.out.count("error[V002]") == 1


@pytest.mark.usefixtures("no_tools")
def test_without_kustomize_the_composition_is_skipped_and_an_error_where_tools_are_required(project, cli) -> None:
    outcome = cli("check", "staging")
    assert outcome.code == 0
    assert "skipped: composition: kustomize not found, install it with" in outcome.out
    assert "kustomize not found, install it with" in refusal("check", "staging", "--require-tools")


def test_findings_come_as_json_too(project, cli) -> None:
    replace(project / "overlays/staging/api/deployment-patch.yaml", "DO NOT EDIT", "DO EDIT")
    outcome = cli("check", "staging", "--no-compose", "--format", "json")
    assert outcome.code == 1
    assert [finding["rule"] for finding in json.loads(outcome.out)["findings"]] == ["D001"]


def test_the_project_is_found_from_below_and_named_from_outside(project, cli, monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(project / "overlays/staging/api")
    assert cli("check", "--no-compose").code == 0
    monkeypatch.chdir("/")
    assert cli("check", "--no-compose", "--project", str(project / "aegisgen.yaml")).code == 0


def test_a_service_that_is_switched_off_is_not_rendered(project, cli) -> None:
    replace(project / "profiles/staging.yaml", "replicas: 1", "enabled: false")
    outcome = cli("render", "staging")
    assert outcome.code == 0
    assert f"removed   {STAGING}/deployment-patch.yaml" in outcome.out


def test_help_of_every_command_has_an_example(cli) -> None:
    for command in ("render", "check", "validate", "schema"):
        outcome = cli(command, "--help")
        assert outcome.code == 0
        assert f"aegisgen {command}" in outcome.out


@pytest.mark.parametrize("form", ["text", "json", "junit", "sarif", "github"])
def test_drift_that_holds_a_secret_is_told_and_not_shown(project, cli, form) -> None:
    file = project / "overlays/production/api/migration-config.yaml"
    file.write_text(file.read_text() + "  MORE: " + "ghp_" + "a1B2c3D4e5F6" * 3 + "\n")
    outcome = cli("check", "--no-compose", "--format", form)
    assert outcome.code == 1
    assert "D001" in outcome.out
    assert "a1B2c3D4e5F6" not in outcome.out + outcome.err
