"""The borders of single rules, beyond their examples."""

from __future__ import annotations

import pytest
from msgspec.structs import astuple
from tests.manifests import read

from aegisgen.kube.overlay import overlay_of
from aegisgen.kube.resource import identify
from aegisgen.record import replace
from aegisgen.rules.check import check
from aegisgen.rules.context import PodSecurity, Settings, context_of, deploying
from aegisgen.rules.images import image_of, pull_policy
from aegisgen.yaml.source import Document, parse

LIMITS = "resources: {requests: {cpu: 1m, memory: 1Mi}, limits: {memory: 1Mi}}"


def rules_in(text: str, *, apps: str = "", security: PodSecurity = "baseline") -> list[str]:
    context = context_of(read(text), applications=read(apps), settings=Settings(pod_security=security))
    return [finding.rule for finding in check(context)]


def hook(
    *, kind: str = "PreSync", wave: int = -1, pod: str = "", spec: str = "", container: str = "", extra: str = ""
) -> str:
    return f"""\
apiVersion: batch/v1
kind: Job
metadata:
  name: migration
  annotations: {{argocd.argoproj.io/hook: {kind}, argocd.argoproj.io/sync-wave: '{wave}'{extra}}}
spec:
  activeDeadlineSeconds: 60
  {spec}
  template:
    spec:
      automountServiceAccountToken: false
      {pod}
      containers: [{{name: m, image: 'ghcr.io/a/api:1.2', {container}{LIMITS}}}]
---
"""


def workload(
    *, kind: str = "Deployment", spec: str = "", pod: str = "", container: str = "", image: str = "a/api:1.2"
) -> str:
    return f"""\
apiVersion: apps/v1
kind: {kind}
metadata: {{name: api}}
spec:
  {spec}
  template:
    spec:
      automountServiceAccountToken: false
      {pod}
      containers: [{{name: api, image: 'ghcr.io/{image}', {container}{LIMITS}}}]
---
"""


def config(name: str = "c", *, annotations: str = "", data: str = "", kind: str = "ConfigMap") -> str:
    return f"apiVersion: v1\nkind: {kind}\nmetadata: {{name: {name}, annotations: {{{annotations}}}}}\n{data}\n---\n"


def pre_sync(wave: int) -> str:
    return f"argocd.argoproj.io/hook: PreSync, argocd.argoproj.io/sync-wave: '{wave}'"


def init(name: str, command: str) -> str:
    return f"initContainers: [{{name: {name}, image: 'ghcr.io/a/api:1.2', command: [sh, -c, '{command}'], {LIMITS}}}]"


def volume(source: str) -> str:
    return f"volumes: [{{name: v, {source}}}]"


CLAIM = "PersistentVolumeClaim"
NEEDS_KEY = "env: [{name: A, valueFrom: {secretKeyRef: {name: c, key: a}}}], "
NEEDS_SECRET = "envFrom: [{secretRef: {name: c}}], "
NEEDS_CONFIG = "envFrom: [{configMapRef: {name: c}}], "
ELSEWHERE = config().replace("{name: c", "{name: c, namespace: other")
APP = "{{apiVersion: argoproj.io/v1alpha1, kind: {kind}, metadata: {{name: a}}, spec: {spec}}}"
PULLS = "imagePullSecrets: [{name: s}]"


def test_a_finding_in_an_item_of_a_list_has_the_line_of_the_item() -> None:
    (document,) = parse(
        "kind: List\napiVersion: v1\nitems:\n- {}\n- apiVersion: v1\n  kind: ConfigMap\n  metadata:\n"
        "    name: a\n    annotations:\n      argocd.argoproj.io/sync-wave: a\n",
        "x.yaml",
    )
    item = replace(identify(Document("x.yaml", 1, "", document.data["items"][1])), document=document)

    (finding,) = check(context_of([item]))

    assert (finding.line, finding.column) == (10, 7)


