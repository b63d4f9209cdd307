"""The rules about Applications, in words."""

from __future__ import annotations

from aegisgen.rules.texts import Text

_GATED = """\
# file: apps/api.yaml
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: api
spec:
  source: {path: deploy}
  destination: {namespace: default}
  syncPolicy:
    automated: {selfHeal: %s}
# file: deploy/gate.yaml
apiVersion: batch/v1
kind: Job
metadata:
  name: approval
  annotations:
    argocd.argoproj.io/hook: PreSync
spec:
  suspend: true
  backoffLimit: 0
# file: deploy/config.yaml
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
"""

_PROJECT = """\
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata:
  name: shop
spec:
  syncWindows:
    - kind: allow
      schedule: '0 6 * * 1-5'
      duration: 2h
"""

_NAMESPACED = """\
# file: apps/api.yaml
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: api
spec:
  source: {path: deploy}
  destination: {namespace: shop}
%s# file: deploy/config.yaml
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
"""

_RETRIED = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: api
spec:
  source: {path: elsewhere}
  syncPolicy:
    retry: {limit: %s}
"""

TEXTS = {
    "P501": Text(
        explanation="""\
selfHeal starts a sync whenever the cluster differs from git, at any hour. In a build with an approval gate, a hook
Job that is suspended until somebody resumes it, each such sync stops there and blocks the next deployment until
somebody approves what nobody asked for.""",
        fix="switch selfHeal off where a person approves, or automated sync altogether",
        source="Argo CD documentation, user-guide/auto_sync; gitops-engine: pkg/health/health_job.go",
        bad=_GATED % "true",
        good=_GATED % "false",
    ),
    "P502": Text(
        explanation="""\
A sync window that cannot be read, or names no applications, namespaces or clusters, neither allows nor denies
anything. Whoever relies on it deploys at hours they meant to rule out.""",
        fix="give it kind allow or deny, five cron fields, a duration such as 2h, and what it applies to",
        source="Argo CD documentation, user-guide/sync_windows",
        bad=_PROJECT,
        good=_PROJECT + "      applications: ['*']\n",
    ),
    "P503": Text(
        explanation="""\
Argo CD creates the destination namespace only when asked to. If it is not part of the build either, the first sync
fails in every environment where nobody has made it by hand.""",
        fix="add CreateNamespace=true to syncPolicy.syncOptions, or the Namespace to the build",
        source="Argo CD documentation, user-guide/sync-options",
        bad=_NAMESPACED % "",
        good=_NAMESPACED % "  syncPolicy:\n    syncOptions: [CreateNamespace=true]\n",
    ),
    "P504": Text(
        explanation="""\
Every retry of a failed sync runs its hooks again, a migration included. With a negative limit that never ends, and
with a large one it goes on for hours after somebody should have looked.""",
        fix="set syncPolicy.retry.limit to a few attempts, with a backoff",
        source="Argo CD documentation, user-guide/auto_sync; gitops-engine: pkg/sync/sync_context.go",
        bad=_RETRIED % "-1",
        good=_RETRIED % "2",
    ),
}
