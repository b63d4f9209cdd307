"""The rules about order, in words."""

from __future__ import annotations

from aegisgen.rules.texts import Text

_JOB = """\
apiVersion: batch/v1
kind: Job
metadata:
  name: migration
  annotations:
    argocd.argoproj.io/hook: PreSync
    argocd.argoproj.io/sync-wave: '-1'
spec:
  activeDeadlineSeconds: 600
  template:
    spec:
      automountServiceAccountToken: false
      containers:
        - name: migration
          image: ghcr.io/example/api:1.4.2
          envFrom: [{%s: {name: %s}}]
          resources: {requests: {cpu: 100m, memory: 128Mi}, limits: {memory: 128Mi}}
---
"""

TEXTS = {
    "O201": Text(
        explanation="""\
Argo CD applies phase after phase and wave after wave, and goes on when a wave is healthy. A pod that needs a
ConfigMap, Secret, ServiceAccount or volume claim of a later wave cannot start (CreateContainerConfigError,
Pending), so that wave never ends and the later one never comes: the first sync hangs. On later syncs the object is
there from the time before, and the pod reads the former values.""",
        fix="apply what the pod needs in an earlier wave of the same phase",
        source="Argo CD, gitops-engine: pkg/sync/sync_context.go; argo-cd issues 9891 and 13429",
        bad=_JOB % ("configMapRef", "settings")
        + """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
""",
        good=_JOB % ("configMapRef", "settings")
        + """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
  annotations:
    argocd.argoproj.io/hook: PreSync
    argocd.argoproj.io/sync-wave: '-4'
""",
    ),
    "O202": Text(
        explanation="""\
An ExternalSecret or SealedSecret is applied like any other resource, and its controller makes the Secret only then.
A hook of an earlier phase waits for a Secret that nobody makes yet.""",
        fix="make the ExternalSecret or SealedSecret a hook of an earlier wave of the same phase",
        source="Argo CD, gitops-engine: pkg/sync/sync_context.go; External Secrets and Sealed Secrets documentation",
        bad=_JOB % ("secretRef", "keys")
        + """\
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata:
  name: keys
""",
        good=_JOB % ("secretRef", "keys")
        + """\
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata:
  name: keys
  annotations:
    argocd.argoproj.io/hook: PreSync
    argocd.argoproj.io/sync-wave: '-4'
""",
    ),
    "O203": Text(
        explanation="""\
Kustomize ends the name of a generated ConfigMap or Secret in a hash of its content and writes that name into every
reference, a hook's included. Whenever the content changes, the hook refers to an object that is applied only after
it: not only the first sync hangs, but every one that changes the content.""",
        fix="generate a second object as a PreSync hook (options.annotations) and let the hook read that one",
        source="observed with Kustomize 5; kubernetes-sigs/kustomize, configMapGenerator",
        bad=_JOB % ("configMapRef", "settings-4h2mbtbbt6")
        + """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings-4h2mbtbbt6
""",
        good=_JOB % ("configMapRef", "settings-4h2mbtbbt6")
        + """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings-4h2mbtbbt6
  annotations:
    argocd.argoproj.io/hook: PreSync
    argocd.argoproj.io/sync-wave: '-4'
""",
    ),
    "O204": Text(
        explanation="""\
Hooks of one wave are applied together, ordered by kind and name, and none waits for another. A Job comes before
custom resources: it starts before its ExternalSecret is applied, and reads the Secret of the last sync or none.""",
        fix="give the two different waves, the needed one the earlier",
        source="Argo CD, gitops-engine: pkg/sync/sync_tasks.go",
        bad=_JOB % ("secretRef", "keys")
        + """\
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata:
  name: keys
  annotations:
    argocd.argoproj.io/hook: PreSync
    argocd.argoproj.io/sync-wave: '-1'
""",
        good=_JOB % ("secretRef", "keys")
        + """\
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata:
  name: keys
  annotations:
    argocd.argoproj.io/hook: PreSync
    argocd.argoproj.io/sync-wave: '-2'
""",
    ),
}
