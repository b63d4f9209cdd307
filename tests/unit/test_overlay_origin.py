"""From a composed object back to the line that somebody wrote."""

from __future__ import annotations

import pytest

from aegisgen.kube.origin import origin_of
from aegisgen.kube.overlay import overlay_of
from aegisgen.kube.resource import Resource, identify
from aegisgen.yaml.source import Document, parse

FILES = {
    "over/kustomization.yaml": """\
namespace: staging
namePrefix: staging-
resources:
  - ../base
patches:
  - path: patch.yaml
    target: {kind: Deployment, name: api}
  - target: {kind: Deployment}
    patch: |-
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: any}
      spec:
        minReadySeconds: 7
  - target: {kind: Deployment}
    patch: |-
      - op: add
        path: /spec/template/spec/containers/-
        value:
          name: side
          image: side:1
      - op: replace
        path: /spec/paused
        value: true
  - target: {kind: Deployment}
    patch: '[{op: add, path: /spec/revisionHistoryLimit, value: 3}]'
configMapGenerator:
  - name: config
    behavior: merge
    literals:
      - HOST=staging
  - name: own
    literals:
      - KEY=a=b
    files:
      - conf/app.ini
      - other.ini=conf/x.ini
images:
  - name: ghcr.io/a/api
    newTag: staging
replicas:
  - name: api
    count: 3
""",
    "over/patch.yaml": """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: api
spec:
  template:
    spec:
      initContainers:
        - name: migrate
          image: ghcr.io/a/api
      containers:
        - name: api
          env:
            - name: LEVEL
              value: debug
""",
    "base/kustomization.yaml": "resources:\n  - api.yaml\n  - config.yaml\n",
    "base/api.yaml": """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: api
spec:
  replicas: 1
  paused: false
  template:
    spec:
      containers:
        - name: sidecar
          image: sidecar:1
        - name: api
          image: ghcr.io/a/api
          env:
            - name: FIRST
              value: a
            - name: LEVEL
              value: info
          volumeMounts:
            - {name: tmp, mountPath: /a}
            - {name: tmp, mountPath: /b, readOnly: true}
""",
    "base/config.yaml": """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: config
data:
  HOST: base
  PORT: '1'
""",
}
COMPOSED = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: staging-api, namespace: staging}
spec:
  replicas: 3
  paused: true
  minReadySeconds: 7
  revisionHistoryLimit: 3
  template:
    spec:
      initContainers:
        - {name: migrate, image: 'ghcr.io/a/api:staging'}
      containers:
        - name: api
          image: ghcr.io/a/api:staging
          env:
            - {name: LEVEL, value: debug}
            - {name: FIRST, value: a}
          volumeMounts:
            - {name: tmp, mountPath: /b, readOnly: true}
            - {name: tmp, mountPath: /a}
        - {name: sidecar, image: 'sidecar:1'}
        - {name: side, image: 'side:1'}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: staging-config, namespace: staging}
data: {HOST: staging, PORT: '1'}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: staging-own-4h2mbtbbt6, namespace: staging}
data: {KEY: a=b, app.ini: x, other.ini: y}
---
apiVersion: v1
kind: Service
metadata: {name: staging-api, namespace: staging}
"""

POD = ("spec", "template", "spec")


def composed() -> list[Resource]:
    documents = [document for document in parse(COMPOSED, "over") if isinstance(document, Document)]
    return [resource for document in documents if isinstance(resource := identify(document), Resource)]


@pytest.mark.parametrize(
    ("number", "path", "place"),
    [
        (0, (), "base/api.yaml:1:1"),
        (0, ("metadata",), "base/api.yaml:3:1"),
        (0, ("spec",), "base/api.yaml:5:1"),
        (0, ("spec", "replicas"), "over/kustomization.yaml:43:5"),
        (0, ("spec", "minReadySeconds"), "over/kustomization.yaml:14:9"),
        (0, ("spec", "paused"), "over/kustomization.yaml:24:9"),
        (0, ("spec", "revisionHistoryLimit"), "over/kustomization.yaml:26:"),
        (0, ("spec", "progressDeadlineSeconds"), "base/api.yaml:5:1"),
        (0, (*POD, "initContainers"), "over/patch.yaml:8:7"),
        (0, (*POD, "initContainers", 0), "over/patch.yaml:9:11"),
        (0, (*POD, "initContainers", 0, "image"), "over/kustomization.yaml:40:5"),
        (0, (*POD, "initContainers", 0, "resources"), "over/patch.yaml:9:11"),
        (0, (*POD, "containers"), "base/api.yaml:10:7"),
        (0, (*POD, "containers", 0), "base/api.yaml:13:11"),
        (0, (*POD, "containers", 0, "image"), "over/kustomization.yaml:40:5"),
        (0, (*POD, "containers", 0, "env", 0, "value"), "over/patch.yaml:15:15"),
        (0, (*POD, "containers", 0, "env", 1, "value"), "base/api.yaml:17:15"),
        (0, (*POD, "containers", 0, "volumeMounts", 0, "readOnly"), "base/api.yaml:22:42"),
        (0, (*POD, "containers", 1, "image"), "base/api.yaml:12:11"),
        (0, (*POD, "containers", 2, "image"), "over/kustomization.yaml:21:11"),
        (1, ("data", "HOST"), "over/kustomization.yaml:31:9"),
        (1, ("data", "PORT"), "base/config.yaml:7:3"),
        (2, (), "over/kustomization.yaml:32:5"),
        (2, ("data", "KEY"), "over/kustomization.yaml:34:9"),
        (2, ("data", "app.ini"), "over/kustomization.yaml:36:9"),
        (2, ("data", "other.ini"), "over/kustomization.yaml:37:9"),
        (2, ("data", "gone"), "over/kustomization.yaml:32:5"),
    ],
)
def test_a_field_leads_to_the_line_that_sets_it(number: int, path: tuple[str | int, ...], place: str) -> None:
    overlay = overlay_of({name: text.encode() for name, text in FILES.items()}.get, "over")

    origin = origin_of(overlay, composed()[number], path)

    assert origin is not None
    found = ":".join(map(str, (origin.source, *origin.position)))
    assert found.startswith(place)


def test_an_object_that_no_file_explains_has_no_origin() -> None:
    overlay = overlay_of({name: text.encode() for name, text in FILES.items()}.get, "over")

    assert origin_of(overlay, composed()[3], ("metadata", "name")) is None
