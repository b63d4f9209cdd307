"""The rules about hooks, in words."""

from __future__ import annotations

from aegisgen.rules.texts import Text

TEXTS = {
    "H101": Text(
        explanation="""\
Argo CD reads hook types letter by letter: `presync` is not `PreSync`. A type it does not know is dropped without a
message. A resource whose only type is unknown is still a hook, but one without a phase: it is never applied, the
sync is green, and a migration in it never runs.""",
        fix="write the type as Argo CD does: PreSync, Sync, PostSync, SyncFail, Skip, PreDelete or PostDelete",
        source="Argo CD, gitops-engine: pkg/sync/hook/hook.go, pkg/sync/sync_phase.go, pkg/sync/common/types.go",
        bad="""\
apiVersion: batch/v1
kind: Job
metadata:
  name: migration
  annotations:
    argocd.argoproj.io/hook: presync
spec:
  activeDeadlineSeconds: 600
""",
        good="""\
apiVersion: batch/v1
kind: Job
metadata:
  name: migration
  annotations:
    argocd.argoproj.io/hook: PreSync
spec:
  activeDeadlineSeconds: 600
""",
    ),
    "H102": Text(
        explanation="""\
A sync wave that is not an integer counts as 0, or as the Helm hook weight where there is one. Nothing says so: what
was meant to come first comes with everything else.""",
        fix="write the wave as an integer in quotes, such as '-1'",
        source="Argo CD, gitops-engine: pkg/sync/syncwaves/waves.go",
        bad="""\
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
  annotations:
    argocd.argoproj.io/sync-wave: first
""",
        good="""\
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
  annotations:
    argocd.argoproj.io/sync-wave: '-1'
""",
    ),
    "H103": Text(
        explanation="""\
Delete policies that Argo CD does not know are dropped, and where none is left BeforeHookCreation applies. A typo
thus changes without a message when a hook and its logs disappear.""",
        fix="write BeforeHookCreation, HookSucceeded or HookFailed",
        source="Argo CD, gitops-engine: pkg/sync/hook/delete_policy.go",
        bad="""\
apiVersion: batch/v1
kind: Job
metadata:
  name: migration
  annotations:
    argocd.argoproj.io/hook: PreSync
    argocd.argoproj.io/hook-delete-policy: HookSucceded
spec:
  activeDeadlineSeconds: 600
""",
        good="""\
apiVersion: batch/v1
kind: Job
metadata:
  name: migration
  annotations:
    argocd.argoproj.io/hook: PreSync
    argocd.argoproj.io/hook-delete-policy: HookSucceeded
spec:
  activeDeadlineSeconds: 600
""",
    ),
    "H104": Text(
        explanation="""\
BeforeHookCreation, also the default, deletes the hook of the same name before it creates the next one. With
generateName every sync has a new name, so nothing is ever deleted, and finished hooks pile up in the namespace.""",
        fix="give the hook a name, or a policy that deletes it when it ends (HookSucceeded, HookFailed)",
        source="Argo CD documentation, user-guide/resource_hooks",
        bad="""\
apiVersion: batch/v1
kind: Job
metadata:
  generateName: migration-
  annotations:
    argocd.argoproj.io/hook: PreSync
    argocd.argoproj.io/hook-delete-policy: BeforeHookCreation
spec:
  activeDeadlineSeconds: 600
""",
        good="""\
apiVersion: batch/v1
kind: Job
metadata:
  generateName: migration-
  annotations:
    argocd.argoproj.io/hook: PreSync
    argocd.argoproj.io/hook-delete-policy: HookSucceeded,HookFailed
spec:
  activeDeadlineSeconds: 600
""",
    ),
    "H105": Text(
        explanation="""\
Argo CD waits for a hook Job until it is complete or failed and has no timeout of its own. A pod that cannot start,
because its image cannot be pulled or a ConfigMap is missing, is neither: without a deadline the sync hangs until a
person ends it. A suspended Job is an approval gate and waits on purpose.""",
        fix="set spec.activeDeadlineSeconds to the longest that all attempts together may take",
        source="Argo CD, gitops-engine: pkg/health/health_job.go, pkg/sync/sync_context.go",
        bad="""\
apiVersion: batch/v1
kind: Job
metadata:
  name: migration
  annotations:
    argocd.argoproj.io/hook: PreSync
spec:
  backoffLimit: 3
""",
        good="""\
apiVersion: batch/v1
kind: Job
metadata:
  name: migration
  annotations:
    argocd.argoproj.io/hook: PreSync
spec:
  backoffLimit: 3
  activeDeadlineSeconds: 1800
""",
    ),
    "H106": Text(
        explanation="""\
ttlSecondsAfterFinished lets Kubernetes delete a finished Job. If that happens before Argo CD has looked at it, the
hook is gone and its success with it; older releases then waited for ever.""",
        fix="keep the finished Job for a minute at least; its logs are worth more than that",
        source="argo-cd issues 21055 and 6880",
        bad="""\
apiVersion: batch/v1
kind: Job
metadata:
  name: migration
  annotations:
    argocd.argoproj.io/hook: PreSync
spec:
  activeDeadlineSeconds: 600
  ttlSecondsAfterFinished: 0
""",
        good="""\
apiVersion: batch/v1
kind: Job
metadata:
  name: migration
  annotations:
    argocd.argoproj.io/hook: PreSync
spec:
  activeDeadlineSeconds: 600
  ttlSecondsAfterFinished: 604800
""",
    ),
    "H107": Text(
        explanation="""\
A hook is deleted and created again in every sync, or when it ends. For a PersistentVolumeClaim this means the
volume and everything on it, such as the backups that were taken before each migration.""",
        fix="make the claim an ordinary resource of an early wave, and keep it with the option Prune=false",
        source="argo-cd issue 3837",
        bad="""\
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: backups
  annotations:
    argocd.argoproj.io/hook: PreSync
""",
        good="""\
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: backups
  annotations:
    argocd.argoproj.io/sync-options: Prune=false
""",
    ),
    "H108": Text(
        explanation="""\
Every retry of a sync creates its hooks anew, and each new Job has all of its own attempts: a failing migration runs
(retry.limit + 1) x (backoffLimit + 1) times. An automated sync that says nothing of retries gets five.""",
        fix="let the Job or the sync retry, not both: lower backoffLimit or syncPolicy.retry.limit",
        source="Argo CD, controller/appcontroller.go (autoSync) and gitops-engine: pkg/sync/sync_context.go",
        bad="""\
# file: apps/api.yaml
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: api
spec:
  source: {path: deploy}
  destination: {namespace: default}
  syncPolicy:
    retry: {limit: 5}
# file: deploy/job.yaml
apiVersion: batch/v1
kind: Job
metadata:
  name: migration
  annotations:
    argocd.argoproj.io/hook: PreSync
spec:
  backoffLimit: 3
  activeDeadlineSeconds: 600
# file: deploy/config.yaml
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
""",
        good="""\
# file: apps/api.yaml
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: api
spec:
  source: {path: deploy}
  destination: {namespace: default}
  syncPolicy:
    retry: {limit: 1}
# file: deploy/job.yaml
apiVersion: batch/v1
kind: Job
metadata:
  name: migration
  annotations:
    argocd.argoproj.io/hook: PreSync
spec:
  backoffLimit: 3
  activeDeadlineSeconds: 600
# file: deploy/config.yaml
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
""",
    ),
    "H109": Text(
        explanation="""\
Hooks are not part of what Argo CD compares. An application of hooks alone is never OutOfSync, so automated sync
never starts: it runs when a person or a webhook of one's own asks for a sync, and else never.""",
        fix="deploy the hooks with the workload they serve, or let an ordinary resource change with each release",
        source="Argo CD documentation, user-guide/resource_hooks and user-guide/auto_sync",
        bad="""\
# file: apps/migration.yaml
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: migration
spec:
  source: {path: deploy}
  destination: {namespace: default}
# file: deploy/job.yaml
apiVersion: batch/v1
kind: Job
metadata:
  name: migration
  annotations:
    argocd.argoproj.io/hook: Sync
spec:
  activeDeadlineSeconds: 600
""",
        good="""\
# file: apps/migration.yaml
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: migration
spec:
  source: {path: deploy}
  destination: {namespace: default}
# file: deploy/job.yaml
apiVersion: batch/v1
kind: Job
metadata:
  name: migration
  annotations:
    argocd.argoproj.io/hook: Sync
spec:
  activeDeadlineSeconds: 600
# file: deploy/release.yaml
apiVersion: v1
kind: ConfigMap
metadata:
  name: release
data:
  version: 1.4.2
""",
    ),
    "H110": Text(
        explanation="""\
With annotations of both kinds on one resource Argo CD goes by its own type and Helm by its own, while delete
policies of the two add up. What the resource does then depends on who installs it.""",
        fix="keep the annotations of the tool that deploys the resource",
        source="Argo CD, gitops-engine: pkg/sync/hook/hook.go; argo-cd issue 15613",
        bad="""\
apiVersion: batch/v1
kind: Job
metadata:
  name: migration
  annotations:
    argocd.argoproj.io/hook: PreSync
    helm.sh/hook: post-upgrade
spec:
  activeDeadlineSeconds: 600
""",
        good="""\
apiVersion: batch/v1
kind: Job
metadata:
  name: migration
  annotations:
    helm.sh/hook: pre-install,pre-upgrade
spec:
  activeDeadlineSeconds: 600
""",
    ),
    "H111": Text(
        explanation="""\
Hooks are not compared, and a tag that stays the same changes nothing in git. A new image under the same tag
therefore starts no sync: the release is built, and its migration does not run. Tags without a digit in them, such
as `production` or `latest`, count as mutable.""",
        fix="deploy a version or a digest, and let the build write it into git",
        source="Argo CD documentation, user-guide/resource_hooks",
        bad="""\
apiVersion: batch/v1
kind: Job
metadata:
  name: migration
  annotations:
    argocd.argoproj.io/hook: PreSync
spec:
  activeDeadlineSeconds: 600
  template:
    spec:
      automountServiceAccountToken: false
      containers:
        - name: migration
          image: ghcr.io/example/api:production
          imagePullPolicy: Always
          resources: {requests: {cpu: 100m, memory: 128Mi}, limits: {memory: 128Mi}}
""",
        good="""\
apiVersion: batch/v1
kind: Job
metadata:
  name: migration
  annotations:
    argocd.argoproj.io/hook: PreSync
spec:
  activeDeadlineSeconds: 600
  template:
    spec:
      automountServiceAccountToken: false
      containers:
        - name: migration
          image: ghcr.io/example/api:1.4.2
          resources: {requests: {cpu: 100m, memory: 128Mi}, limits: {memory: 128Mi}}
""",
    ),
}
