"""Rebuild the bundled schemas, or prove that they are what their sources give.

    python schemas/build.py                     rebuild everything and write checksums.txt
    python schemas/build.py --check             exit 1 where a file differs from its checksum or from a rebuild
    python schemas/build.py --check --offline   the same without the schemas whose sources the `go` command downloads

Needs the development dependencies and, unless `--offline`, the `go` command. SOURCES.md says what comes from where.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import importlib.resources
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import convert
import yaml

from aegisgen.kube.versions import VERSIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve().parent
CHECKSUMS = HERE / "checksums.txt"
FOLDERS = ("kubernetes", "argocd", "external-secrets", "monitoring", "kustomize")

KUBERNETES_PACKAGE = ("kubernetes-validate", "1.37.0")
OBJECT_META_VERSION = "1.37"  # the ObjectMeta that custom resources get
KINDS = (
    "clusterrole-rbac-v1",
    "clusterrolebinding-rbac-v1",
    "configmap-v1",
    "cronjob-batch-v1",
    "customresourcedefinition-apiextensions-v1",
    "daemonset-apps-v1",
    "deployment-apps-v1",
    "event-v1",
    "horizontalpodautoscaler-autoscaling-v1",
    "horizontalpodautoscaler-autoscaling-v2",
    "ingress-networking-v1",
    "job-batch-v1",
    "limitrange-v1",
    "namespace-v1",
    "networkpolicy-networking-v1",
    "persistentvolume-v1",
    "persistentvolumeclaim-v1",
    "pod-v1",
    "poddisruptionbudget-policy-v1",
    "priorityclass-scheduling-v1",
    "replicaset-apps-v1",
    "resourcequota-v1",
    "role-rbac-v1",
    "rolebinding-rbac-v1",
    "secret-v1",
    "service-v1",
    "serviceaccount-v1",
    "statefulset-apps-v1",
    "storageclass-storage-v1",
)


class Module(NamedTuple):
    """A Go module, pinned by the hash that go.sum would hold for it."""

    path: str
    version: str
    hash: str


class Definition(NamedTuple):
    """A CustomResourceDefinition inside a module, and the schema files that come of it, by API version."""

    module: Module
    path: str
    files: dict[str, str]


_ARGO_CD = Module("github.com/argoproj/argo-cd/v3", "v3.6.0", "h1:nagGlvbbk58cvQLplUD2uoKXaNazgfB0LdRk4PuJZl4=")
_ROLLOUTS = Module("github.com/argoproj/argo-rollouts", "v1.10.2", "h1:sEPWsY+HUvnXj3Vh0ejb+GDTceQ/palqhFo2FVQJMk0=")
_EXTERNAL_SECRETS = Module(
    "github.com/external-secrets/external-secrets", "v1.3.2", "h1:u2J8RjlHIeF0oZCqtl92adI/uZWUwOesJIDkfql6LqQ="
)
_SEALED_SECRETS = Module(
    "github.com/bitnami-labs/sealed-secrets", "v0.40.0", "h1:rvCP35JL8ZV5LNA2SrwNR6iLyoM3ulrSFWN0lBtYEYI="
)
_PROMETHEUS_OPERATOR = Module(
    "github.com/prometheus-operator/prometheus-operator", "v0.85.0", "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s="
)
DEFINITIONS = (
    Definition(
        _ARGO_CD, "manifests/crds/application-crd.yaml", {"v1alpha1": "argocd/application-argoproj-v1alpha1.json"}
    ),
    Definition(
        _ARGO_CD, "manifests/crds/applicationset-crd.yaml", {"v1alpha1": "argocd/applicationset-argoproj-v1alpha1.json"}
    ),
    Definition(
        _ARGO_CD, "manifests/crds/appproject-crd.yaml", {"v1alpha1": "argocd/appproject-argoproj-v1alpha1.json"}
    ),
    Definition(_ROLLOUTS, "manifests/crds/rollout-crd.yaml", {"v1alpha1": "argocd/rollout-argoproj-v1alpha1.json"}),
    Definition(
        _EXTERNAL_SECRETS,
        "config/crds/bases/external-secrets.io_externalsecrets.yaml",
        {
            "v1": "external-secrets/externalsecret-external-secrets-v1.json",
            "v1beta1": "external-secrets/externalsecret-external-secrets-v1beta1.json",
        },
    ),
    Definition(
        _SEALED_SECRETS,
        "helm/sealed-secrets/crds/bitnami.com_sealedsecrets.yaml",
        {"v1alpha1": "external-secrets/sealedsecret-bitnami-v1alpha1.json"},
    ),
    Definition(
        _PROMETHEUS_OPERATOR,
        "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
        {"v1": "monitoring/prometheusrule-monitoring-v1.json"},
    ),
)


def main() -> int:
    """Build or check; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 on any difference")
    parser.add_argument("--offline", action="store_true", help="leave out the sources that must be downloaded")
    options = parser.parse_args()
    built = dict(build(offline=options.offline))
    if options.check:
        return check(built, complete=not options.offline)
    for name, content in built.items():
        path = HERE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    CHECKSUMS.write_text(checksums(), encoding="utf-8")
    print(f"{len(built)} schemas written")
    return 0


