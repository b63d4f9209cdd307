"""Account, network policy, pod security, where the Secret comes from, and the approval gate."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import aegisgen
from tests.steps import rendered, say

PRODUCTION = "argocd/overlays/production/api"
STORE = "store: {name: vault}, data: {DATABASE_PASSWORD: {key: db}}"


def at(file: str) -> dict:
    return rendered("production")[f"{PRODUCTION}/{file}"]


def wave(document: dict) -> int:
    annotations = document["metadata"]["annotations"]
    assert annotations["argocd.argoproj.io/hook"] == "PreSync"
    return int(annotations["argocd.argoproj.io/sync-wave"])


def test_the_job_runs_under_an_account_of_its_own_that_is_there_before_it(project: Path) -> None:
    account, job = at("service-account.yaml"), at("migration-job.yaml")
    pod = job["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == account["metadata"]["name"]
    assert (pod["automountServiceAccountToken"], account["automountServiceAccountToken"]) == (False, False)
    assert wave(account) < wave(job)


def test_an_account_that_exists_is_used_and_not_rendered(project: Path) -> None:
    say(project, "production", "  security: {serviceAccount: {create: false, name: theirs}}\n")
    assert f"{PRODUCTION}/service-account.yaml" not in rendered("production")
    assert at("migration-job.yaml")["spec"]["template"]["spec"]["serviceAccountName"] == "theirs"


def test_the_network_policy_selects_the_migrations_pods_and_names_database_and_dns_only(project: Path) -> None:
    say(project, "production", "  security: {networkPolicy: {enabled: true, database: {podLabels: {app: pg}}}}\n")
    spec = at("network-policy.yaml")["spec"]
    labels = at("migration-job.yaml")["spec"]["template"]["metadata"]["labels"]
    assert spec["podSelector"]["matchLabels"].items() <= labels.items()
    assert (spec["policyTypes"], spec["ingress"]) == (["Ingress", "Egress"], [])
    ports = [
        (rule["to"][0]["podSelector"]["matchLabels"], [p["port"] for p in rule["ports"]]) for rule in spec["egress"]
    ]
    assert ports == [({"app": "pg"}, [5432]), ({"k8s-app": "kube-dns"}, [53, 53])]


def test_restricted_pods_are_not_root_and_keep_the_images_user(project: Path) -> None:
    say(project, "production", "  security: {podSecurity: restricted}\n  approval: {gate: true}\n")
    for file in ("migration-job.yaml", "approval-gate.yaml"):
        (container,) = at(file)["spec"]["template"]["spec"]["containers"]
        assert container["securityContext"]["runAsNonRoot"] is True
        assert "runAsUser" not in container["securityContext"]


def test_the_external_secret_comes_first_and_leaves_the_secret_to_running_pods(project: Path) -> None:
    say(project, "production", f"  security: {{externalSecret: {{{STORE}}}}}\n")
    document = at("external-secret.yaml")
    target = document["spec"]["target"]
    assert target == {"name": "aegisx-api-secrets", "creationPolicy": "Orphan", "deletionPolicy": "Retain"}
    assert wave(document) < wave(at("migration-job.yaml"))


def test_the_sealed_secret_is_patched_into_a_hook_that_leaves_its_secret(project: Path) -> None:
    say(project, "production", "  security: {sealedSecret: {}}\n")
    document = at("sealed-secret-patch.yaml")
    kept = document["spec"]["template"]["metadata"]["annotations"]
    assert kept["sealedsecrets.bitnami.com/skip-set-owner-references"] == "true"
    assert wave(document) < wave(at("migration-job.yaml"))
    assert aegisgen("render", "production").code == 0
    text = (project / "overlays/production/api/kustomization.yaml").read_text()
    assert "kind: SealedSecret\n      name: aegisx-api-secrets" in text


def test_a_gate_is_a_suspended_job_before_the_migration(project: Path) -> None:
    say(project, "production", "  approval: {gate: true}\n")
    documents = rendered("production")
    gate = documents[f"{PRODUCTION}/approval-gate.yaml"]
    assert gate["spec"]["suspend"] is True
    assert wave(documents[f"{PRODUCTION}/approval-request-job.yaml"]) < wave(gate)
    assert wave(gate) < wave(documents[f"{PRODUCTION}/migration-job.yaml"])


def test_a_gate_may_be_before_everything_else(project: Path) -> None:
    say(project, "production", "  approval: {gate: true, wave: -5}\n")
    documents = rendered("production")
    gate = documents.pop(f"{PRODUCTION}/approval-gate.yaml")
    assert gate["spec"]["suspend"] is True
    assert "serviceAccountName" not in gate["spec"]["template"]["spec"], "the account comes after the approval"
    assert all(wave(gate) < wave(document) for document in documents.values())