class TestHooks:
    @pytest.mark.parametrize(
        ("annotations", "rules"),
        [
            ("argocd.argoproj.io/hook: 'PreSync,PostSync'", []),
            ("argocd.argoproj.io/hook: 'PreSync, Presync'", ["H101"]),
            ("argocd.argoproj.io/hook: ''", ["H101"]),
            ("argocd.argoproj.io/hook: Skip", []),
            ("argocd.argoproj.io/hook: PostDelete", []),
            ("helm.sh/hook: 'pre-install,test'", []),
            ("helm.sh/hook: preinstall", ["H101"]),
            ("helm.sh/hook: pre-install, helm.sh/hook-weight: heavy", ["H102"]),
            ("helm.sh/hook: pre-install, helm.sh/hook-delete-policy: 'hook-succeeded,never'", ["H103"]),
            ("argocd.argoproj.io/sync-wave: '1.0'", ["H102"]),
            ("argocd.argoproj.io/sync-wave: '+2'", []),
        ],
    )
    def test_annotations(self, annotations: str, rules: list[str]) -> None:
        assert rules_in(config(annotations=annotations)) == rules

    @pytest.mark.parametrize(
        ("kind", "spec", "rules"),
        [
            ("batch/v1, kind: Job", "{}", ["H105"]),
            ("batch/v1, kind: Job", "{suspend: true}", []),
            ("batch/v1, kind: Job", "{template: {spec: {activeDeadlineSeconds: 5}}}", ["S403"]),
            ("batch/v1, kind: Job", "{activeDeadlineSeconds: 5, ttlSecondsAfterFinished: 59}", ["H106"]),
            ("batch/v1, kind: Job", "{activeDeadlineSeconds: 5, ttlSecondsAfterFinished: 60}", []),
            ("v1, kind: Pod", "{automountServiceAccountToken: false}", ["H105"]),
            ("argoproj.io/v1alpha1, kind: Workflow", "{}", ["H105"]),
            ("v1, kind: Service", "{}", []),
        ],
    )
    def test_hooks_that_end_or_not(self, kind: str, spec: str, rules: list[str]) -> None:
        text = f"{{apiVersion: {kind}, metadata: {{name: a, annotations: {{{pre_sync(0)}}}}}, spec: {spec}}}"

        assert rules_in(text) == rules

    @pytest.mark.parametrize(
        ("policy", "rules"), [("BeforeHookCreation", ["H107"]), ("HookSucceeded", ["H107"]), ("Never", [])]
    )
    def test_volume_claims(self, policy: str, rules: list[str]) -> None:
        annotations = f"argocd.argoproj.io/hook: PreSync, argocd.argoproj.io/hook-delete-policy: {policy}"

        assert rules_in(config(kind="PersistentVolumeClaim", annotations=annotations)) == rules

    @pytest.mark.parametrize(
        ("policy", "backoff", "rules"),
        [
            ("retry: {limit: 1}", 4, []),
            ("retry: {limit: 1}", 5, ["H108"]),
            ("automated: {}", 1, ["H108"]),
            ("automated: {enabled: false}", 3, []),
            ("retry: {limit: -1}", 0, ["H108"]),
            ("syncOptions: []", 6, []),
        ],
    )
    def test_attempts(self, policy: str, backoff: int, rules: list[str]) -> None:
        app = APP.format(kind="Application", spec=f"{{destination: {{namespace: default}}, syncPolicy: {{{policy}}}}}")
        assert rules_in(hook(spec=f"backoffLimit: {backoff}") + config(), apps=app) == rules


RECORDS = "command: [/bin/sh, /migration-runner/record.sh], args: [{}], "
CONFIRM = hook(kind="PostSync", wave=100, container=RECORDS.format("confirm"))
ROLLOUT = hook(kind="Sync", wave=-100, container=RECORDS.format("rollout"))


