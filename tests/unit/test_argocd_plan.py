from __future__ import annotations

import pytest
from tests.manifests import applied, read

from aegisgen.argocd.application import ApplicationSettings, application_settings
from aegisgen.argocd.plan import Plan, Step, Until, plan


def planned(name: str, application: ApplicationSettings | None = None) -> Plan:
    return plan(applied(name), application)


def steps(found: Plan) -> dict[str, Step]:
    return {
        f"{phase.phase} {wave.id.wave} {step.identity}": step
        for phase in found.phases
        for wave in phase.waves
        for step in wave.steps
    }


def test_the_guides_production_tree_migrates_first_without_a_limit_and_before_its_own_configuration() -> None:
    found = planned("guide-production")
    assert list(steps(found)) == [
        "PreSync -1 Job/production-aegisx-api-migration",
        "Sync 0 ConfigMap/production-aegisx-api-config",
        "Sync 0 Service/production-aegisx-api",
        "Sync 0 Deployment/production-aegisx-api",
    ]
    job = steps(found)["PreSync -1 Job/production-aegisx-api-migration"]
    assert job.until is Until.COMPLETE
    assert job.limit is not None
    assert (job.limit.seconds, job.limit.pods, job.limit.total_seconds) == (None, 4, None)
    assert job.hook is not None
    assert job.hook.delete_policies == ("BeforeHookCreation",)


def test_production_applies_the_hooks_configuration_before_the_migration() -> None:
    found = planned("production", ApplicationSettings("api", retry_limit=2))
    assert list(steps(found))[:2] == [
        "PreSync -4 ConfigMap/production-aegisx-api-migration-config",
        "PreSync -1 Job/production-aegisx-api-migration",
    ]
    config, job, sync = [wave for phase in found.phases for wave in phase.waves]
    assert config.waits_for == ()
    assert job.waits_for == config.steps
    assert sync.waits_for == job.steps
    assert [str(wave.phase) for wave in config.skips] == ["PreSync", "Sync"]
    assert sync.skips == ()
    limit = job.steps[0].limit
    assert limit is not None
    assert (limit.seconds, limit.total_seconds, limit.total_pods) == (1800, 5400, 12)


@pytest.mark.parametrize(
    ("application", "syncs", "total_pods"),
    [
        (None, 1, 4),
        (ApplicationSettings("api"), 1, 4),
        (ApplicationSettings("api", automated=True), 6, 24),
        (ApplicationSettings("api", automated=True, retry_limit=0), 1, 4),
        (ApplicationSettings("api", retry_limit=5), 6, 24),
        (ApplicationSettings("api", retry_limit=-1), None, None),
    ],
)
def test_retries_of_the_sync_multiply_those_of_the_job(
    application: ApplicationSettings | None, syncs: int | None, total_pods: int | None
) -> None:
    limit = steps(planned("guide-production", application))["PreSync -1 Job/production-aegisx-api-migration"].limit
    assert limit is not None
    assert (limit.syncs, limit.total_pods) == (syncs, total_pods)


def test_a_suspended_job_is_an_approval_gate() -> None:
    found = steps(planned("pipeline"))
    assert found["PreSync -5 Job/production-aegisx-api-approval"].until is Until.APPROVED
    assert found["PreSync -1 Job/production-aegisx-api-migration"].until is Until.COMPLETE


def test_a_failure_skips_everything_later_and_runs_the_sync_fail_hooks() -> None:
    found = planned("pipeline")
    first = found.phases[0].waves[0]
    assert [(str(wave.phase), wave.wave) for wave in first.skips] == [
        ("PreSync", -4),
        ("PreSync", -3),
        ("PreSync", -1),
        ("PreSync", 0),
        ("Sync", 0),
        ("Sync", 1),
        ("PostSync", 0),
    ]
    assert [step.identity.name for step in found.sync_fail] == [
        "production-aegisx-api-migration-rollback",
        "production-aegisx-api-migration-notify-failure-in-the-operations-channel",
    ]
    sync_fail = found.phases[-1]
    assert all(wave.waits_for == () and wave.skips == () for wave in sync_fail.waves)
    assert all(step.waited for wave in sync_fail.waves for step in wave.steps)


def test_typos_skipped_resources_and_deletion_hooks_are_listed_apart() -> None:
    found = planned("pipeline")
    assert [
        (str(item.identity), item.absence.value, [str(value) for value in item.values]) for item in found.unapplied
    ] == [
        ("Job/production-aegisx-api-archive", "runs at deletion", ["PreDelete"]),
        ("Job/production-aegisx-api-fixture", "skipped", ["Skip"]),
        ("Job/production-aegisx-api-seed", "unknown hook type", ["presync"]),
    ]
    assert not any("seed" in key or "fixture" in key or "archive" in key for key in steps(found))