def build(*, offline: bool) -> Iterator[tuple[str, bytes]]:
    """Yield the name, relative to this folder, and the bytes of every schema that is generated."""
    package, wanted = KUBERNETES_PACKAGE
    found = importlib.metadata.version(package)
    if found != wanted:
        sys.exit(f"{package} {found} is installed, the schemas are built from {wanted}")
    for version in VERSIONS:
        definitions = _source(version, "_definitions")["$defs"]
        for kind in KINDS:
            schema = convert.kubernetes(_source(version, kind), definitions)
            yield f"kubernetes/v{version}/{kind}.json", minified(schema)
        yield f"kubernetes/v{version}/list-v1.json", minified(convert.kubernetes_list(definitions))
    yield "kustomize/component.json", minified(_component())
    if not offline:
        yield from _custom_resources()


def minified(schema: dict[str, Any]) -> bytes:
    """Serialise the same way everywhere: sorted, without blanks, in ASCII, with a final line break."""
    return json.dumps(schema, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def checksums() -> str:
    """The text of checksums.txt for the files as they are, in the format of `sha256sum`."""
    return "".join(f"{hashlib.sha256((HERE / name).read_bytes()).hexdigest()}  {name}\n" for name in _present())


def check(built: dict[str, bytes], *, complete: bool) -> int:
    """Report on stderr what differs from the checksums or from `built`; the exit code."""
    complaints = [f"{line[66:]}: not what checksums.txt says" for line in _differing_lines()]
    for name in sorted(built):
        path = HERE / name
        if not path.is_file() or path.read_bytes() != built[name]:
            complaints.append(f"{name}: not what its source gives")
    if complete:
        made_by_hand = {"kustomize/kustomization.json"}
        complaints += [f"{name}: has no source" for name in _present() if name not in {*built, *made_by_hand}]
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    return 1 if complaints else 0


def _differing_lines() -> list[str]:
    recorded, actual = CHECKSUMS.read_text(encoding="utf-8").splitlines(), checksums().splitlines()
    return sorted({*recorded} ^ {*actual}, key=lambda line: line[66:])


def _present() -> list[str]:
    return sorted(path.relative_to(HERE).as_posix() for folder in FOLDERS for path in (HERE / folder).rglob("*.json"))


def _source(version: str, name: str) -> dict[str, Any]:
    folder = importlib.resources.files("kubernetes_validate") / "kubernetes-json-schema"
    schema: dict[str, Any] = json.loads((folder / f"v{version}.0-local-strict" / f"{name}.json").read_bytes())
    return schema


def _component() -> dict[str, Any]:
    """A Component has a Kustomization's fields (kustomize, api/types/kustomization.go)."""
    schema: dict[str, Any] = json.loads((HERE / "kustomize" / "kustomization.json").read_bytes())
    schema["properties"] |= {
        "apiVersion": {"type": "string", "enum": ["kustomize.config.k8s.io/v1alpha1"]},
        "kind": {"type": "string", "enum": ["Component"]},
    }
    return schema


def _custom_resources() -> Iterator[tuple[str, bytes]]:
    definitions = _source(OBJECT_META_VERSION, "_definitions")["$defs"]
    for source in DEFINITIONS:
        module = source.module
        with zipfile.ZipFile(_download(module)) as archive:
            text = archive.read(f"{module.path}@{module.version}/{source.path}")
        definition = yaml.load(text, yaml.CSafeLoader)
        for version, name in source.files.items():
            yield name, minified(convert.custom_resource(definition, version, definitions))


def _download(module: Module) -> Path:
    with tempfile.TemporaryDirectory() as nowhere:  # outside any module, so that no go.mod has a say
        command = ["go", "mod", "download", "-json", f"{module.path}@{module.version}"]
        run = subprocess.run(command, cwd=nowhere, capture_output=True, text=True, check=False)
    answer: dict[str, str] = json.loads(run.stdout or "{}")
    # A module that wants a newer Go is an error to the command, but the archive is there and verified.
    if "Zip" not in answer:
        sys.exit(f"{module.path}: {answer.get('Error') or run.stderr}")
    if answer.get("Sum") != module.hash:
        sys.exit(f"{module.path} {module.version}: hash {answer.get('Sum')}, expected {module.hash}")
    return Path(answer["Zip"])


if __name__ == "__main__":
    sys.exit(main())
