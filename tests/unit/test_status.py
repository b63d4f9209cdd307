"""`aegisgen status` on what clusters answer: in each situation it says what is wrong and what to do next."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from tests.conftest import ROOT, Outcome, aegisgen, refusal
from tests.pods import SCRIPTS
from tests.status_cluster import FOLDER, STATES, Cluster, cluster

from aegisgen.kube.schemas import violations
from aegisgen.status.exits import Role, codes, meaning
from aegisgen.status.model import Cause

__all__ = ["cluster"]

DOCUMENT = (ROOT / "docs/status.md").read_text()
IMAGE = "ghcr.io/aegisx-platform/aegisx-starter-api"

# situation: exit code, cause, what the one line must say, what the first proposed command begins with
SAID = {
    "nothing-deployed": (3, "nothing-deployed", ["nothing of it is in namespace production yet"], ""),
    "never-synced": (3, "nothing-deployed", ["nothing of it", "sync it"], "argocd app sync production-aegisx-api"),
    "healthy": (0, "healthy", ["migrated 2026-11-22 14:49:54 UTC", "3 of 3 pods ready", f"{IMAGE}:production"], ""),
    "healthy-after-ttl": (0, "healthy", ["3 of 3 pods ready", "Job is gone by now"], ""),
    "staging-healthy": (0, "healthy", ["2 of 2 pods ready", "each migrated before it started"], ""),
    "migrating": (3, "in-progress", ["the migration runs (attempt 1 of 4)"], "kubectl logs -n production job/"),
    "retrying": (3, "in-progress", ["attempt 2 of 4", "exit code 12: a migration failed"], "kubectl logs"),
    "staging-migrating": (3, "in-progress", ["the migration runs in 2 pods"], "kubectl logs -n staging"),
    "rolling-out": (3, "in-progress", ["rolling out: 1 of 3 pods updated"], ""),
    "between-waves": (3, "in-progress", ["the record of runs is done, the migration has not begun"], ""),
    "former-sync-failed": (3, "in-progress", ["the backup runs"], "kubectl logs"),
    "waiting-for-approval": (
        3,
        "waiting-for-approval",
        ["waits for an approval", "resume the Job"],
        "kubectl patch -n production job production-aegisx-api-approval --type merge "
        """--patch '{"spec":{"suspend":false}}'""",
    ),
    "migration-failed": (
        1,
        "migration-failed",
        ["exit code 12: a migration failed", "all 4 attempts, BackoffLimitExceeded", "sync again"],
        "kubectl logs -n production production-aegisx-api-migration-h2n6v -c migration",
    ),
    "init-crash-loop": (
        1,
        "init-crash-loop",
        ["Init:CrashLoopBackOff", "exit code 12: a migration failed", "tries again by itself"],
        "kubectl logs -n staging staging-aegisx-api-7d9c5b6f4-9vwqt -c db-migration",
    ),
    "init-no-database": (1, "init-crash-loop", ["Init:Error", "exit code 10", "ConfigMap aegisx-api-config"], "kubectl"),
    "missing-configmap": (
        1,
        "missing-configuration",
        ["CreateContainerConfigError", "ConfigMap production-aegisx-api-migration-config does not exist", "O201"],
        "kubectl get -n production configmap production-aegisx-api-migration-config",
    ),
    "missing-secret-key": (
        1,
        "missing-configuration",
        ["Secret aegisx-api-secrets has no key DATABASE_PASSWORD"],
        "kubectl describe",
    ),
    "init-missing-secret": (
        1,
        "missing-configuration",
        ["Secret aegisx-api-secrets does not exist", "create it in namespace staging"],
        "kubectl get -n staging secret aegisx-api-secrets",
    ),
    "image-pull-refused": (1, "image-pull", ["ImagePullBackOff", "pull secret ghcr-secret", "it waits"], "kubectl"),
    "image-not-there": (1, "image-pull", ["ErrImagePull", f"{IMAGE}:production", "push the image"], "kubectl"),
    "claim-pending": (
        1,
        "pending-claim",
        ["the backup cannot start", "PersistentVolumeClaim aegisx-backups is Pending", "storage class standard"],
        "kubectl describe -n production persistentvolumeclaim aegisx-backups",
    ),
    "claim-missing": (1, "pending-claim", ["PersistentVolumeClaim aegisx-backups does not exist", "create it"], "kubectl"),
    "unschedulable": (1, "unschedulable", ["the pod is Pending", "3 Insufficient memory"], "kubectl describe"),
    "volume-not-mounted": (1, "cannot-start", ["FailedAttachVolume", "Multi-Attach"], "kubectl describe"),
    "deadline-exceeded": (
        1,
        "deadline-exceeded",
        ["did not end within 30m (DeadlineExceeded)", "ImagePullBackOff", "job.deadline"],
        "kubectl describe -n production job production-aegisx-api-migration",
    ),
    "backoff-limit-exceeded": (
        1,
        "backoff-limit-exceeded",
        ["failed 4 times", "BackoffLimitExceeded", "OOMKilled", "resources.limits.memory"],
        "kubectl logs",
    ),
    "checks-failed": (1, "step-failed", ["integrity checks failed with exit code 40", "failed: users-kept"], "kubectl"),
    "rollback-refused": (1, "step-failed", ["integrity checks failed with exit code 40"], "kubectl logs"),
    "service-account-missing": (1, "pods-refused", ["gets no pod", 'serviceaccount "production-aegisx'], "kubectl"),
    "pods-refused": (1, "pods-refused", ["exceeded quota"], "kubectl describe -n staging deployment/"),
    "lock-held": (1, "stale-lock", ["exit code 15", "no pod of this service migrates", "pg_stat_activity"], "kubectl"),
    "stale-lock": (
        1,
        "stale-lock",
        ["Knex's lock row says that a migration runs", "make sure that nobody else migrates"],
        "kubectl exec -n production deployment/production-aegisx-api -c api -- pnpm exec knex migrate:unlock",
    ),
    "init-stale-lock": (1, "stale-lock", ["Knex's lock row"], "kubectl exec -n staging deployment/staging-aegisx-api"),
    "hook-not-run": (
        1,
        "migration-never-runs",
        ["the last sync of revision 3f2c9d4 succeeded without the hook Job production-aegisx-api-migration"],
        "argocd app sync production-aegisx-api",
    ),
    "selective-sync": (1, "migration-never-runs", ["chosen resources only", "runs no hooks"], "argocd app sync"),
    "no-job-without-application": (1, "migration-never-runs", ["rolled out without the migration Job"], "argocd"),
    "hook-changed": (1, "migration-never-runs", ["differs from the tree's in its command", "hooks alone"], "argocd"),
    "init-container-absent": (1, "migration-never-runs", ["without the init container db-migration"], ""),
    "old-image": (
        1,
        "image-is-not-the-trees",
        [f"runs {IMAGE}:v1.4.1", f"the tree says {IMAGE}:production", "sync"],
        "argocd app sync production-aegisx-api",
    ),
    "tag-moved": (1, "tag-moved", ["the migration ran sha256:a1", "mz4rd runs sha256:b2", "tag has moved"], "argocd"),
    "pods-before-migration": (
        1,
        "tag-moved",
        ["restart the pods"],
        "kubectl rollout restart -n production deployment/production-aegisx-api",
    ),
    "application-crashes": (1, "application-crashes", ["container api", "exit code 1", "not to blame"], "kubectl logs"),
    "rollout-stuck": (1, "not-ready", ["the rollout is stuck", "timed out progressing"], "kubectl describe"),
    "sync-failed": (1, "sync-failed", ["one or more objects failed to apply", "field is immutable"], "argocd"),
    "comparison-error": (1, "application-error", ["ComparisonError", "failed to generate manifest"], ""),
}  # fmt: skip


def environment_of(state: str) -> str:
    texts = (path.read_text() for path in (FOLDER / "states" / state).glob("*.json"))
    return "staging" if any('"namespace": "staging"' in text for text in texts) else "production"


def test_every_situation_is_asked_about_and_every_cause_comes_up() -> None:
    assert set(SAID) - {"nothing-deployed"} == set(STATES)
    never_a_headline = {"rolled-back"}
    assert {cause for _, cause, _, _ in SAID.values()} == {*Cause} - never_a_headline


@pytest.mark.tools
@pytest.mark.parametrize("state", SAID)
def test_one_line_says_what_is_wrong_and_what_to_do_next(cluster: Cluster, state: str) -> None:
    cluster.at(state)
    code, cause, parts, command = SAID[state]
    environment = environment_of(state)
    told = cluster.status(environment, "--format", "json")
    assert told.err == ""
    (service,) = json.loads(told.out)["services"]
    assert (told.code, service["cause"]) == (code, cause), service["what"]
    line = f"{service['what']}; {service['next']}"
    for part in parts:
        assert part in line
    assert [*service["commands"], ""][0].startswith(command)
    assert bool(service["commands"]) == bool(command)
    # Nothing but reading is ever asked of the cluster, never without a limit, and never for a Secret.
    asked = cluster.asked()
    assert {call[0] for call in asked} <= {"get", "logs"}
    assert all("--request-timeout=10s" in call for call in asked)
    assert not any("secret" in word.lower() for call in asked for word in call)


@pytest.mark.tools
@pytest.mark.parametrize("state", ["healthy", "migration-failed", "init-crash-loop", "claim-pending"])
def test_the_first_line_says_it_and_json_says_the_same_in_keys(cluster: Cluster, state: str) -> None:
    cluster.at(state)
    environment = environment_of(state)
    first = cluster.status(environment).out.splitlines()[0]
    data = json.loads(cluster.status(environment, "--format", "json").out)
    (service,) = data["services"]
    assert (data["version"], data["at"], data["environment"]) == (1, "2026-11-22T15:00:00Z", environment)
    assert data["state"] == service["state"]
    assert first == f"{environment}/api: {service['state']}: {service['what']}" + (
        f"; {service['next']}" if service["next"] else ""
    )


@pytest.mark.parametrize("state", STATES)
def test_what_is_recorded_is_what_an_api_server_could_answer(state: str) -> None:
    for file in (FOLDER / "states" / state).glob("*.json"):
        answer = json.loads(file.read_text())
        assert violations(answer, version="1.34") == [], file
        for item in answer["items"]:
            assert violations(item, version="1.34") == [], f"{file}: {item['metadata']['name']}"


@pytest.mark.tools
def test_the_details_show_what_kubectl_would(cluster: Cluster) -> None:
    cluster.at("migration-failed")
    out = cluster.status("production").out
    for line in (
        r"  production-aegisx-api-migration +Failed \(BackoffLimitExceeded\) +4/4 +3m +10m",
        r"  deployment/production-aegisx-api +3/3 +3 +3 +ghcr.io/\S+:production",
        r"  production-aegisx-api-migration-h2n6v +0/1 +Error +12 +0 +7m54s",
        r"  production-aegisx-api +OutOfSync +Healthy +Failed +12m +3f2c9d41aa6b",
        r"  production-aegisx-api-migration-h2n6v migration ended with 12: migrate: a migration failed; .* \(4 pods\)",
        r"  7m ago Job/production-aegisx-api-migration BackoffLimitExceeded: Job has reached .*",
        r'  \| 2026-11-22T14:50:13Z step=migrate \| error: column "email" of relation "users" already exists',
        r"  also: the application runs on as it was: 3 of 3 pods ready",
    ):
        assert re.search(f"^{line}$", out, re.MULTILINE), f"{line}\n\n{out}"


@pytest.mark.tools
def test_a_rollback_is_told_with_the_failure_that_led_to_it(cluster: Cluster) -> None:
    cluster.at("checks-failed")
    assert "also: the rollback has run" in cluster.status("production").out
    cluster.at("rollback-refused")
    assert "also: the rollback failed with exit code 21: plan: refused" in cluster.status("production").out


@pytest.mark.tools
@pytest.mark.parametrize(
    ("refusal", "reason"),
    [
        ("no-cluster", "The connection to the server localhost:8080 was refused"),
        ("connection-refused", "The connection to the server 127.0.0.1:6443 was refused"),
        ("unknown-context", 'context "nope" does not exist'),
        ("unknown-context-without-kubeconfig", "context was not found for specified context: nope"),
        ("forbidden", 'jobs.batch is forbidden: User "jane" cannot list resource "jobs"'),
        ("unauthorized", "You must be logged in to the server (Unauthorized)"),
    ],
)
def test_a_cluster_that_cannot_be_asked_is_one_clear_line(cluster, monkeypatch, refusal: str, reason: str) -> None:
    cluster.at("healthy")
    monkeypatch.setenv("KUBECTL_REFUSE", f"*={refusal}")
    told = cluster.status("production", "--context", "nope")
    assert (told.code, told.out) == (2, "")
    assert told.err.count("\n") == 1
    assert told.err.startswith("cannot ask the cluster: kubectl: ")
    assert reason in told.err


@pytest.mark.tools
def test_without_kubectl_it_says_where_to_get_it(cluster: Cluster, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("no_tools")  # after the cluster, which needs Kustomize
    told = cluster.status("production")
    assert (told.code, told.out) == (2, "")
    assert told.err == (
        "kubectl not found, install it with: pip install 'aegisgen[compose]'; then give it access to the cluster\n"
    )


@pytest.mark.tools
def test_what_may_not_be_looked_at_is_named_and_the_rest_is_told(cluster: Cluster, monkeypatch) -> None:
    cluster.at("migration-failed")
    monkeypatch.setenv("KUBECTL_REFUSE", "events=forbidden-events applications=forbidden-events")
    told = cluster.status("production")
    assert told.code == 1
    assert "exit code 12" in told.out
    assert "  not looked at: events: Error from server (Forbidden): events is forbidden" in told.out
    monkeypatch.setenv("KUBECTL_REFUSE", "applications=unknown-kind")
    assert "not looked at" not in cluster.status("production").out, "a cluster without Argo CD is no trouble"


@pytest.mark.tools
def test_context_and_namespace_go_to_kubectl_and_into_the_commands(cluster: Cluster) -> None:
    cluster.at("migration-failed")
    out = cluster.status("production", "--context", "eu west").out
    assert (
        "  $ kubectl --context 'eu west' logs -n production production-aegisx-api-migration-h2n6v -c migration" in out
    )
    assert all("--context=eu west" in call for call in cluster.asked())
    cluster.at("nothing-deployed")
    told = cluster.status("production", "--namespace", "elsewhere")
    assert told.code == 3
    assert "--namespace=elsewhere" in cluster.asked()[-1] + cluster.asked()[-2] + cluster.asked()[-3]
    assert "nothing of it is in namespace elsewhere yet" in told.out


def test_the_environment_must_be_there(monkeypatch) -> None:
    assert "production" in refusal("status", "produktion", "--project", str(FOLDER / "argocd/aegisgen.yaml"))


@pytest.mark.tools
def test_a_hook_of_unknown_type_is_told_before_it_is_missed(cluster: Cluster, tmp_path: Path) -> None:
    """A cluster in which the pods run and no Job ever was: the tree itself says why."""
    cluster.at("no-job-without-application")
    shutil.copytree(FOLDER / "argocd", tmp_path / "argocd")
    pipeline = tmp_path / "argocd/overlays/production/api/pipeline.yaml"
    pipeline.write_text(
        pipeline.read_text().replace("hook: PreSync, argocd.argoproj.io/sync-wave: '-1'", "hook: presync")
    )
    told = cluster._replace(project=tmp_path / "argocd").status("production")
    assert told.code == 1
    expected = "Job production-aegisx-api-migration is never applied: Argo CD knows no hook type 'presync'"
    assert expected in told.out.splitlines()[0]


@pytest.mark.tools
def test_credentials_in_a_log_are_not_shown(cluster: Cluster) -> None:
    cluster.at("migration-failed")
    (cluster.state / "logs/production-aegisx-api-migration-h2n6v.migration.txt").write_text(
        "cannot connect to postgresql://aegisx:hunter2@db:5432/aegisx\x1b[2J\n"
    )
    for form in ("text", "json"):
        out = cluster.status("production", "--format", form).out
        assert "hunter2" not in out
        assert "postgresql://***@db:5432/aegisx" in out
        assert "\x1b" not in out


@pytest.fixture
def watch(cluster: Cluster, monkeypatch):
    """Watch a cluster that is in one situation after the other, until Ctrl-C."""
    from aegisgen.commands import status

    def watched(states: list[str], *arguments: str) -> Outcome:
        later = iter(states[1:])
        cluster.at(states[0])

        def sleep(seconds: int) -> None:
            assert seconds == (7 if "--interval" in arguments else 5)
            state = next(later, None)
            if state is None:
                raise KeyboardInterrupt
            monkeypatch.setenv("KUBECTL_REFUSE", "*=connection-refused" if state == "REFUSED" else "")
            if state != "REFUSED":
                cluster.at(state)

        monkeypatch.setattr(status, "_sleep", sleep)
        return cluster.status("production", "--watch", *arguments)

    return watched


@pytest.mark.tools
def test_watch_in_a_pipe_prints_each_change_once(watch) -> None:
    states = ["migrating", "migrating", "retrying", "REFUSED", "REFUSED", "migration-failed", "migration-failed"]
    told = watch(states, "--interval", "7")
    assert told.code == 130
    lines = told.out.splitlines()
    assert len(lines) == 4, told.out
    assert lines[0] == "2026-11-22T15:00:00Z production/api: in-progress: the migration runs (attempt 1 of 4)"
    assert "attempt 2 of 4" in lines[1]
    assert "connection to the server 127.0.0.1:6443 was refused" in lines[2]
    assert "exit code 12" in lines[3]


@pytest.mark.tools
def test_watch_as_json_is_one_document_a_line(watch) -> None:
    told = watch(["waiting-for-approval", "migrating", "healthy"], "--format", "json")
    assert [json.loads(line)["state"] for line in told.out.splitlines()] == ["waiting", "in-progress", "healthy"]


@pytest.mark.tools
def test_watch_does_not_wait_for_a_cluster_that_was_never_there(cluster: Cluster, monkeypatch) -> None:
    cluster.at("healthy")
    monkeypatch.setenv("KUBECTL_REFUSE", "*=no-cluster")
    assert cluster.status("production", "--watch").code == 2


def exits(script: str) -> set[int]:
    """Return the codes with which a script of the runner, or one that it reads, fails."""
    text = (SCRIPTS / script).read_text()
    codes = {int(code) for code in re.findall(r"\b(?:fail|give_up|failed_new) (\d+) ", text)}
    return codes.union(*(exits(other) for other in re.findall(r'^\. "\$here/([\w.-]+)"', text, re.MULTILINE)))


def test_every_exit_code_of_the_scripts_has_a_meaning(full: Path) -> None:
    """Read from the scripts as they are rendered with everything on; the table can neither lack nor invent one."""
    import yaml

    profile = full / "profiles/production.yaml"
    assert aegisgen("render", "--all").code == 0
    found: dict[Role, set[int]] = {}

    def collect() -> None:
        roles = {f"aegisx-api-{role}": role for role in Role} | {
            "production-aegisx-api-rollback-": Role.SYNC_FAIL,
            "production-aegisx-api-restore-": Role.RESTORE,
        }
        for file in (full / "overlays/production/api").glob("*.yaml"):
            for document in yaml.safe_load_all(file.read_text()):
                if document.get("kind") != "Job":
                    continue
                role = roles[document["metadata"].get("name") or document["metadata"]["generateName"]]
                spec = document["spec"]["template"]["spec"]
                for container in spec.get("initContainers", []) + spec["containers"]:
                    said = (
                        exits(container["command"][1].rpartition("/")[2])
                        if "args" in container and "command" in container
                        else set()
                    )
                    # No run is recorded there.
                    said -= {20} if container["name"] == "dry-run" else set()
                    for code in said:
                        assert code in codes(role, container["name"]), f"{role} {container['name']}: {code}"
                        assert meaning(role, container["name"], code)
                    found.setdefault(role, set()).update(said)

    collect()
    text = profile.read_text()
    s3 = text[text.index("    s3:") : text.index("    keep:")]
    profile.write_text(text.replace(s3, "    volume: {claim: aegisx-backups}\n"))
    assert aegisgen("render", "--all").code == 0
    collect()
    for role in (Role.MIGRATION, Role.BACKUP, Role.CHECKS, Role.DRY_RUN, Role.SYNC_FAIL, Role.RESTORE):
        known = set(codes(role)) | (set(codes(role, "load")) if role is Role.DRY_RUN else set())
        # A rollback and a dry run use the runner's table, of which they need a part.
        unused = known - found[role] - ({11, 12, 13, 14, 19, 27} if role is Role.SYNC_FAIL else set())
        unused -= {20} if role is Role.DRY_RUN else set()
        assert not unused - {16}, f"{role}: {sorted(unused)}"


@pytest.mark.tools
def test_the_documented_example_is_real_output(cluster: Cluster) -> None:
    cluster.at("init-crash-loop")
    (shown,) = re.findall(r"```console\n\$ aegisgen status staging\n(.*?)```", DOCUMENT, re.DOTALL)
    assert cluster.status("staging").out == shown


def test_every_cause_is_documented_with_its_state() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| ([a-z-]+) \|", DOCUMENT, re.MULTILINE)
    assert sorted(rows) == sorted((str(cause), str(cause.state)) for cause in Cause)


@pytest.mark.tools
def test_every_key_of_the_json_is_documented(cluster: Cluster) -> None:
    cluster.at("migration-failed")
    document = json.loads(cluster.status("production", "--format", "json").out)

    def keys(value: object) -> set[str]:
        if isinstance(value, dict):
            return set(value).union(*map(keys, value.values()))
        return set().union(*map(keys, value)) if isinstance(value, list) else set()

    plain = {"version", "at", "environment", "service", "namespace", "strategy", "services", "init", "containers"}
    for key in keys(document) - plain:
        assert re.search(rf"[`.]{key}\b", DOCUMENT), key


def test_the_documented_role_allows_what_is_asked_and_no_more(cluster: Cluster) -> None:
    import yaml

    (text,) = re.findall(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL)
    rules = [rule for role in yaml.safe_load_all(text) for rule in role["rules"]]
    assert {verb for rule in rules for verb in rule["verbs"]} == {"get", "list"}
    allowed = {resource for rule in rules for resource in rule["resources"]}
    cluster.at("migration-failed")
    cluster.status("production")
    asked = {kind.partition(".")[0] for call in cluster.asked() if call[0] == "get" for kind in call[1].split(",")}
    assert asked | {"pods/log", "statefulsets", "daemonsets"} == allowed