def test_staging_migrates_in_each_pod_and_its_sync_does_not_wait_for_that() -> None:
    deployment = steps(planned("staging"))["Sync 0 Deployment/staging-aegisx-api"]
    assert [container.name for container in deployment.init_containers] == ["wait-for-postgres", "db-migration"]
    assert deployment.replicas == 3
    assert not deployment.waited


CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config}\n"
DEPLOYMENT = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api}\n"
SYNC_HOOK = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j, annotations: {argocd.argoproj.io/hook: Sync}}\n"
SYNC_FAIL = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: f, annotations: {argocd.argoproj.io/hook: SyncFail}}\n"
LATER = "apiVersion: v1\nkind: Secret\nmetadata: {name: s, annotations: {argocd.argoproj.io/sync-wave: '1'}}\n"


@pytest.mark.parametrize(
    ("documents", "waited"),
    [
        ([DEPLOYMENT], False),
        ([DEPLOYMENT, SYNC_HOOK], False),  # one wave in all: only the hook is waited for
        ([DEPLOYMENT, SYNC_FAIL], False),  # the last wave before success
        ([DEPLOYMENT, LATER], True),
        ([DEPLOYMENT, SYNC_HOOK, SYNC_FAIL], True),  # the hook keeps the last of several waves open
    ],
)
def test_the_sync_waits_for_health_only_where_something_follows(documents: list[str], waited: bool) -> None:
    found = steps(plan(read("---\n".join(documents))))
    assert found["Sync 0 Deployment/api"].waited is waited
    assert all(step.waited for step in found.values() if step.hook)


@pytest.mark.parametrize(
    ("api_version", "kind", "until"),
    [
        ("v1", "ConfigMap", Until.APPLIED),
        ("rbac.authorization.k8s.io/v1", "Role", Until.APPLIED),
        ("v1", "Service", Until.HEALTHY),
        ("apps/v1", "StatefulSet", Until.HEALTHY),
        ("batch/v1", "Job", Until.COMPLETE),
        ("argoproj.io/v1alpha1", "Workflow", Until.COMPLETE),
        ("external-secrets.io/v1", "ExternalSecret", Until.HEALTHY),
        ("gateway.networking.k8s.io/v1", "HTTPRoute", Until.HEALTHY),
    ],
)
def test_what_is_waited_for_depends_on_the_kind(api_version: str, kind: str, until: Until) -> None:
    found = plan(read(f"apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: x}}\n"))
    assert [step.until for step in steps(found).values()] == [until]


@pytest.mark.parametrize(
    "spec",
    ["spec: 7", "spec: {backoffLimit: many, activeDeadlineSeconds: soon}", "spec: {template: [], suspend: 'true'}"],
)
def test_values_of_the_wrong_type_count_as_absent(spec: str) -> None:
    found = plan(read(f"apiVersion: batch/v1\nkind: Job\nmetadata: {{name: x}}\n{spec}\n"))
    (step,) = steps(found).values()
    assert step.limit is not None
    assert (step.limit.seconds, step.limit.pods, step.until) == (None, 7, Until.COMPLETE)


@pytest.mark.parametrize("containers", ["no list", "[7, null, name]", "[{name: 3}]"])
def test_broken_init_containers_do_not_break_the_plan(containers: str) -> None:
    text = DEPLOYMENT + f"spec: {{replicas: lots, template: {{spec: {{initContainers: {containers}}}}}}}\n"
    (step,) = steps(plan(read(text))).values()
    assert step.replicas == 1
    assert all(container.name == "" for container in step.init_containers)


def test_the_applications_settings_are_read_from_its_manifest() -> None:
    (application,) = read("""
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: api-production}
spec:
  destination: {namespace: production}
  syncPolicy:
    automated: {selfHeal: true}
    retry: {limit: 2}
    syncOptions: [CreateNamespace=true]
""")
    assert application_settings(application) == ApplicationSettings("api-production", "production", True, 2, True)


@pytest.mark.parametrize(
    ("policy", "automated", "syncs"),
    [
        ("{}", False, 1),
        ("{automated: {}}", True, 6),
        ("{automated: {enabled: false}}", False, 1),
        ("{automated: {}, retry: {}}", True, 1),
        ("{retry: {limit: '5'}}", False, 1),
        ("wrong", False, 1),
    ],
)
def test_an_automated_sync_is_retried_five_times_unless_it_says_otherwise(
    policy: str, automated: bool, syncs: int
) -> None:
    header = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: a}\n"
    (application,) = read(f"{header}spec: {{syncPolicy: {policy}}}\n")
    found = application_settings(application)
    assert found is not None
    assert (found.automated, found.syncs) == (automated, syncs)


def test_another_resource_has_no_application_settings() -> None:
    assert application_settings(read(CONFIG)[0]) is None