class TestOrder:
    @pytest.mark.parametrize(
        ("text", "rules"),
        [
            (CONFIRM + hook(kind="PostSync", wave=99), []),
            (CONFIRM + hook(kind="PostSync", wave=100), ["O205"]),
            (CONFIRM + hook(kind="PostSync", wave=101), ["O205"]),
            (CONFIRM + hook(kind="'PreSync,PostSync'", wave=101), ["O205"]),
            (CONFIRM + hook(kind="Sync", wave=101), []),
            (ROLLOUT + workload(), []),
            (ROLLOUT + hook(kind="Sync", wave=-99), []),
            (ROLLOUT + hook(kind="Sync", wave=-100), ["O205"]),
            (ROLLOUT + config(annotations="argocd.argoproj.io/sync-wave: '-200'"), []),
            (hook(kind="PostSync", wave=101), []),
        ],
    )
    def test_what_a_rollback_does_not_guard(self, text: str, rules: list[str]) -> None:
        assert rules_in(text) == rules

    @pytest.mark.parametrize(
        ("job", "provider", "rules"),
        [
            (hook(container=NEEDS_CONFIG), config(annotations=pre_sync(-2)), []),
            (hook(container=NEEDS_CONFIG), config(annotations=pre_sync(-1)), []),  # ConfigMaps come before Jobs
            (hook(container=NEEDS_CONFIG), config(annotations=pre_sync(0)), ["O201"]),
            (hook(container=NEEDS_CONFIG), config(), ["O201"]),
            (hook(container=NEEDS_CONFIG), config("other"), []),
            (hook(container="envFrom: [{configMapRef: {name: c, optional: true}}], "), config(), []),
            (hook(container=NEEDS_CONFIG, kind="PostSync"), config(), []),
            (hook(container=NEEDS_CONFIG, kind="Sync"), config(), ["O201"]),
            (hook(container=NEEDS_CONFIG, kind="Sync", wave=0), config(), []),
            (hook(container=NEEDS_CONFIG, kind="SyncFail"), config(), []),
            (hook(container=NEEDS_CONFIG, kind="'PreSync,PostSync'"), config(), ["O201"]),
            (workload(container=NEEDS_CONFIG), config(annotations="argocd.argoproj.io/sync-wave: '1'"), ["O201"]),
            (workload(container=NEEDS_CONFIG), config(annotations="argocd.argoproj.io/sync-wave: '-1'"), []),
            (workload(container=NEEDS_CONFIG), config(), []),
            (hook(pod="serviceAccountName: c"), config(kind="ServiceAccount"), ["O201"]),
            (hook(pod="imagePullSecrets: [{name: c}]"), config(kind="Secret"), ["O201"]),
            (hook(pod=volume("persistentVolumeClaim: {claimName: c}")), config(kind=CLAIM), ["O201"]),
            (hook(pod=volume("projected: {sources: [{secret: {name: c}}]}")), config(kind="Secret"), ["O201"]),
            (hook(pod=volume("secret: {secretName: c}")), config(kind="Secret"), ["O201"]),
            (hook(pod=volume("secret: {secretName: c, optional: true}")), config(kind="Secret"), []),
            (hook(container=NEEDS_KEY), config(kind="Secret"), ["O201"]),
            (hook(container=NEEDS_KEY), config(), []),
            (hook(container=f"env: [{{name: A, valueFrom: {{configMapKeyRef: {{name: c, key: a}}}}}}], {NEEDS_CONFIG}"), config(), ["O201"]),
            (hook(container=NEEDS_CONFIG), ELSEWHERE, []),
        ],
    )  # fmt: skip
    def test_what_a_pod_needs(self, job: str, provider: str, rules: list[str]) -> None:
        assert rules_in(job + provider) == rules

    def test_the_destination_is_the_namespace_of_those_without(self) -> None:
        spec = "{destination: {namespace: other}, syncPolicy: {syncOptions: [CreateNamespace=true]}}"
        app = APP.format(kind="Application", spec=spec)
        assert rules_in(hook(container=NEEDS_CONFIG, spec="backoffLimit: 1") + ELSEWHERE, apps=app) == ["O201"]

    @pytest.mark.parametrize(
        ("producer", "rules"),
        [
            ("kind: ExternalSecret, metadata: {name: x}, spec: {target: {name: c}}", ["O202"]),
            ("kind: ExternalSecret, metadata: {name: c}, spec: {target: {name: x}}", []),
            ("kind: SealedSecret, metadata: {name: c}", ["O202"]),
            (f"kind: SealedSecret, metadata: {{name: c, annotations: {{{pre_sync(-1)}}}}}", ["O204"]),
            (f"kind: SealedSecret, metadata: {{name: c, annotations: {{{pre_sync(-2)}}}}}", []),
        ],
    )
    def test_who_produces_a_secret(self, producer: str, rules: list[str]) -> None:
        assert rules_in(hook(container=NEEDS_SECRET) + f"{{apiVersion: x/v1, {producer}}}") == rules

    def test_a_secret_that_is_there_needs_no_producer(self) -> None:
        secret = config(kind="Secret", annotations=pre_sync(-3))
        assert (
            rules_in(
                hook(container=NEEDS_SECRET) + secret + "{apiVersion: x/v1, kind: SealedSecret, metadata: {name: c}}"
            )
            == []
        )


