"""What the edit writes is what the real Kustomize reads."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests import processes
from tests.tools import available
from tests.trees import put

from aegisgen.kube.shape import KUSTOMIZATION_NAMES
from aegisgen.render.kustomization import Patch, Wiring, wire

pytestmark = pytest.mark.tools

WANTED = Wiring(("migration-job.yaml",), (Patch("deployment-patch.yaml", "Deployment", "aegisx-api"),))
FILES = {
    "base/kustomization.yaml": "resources: [deployment.yaml]\n",
    "base/deployment.yaml": """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: aegisx-api}
spec: {template: {spec: {containers: [{name: api, image: api}]}}}
""",
    "overlay/deployment-patch.yaml": """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: aegisx-api}
spec: {template: {spec: {initContainers: [{name: db-migration, image: api}]}}}
""",
    "overlay/migration-job.yaml": "apiVersion: batch/v1\nkind: Job\nmetadata: {name: aegisx-api-migration}\n",
    "overlay/old.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: old}\n",
}

STYLES = {
    "block": "# ours\nnamePrefix: p-\n\nresources:\n  - ../base # base\n  # - other\n\nimages: []\n",
    "zero-indented, CRLF, no final newline": "namePrefix: p-\r\nresources:\r\n- ../base",
    "flow": "namePrefix: p-\nresources: [../base] # base\npatches: []\n",
    "flow over lines": "namePrefix: p-\nresources: [\n  ../base, # base\n]\n",
    "flow document": "{namePrefix: p-, resources: [../base], patches: }\n",
    "JSON with tabs": '{\n\t"namePrefix": "p-",\n\t"resources": [\n\t\t"../base"\n\t]\n}\n',
    "markers": "---\nnamePrefix: p-\nresources:\n- ../base\npatches:\n...\n# end\n",
    "byte order mark": "\ufeffnamePrefix: p-\nresources:\n- ../base\n",
    "inline patches": """\
namePrefix: p-
resources:
- ../base
patches:
- target: {kind: Deployment}
  patch: |
    - op: add
      path: /metadata/labels
      value: {team: a}

# end
""",
    "block scalar that keeps its blank lines": """\
namePrefix: p-
resources: [../base]
patches:
- target: {kind: Deployment}
  patch: |+
    - op: add
      path: /metadata/labels
      value: {team: a}


""",
    "anchors": "namePrefix: &p p-\nresources:\n- &b ../base\ncommonAnnotations: {prefix: *p, base: *b}\n",
    "wrong target": "namePrefix: p-\nresources: [../base]\npatches:\n- path: ./deployment-patch.yaml\n",
}


@pytest.fixture(params=available(["kustomize build", "kubectl kustomize"]))
def build(request: pytest.FixtureRequest) -> list[str]:
    return request.param.split()


def composed(build: list[str], root: Path, text: str, name: str = "kustomization.yaml") -> dict[str, dict]:
    put(root, {**FILES, f"overlay/{name}": text})
    return processes.composed(build, root / "overlay")


@pytest.mark.parametrize("text", STYLES.values(), ids=STYLES.keys())
def test_kustomize_composes_what_the_edit_added(build: list[str], tmp_path: Path, text: str) -> None:
    objects = composed(build, tmp_path, wire(text, "kustomization.yaml", WANTED))

    assert set(objects) == {"Deployment/p-aegisx-api", "Job/p-aegisx-api-migration"}
    pod = objects["Deployment/p-aegisx-api"]["spec"]["template"]["spec"]
    assert [container["name"] for container in pod["initContainers"]] == ["db-migration"]
    labels = objects["Deployment/p-aegisx-api"]["metadata"].get("labels")
    assert labels == ({"team": "a"} if "team: a" in text else None)


@pytest.mark.parametrize(
    "text",
    [
        "resources:\n- ../base\n- old.yaml\npatches:\n- path: deployment-patch.yaml\n",
        "resources: [../base, old.yaml]\n",
    ],
)
def test_kustomize_no_longer_composes_what_the_edit_removed(build: list[str], tmp_path: Path, text: str) -> None:
    after = wire(text, "kustomization.yaml", Wiring((), ()), remove=["old.yaml", "deployment-patch.yaml"])
    objects = composed(build, tmp_path, after)

    assert set(objects) == {"Deployment/aegisx-api"}
    assert "initContainers" not in objects["Deployment/aegisx-api"]["spec"]["template"]["spec"]


def test_kustomize_accepts_the_lists_that_the_edit_leaves_empty(build: list[str], tmp_path: Path) -> None:
    text = "namePrefix: p-\nresources: # ours\n# old\n- old.yaml\npatches: [{path: deployment-patch.yaml}]\n"
    after = wire(text, "k.yaml", Wiring(("../base",), ()), remove=["old.yaml", "deployment-patch.yaml"])
    emptied = wire(text, "k.yaml", Wiring((), ()), remove=["old.yaml", "deployment-patch.yaml"])

    assert emptied == "namePrefix: p-\nresources: [] # ours\n# old\npatches: []\n"
    assert set(composed(build, tmp_path, after)) == {"Deployment/p-aegisx-api"}
    assert set(composed(build, tmp_path, wire(emptied, "k.yaml", Wiring(("../base",), ())))) == {
        "Deployment/p-aegisx-api"
    }


@pytest.mark.parametrize("name", KUSTOMIZATION_NAMES)
def test_kustomize_reads_the_file_under_each_of_its_names(build: list[str], tmp_path: Path, name: str) -> None:
    assert "Deployment/aegisx-api" in composed(build, tmp_path, "resources: [../base]\n", name)