class TestAgreement:
    @pytest.mark.parametrize(
        ("image", "rules"),
        [("a/api:1.2", []), ("a/api:1.3", ["G301"]), ("a/other:1.3", []), ("a/api@sha256:12", ["G301"])],
    )
    def test_versions(self, image: str, rules: list[str]) -> None:
        assert rules_in(hook() + workload(image=image)) == rules
        canary = workload(image=image).replace("{name: api}", "{name: canary}", 1)
        assert rules_in(hook() + workload() + canary) == []  # one of two is right

    @pytest.mark.parametrize(
        ("hook_pod", "account", "rules"),
        [
            ("", "", ["G303"]),
            ("imagePullSecrets: [{name: mine}]", "", []),
            ("serviceAccountName: c", "", []),
            ("serviceAccountName: c", "imagePullSecrets: [{name: s}]", []),
            ("serviceAccountName: c", "automountServiceAccountToken: true", ["G303"]),
        ],
    )
    def test_pull_secrets(self, hook_pod: str, account: str, rules: list[str]) -> None:
        text = hook(pod=hook_pod, kind="PostSync") + workload(pod=PULLS)
        if account:
            text += config(kind="ServiceAccount", data=account)

        assert rules_in(text) == rules

    def test_another_registry_needs_no_secret_of_this_one(self) -> None:
        other = hook().replace("ghcr.io/a/api", "docker.io/library/postgres")

        assert rules_in(other + workload(pod=PULLS)) == []

    @pytest.mark.parametrize(
        ("own", "theirs", "rules"),
        [
            ("DB_HOST, value: a", "DB_HOST, value: a", []),
            ("DB_HOST, value: a", "DB_HOST, value: b", ["G304"]),
            ("DB_USER, value: a", "DB_USER, value: b", []),
            ("POSTGRES_DB, value: a", "POSTGRES_DB, value: b", ["G304"]),
            ("PGPORT, value: '1'", "PGPORT, value: '2'", ["G304"]),
            ("MAIN_DATABASE_NAME, value: a", "MAIN_DATABASE_NAME, value: b", ["G304"]),
            ("DB_HOST, value: $(HOST)", "DB_HOST, value: b", []),
            ("DB_HOST, valueFrom: {configMapKeyRef: {name: c, key: k}}", "DB_HOST, value: b", ["G304"]),
            ("DB_HOST, valueFrom: {configMapKeyRef: {name: c, key: k}}", "DB_HOST, value: a", []),
            ("DB_HOST, valueFrom: {secretKeyRef: {name: c, key: k}}", "DB_HOST, value: b", []),
            ("LOG_LEVEL, value: a", "LOG_LEVEL, value: b", []),
        ],
    )
    def test_addresses(self, own: str, theirs: str, rules: list[str]) -> None:
        text = hook(container=f"env: [{{name: {own}}}], ") + workload(container=f"env: [{{name: {theirs}}}], ")

        assert rules_in(text + config(annotations=pre_sync(-2), data="data: {k: a}")) == rules

    def test_env_goes_over_env_from(self) -> None:
        shared = config(annotations=pre_sync(-2), data="data: {DB_HOST: a}")
        job = hook(container=NEEDS_CONFIG + "env: [{name: DB_HOST, value: b}], ")

        assert rules_in(job + workload(container=NEEDS_CONFIG) + shared) == ["G304"]
        assert rules_in(hook(container=NEEDS_CONFIG) + workload(container=NEEDS_CONFIG) + shared) == []

    def test_env_of_unknown_content_hides_what_env_from_says(self) -> None:
        shared = config(annotations=pre_sync(-2), data="data: {DB_HOST: a}")
        secret = "env: [{name: DB_HOST, valueFrom: {secretKeyRef: {name: s, key: host}}}], "

        text = hook(container=NEEDS_CONFIG + secret) + workload(container="env: [{name: DB_HOST, value: b}], ") + shared

        assert rules_in(text) == []

    def test_a_workload_of_another_image_among_several_is_not_compared(self) -> None:
        job = hook(container="env: [{name: DB_HOST, value: a}], ")
        others = [
            workload(image=f"a/{name}:1.2", container="env: [{name: DB_HOST, value: b}], ").replace(
                "api}", f"{name}}}", 1
            )
            for name in ("cart", "mail")
        ]

        assert rules_in(job + others[0]) == ["G304"]
        assert rules_in(job + "".join(others)) == []

    @pytest.mark.parametrize(
        ("kind", "spec", "name", "command", "rules"),
        [
            ("Deployment", "replicas: 2", "db-migration", "x", ["G305"]),
            ("Deployment", "replicas: 2", "prepare", "npm run migrate", ["G305"]),
            ("Deployment", "replicas: 2", "prepare", "chown -R app /data", []),
            ("Deployment", "replicas: 1", "db-migration", "x", []),
            ("Deployment", "{}", "db-migration", "x", []),
            ("Deployment", "replicas: 2", "db-migration", "prisma migrate deploy", []),
            ("Deployment", "replicas: 2", "db-migration", "select pg_advisory_lock(1)", []),
            ("Deployment", "replicas: 2", "db-migration", "/migration-runner/run.sh lock=node", []),
            ("Deployment", "replicas: 2", "db-migration", "/migration-runner/run.sh lock=none", ["G305"]),
            ("Deployment", "replicas: 2", "migrate", "cat pnpm-lock.yaml && pnpm migrate", ["G305"]),
            ("StatefulSet", "replicas: 2", "db-migration", "x", []),
            ("StatefulSet", "{replicas: 2, podManagementPolicy: Parallel}", "db-migration", "x", ["G305"]),
            ("DaemonSet", "{}", "db-migration", "x", ["G309"]),
        ],
    )
    def test_who_migrates_at_once(self, kind: str, spec: str, name: str, command: str, rules: list[str]) -> None:
        text = workload(kind=kind, spec="" if spec.startswith("{") else spec, pod=init(name, command))
        if "podManagementPolicy" in spec:
            text = text.replace("spec:\n  \n", "spec:\n  replicas: 2\n  podManagementPolicy: Parallel\n", 1)

        assert rules_in(text) == rules

    @pytest.mark.parametrize(
        ("fields", "rules"),
        [
            ("image: 'a/b:main'", ["G302"]),
            ("image: 'a/b:main', imagePullPolicy: Never", ["G302"]),
            ("image: 'a/b:main', imagePullPolicy: Always", []),
            ("image: 'a/b:latest'", []),
            ("image: 'a/b'", []),
            ("image: 'a/b:v1'", []),
            ("image: 'a/b:main@sha256:00'", []),
        ],
    )
    def test_stale_images(self, fields: str, rules: list[str]) -> None:
        text = workload().replace("image: 'ghcr.io/a/api:1.2'", fields)

        assert rules_in(text) == rules

    def test_lost_patches_of_a_shared_base_are_found_without_composition(self) -> None:
        files = {"o/kustomization.yaml": b"patches:\n- {target: {kind: Job}, patch: '{kind: Job}'}\nbases: []\n"}

        found = check(context_of([], overlay=overlay_of(files.get, "o")))

        assert [(each.rule, each.path, each.line) for each in found] == [
            ("G306", "o/kustomization.yaml", 2),
            ("G308", "o/kustomization.yaml", 3),
        ]


class TestSecurity:
    def test_a_finding_does_not_repeat_the_secret(self) -> None:
        context = context_of(read(workload(container="env: [{name: A_TOKEN, value: hunter22}], ")))

        (finding,) = check(context)

        assert finding.rule == "S401"
        assert "hunter22" not in str(finding)

    @pytest.mark.parametrize(
        "change",
        [
            "hostPID: true",
            "securityContext: {sysctls: [{name: kernel.msgmax}]}",
            "securityContext: {seccompProfile: {type: Unconfined}}",
            "securityContext: {seLinuxOptions: {user: root}}",
        ],
    )
    @pytest.mark.parametrize("level", ["privileged", "baseline"])
    def test_the_level_decides_about_pods(self, change: str, level: PodSecurity) -> None:
        assert rules_in(workload(pod=change), security=level) == (["S404"] if level == "baseline" else [])

    @pytest.mark.parametrize(
        "change",
        [
            "securityContext: {capabilities: {add: [SYS_ADMIN]}}, ",
            "securityContext: {procMount: Unmasked}, ",
            "securityContext: {appArmorProfile: {type: Unconfined}}, ",
            "ports: [{containerPort: 1, hostPort: 1}], ",
        ],
    )
    def test_baseline_forbids_in_containers(self, change: str) -> None:
        assert rules_in(workload(container=change)) == ["S404"]

    def test_cron_jobs_make_pods_too(self) -> None:
        cron = (
            "{apiVersion: batch/v1, kind: CronJob, metadata: {name: a}, "
            "spec: {jobTemplate: {spec: {template: {spec: {hostIPC: true}}}}}}"
        )

        assert rules_in(cron) == ["S403", "S404"]

    @pytest.mark.parametrize(
        ("account", "rules"),
        [
            ("{name: default}\nautomountServiceAccountToken: false", []),
            ("{name: other}\nautomountServiceAccountToken: false", ["S403"]),
        ],
    )
    def test_the_default_account_may_decline_for_all(self, account: str, rules: list[str]) -> None:
        text = workload().replace("automountServiceAccountToken: false", "restartPolicy: Always")

        assert rules_in(text + f"apiVersion: v1\nkind: ServiceAccount\nmetadata: {account}\n") == rules


class TestApplications:
    @pytest.mark.parametrize(
        ("window", "rules"),
        [
            ("{kind: allow, schedule: '* * * * *', duration: 1h, applications: [a]}", []),
            ("{kind: allow, schedule: '@daily', duration: 1h30m, namespaces: [a]}", []),
            ("{kind: Allow, schedule: '* * * * *', duration: 1h, applications: [a]}", ["P502"]),
            ("{kind: deny, schedule: '* * * *', duration: 1h, applications: [a]}", ["P502"]),
            ("{kind: deny, schedule: '* * * * *', duration: 1 hour, applications: [a]}", ["P502"]),
            ("{kind: deny, schedule: '* * * * *', duration: 1h}", ["P502"]),
        ],
    )
    def test_sync_windows(self, window: str, rules: list[str]) -> None:
        assert rules_in(APP.format(kind="AppProject", spec=f"{{syncWindows: [{window}]}}")) == rules

    def test_an_application_of_another_group_is_none(self) -> None:
        text = APP.format(kind="Application", spec="{syncPolicy: {retry: {limit: -1}}}")
        assert rules_in(text.replace("argoproj.io/v1alpha1", "app.k8s.io/v1beta1")) == []

    @pytest.mark.parametrize(
        ("path", "directory", "deployed"),
        [
            ("argocd/overlays/a", "argocd/overlays/a", True),
            ("argocd/overlays/a/", "overlays/a", True),
            ("overlays/a", "tree/overlays/a", True),
            ("overlays/a", "overlays/ba", False),
            ("a", "overlays/b", False),
        ],
    )
    def test_which_directory_an_application_deploys(self, path: str, directory: str, *, deployed: bool) -> None:
        (app,) = read(APP.format(kind="Application", spec=f"{{source: {{path: {path}}}}}"))
        assert bool(deploying(directory, [app])) is deployed


@pytest.mark.parametrize(
    ("reference", "parts", "mutable", "policy"),
    [
        ("a", ("a", "", ""), True, "Always"),
        ("host:5000/a/b:main", ("host:5000/a/b", "main", ""), True, "IfNotPresent"),
        ("host:5000/a", ("host:5000/a", "", ""), True, "Always"),
        ("a:1.2", ("a", "1.2", ""), False, "IfNotPresent"),
        ("a:latest", ("a", "latest", ""), True, "Always"),
        ("a:main@sha256:0", ("a", "main", "sha256:0"), False, "IfNotPresent"),
        ("a@sha256:0", ("a", "", "sha256:0"), False, "IfNotPresent"),
    ],
)
def test_image_references(reference: str, parts: tuple[str, str, str], *, mutable: bool, policy: str) -> None:
    image = image_of(reference)

    assert astuple(image) == parts
    assert image.mutable is mutable
    assert pull_policy({"image": reference}) == policy
