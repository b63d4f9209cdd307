"""A small fleet in which services share what services share: files of services, a base, components, Applications."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from aegisgen.project.rendered import render_all
from aegisgen.project.tree.write import write as write_tree
from aegisgen.project.workspace import Selection, changes, open_workspace
from tests.trees import put

ENVIRONMENTS = ("staging", "production")
SERVICES = ("alpha", "beta", "gamma", "delta", "plain")

BASE = {
    "kustomization.yaml": "resources:\n  - configmap.yaml\n  - deployment.yaml\n",
    "configmap.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}-config}}\ndata: {{PORT: '80'}}\n",
    "deployment.yaml": """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  replicas: 1
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      automountServiceAccountToken: false
      containers:
        - name: app
          image: registry.example.com/{name}
          envFrom:
            - configMapRef: {{name: {name}-config}}
          resources: {{requests: {{cpu: 1m, memory: 1Mi}}, limits: {{memory: 1Mi}}}}
""",
}
_PROJECT = """\
apiVersion: aegisgen.dev/v1
kind: Project
include: [services/*.yaml]
repository: {url: https://git.example.com/fleet, path: argocd}
defaults:
  config: {DATABASE_PORT: "5432", DATABASE_USER: app, DATABASE_NAME: app}
rules:
  baseline: known.json
  ignore:
    - {rule: P504, reason: agreed, path: "argocd/apps/by-hand.yaml"}
services:
  delta:
    workload: {name: gamma, container: app}
    image: registry.example.com/gamma
    base: base/gamma
  plain:
    workload: {name: plain, container: app}
    image: registry.example.com/plain
"""
_TEAM = """\
apiVersion: aegisgen.dev/v1
kind: Services
defaults:
  migrations: {{tool: {tool}}}
services:
"""
SERVICE = """\
  {name}:
    workload: {{name: {name}, container: app}}
    image: registry.example.com/{name}
"""
PROFILE = """\
apiVersion: aegisgen.dev/v1
kind: EnvironmentProfile
metadata: {{name: {environment}}}
spec:
  namespace: {environment}
  namePrefix: {environment}-
  image: {{tag: 1.0.0}}
  strategy: {strategy}
  config: {{DATABASE_HOST: {environment}-db}}
  application: {{createNamespace: true}}
  services:
    alpha: {{image: {{tag: 1.2.3}}}}
    delta: {{application: {{name: {environment}-delta}}}}
"""
_COMPONENT = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources:\n  - shared.yaml\n"
SHARED = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shared}\ndata: {a: '1'}\n"
BY_HAND = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: by-hand, namespace: argocd}
spec:
  project: default
  source: {repoURL: https://git.example.com/fleet, path: argocd/overlays/staging/alpha}
  destination: {server: https://kubernetes.default.svc, namespace: staging}
  syncPolicy: {retry: {limit: -1}, syncOptions: [CreateNamespace=true]}
"""


def write(folder: Path) -> None:
    """Write the fleet into `folder`: `argocd/`, and `shared/` beside it."""
    root = folder / "argocd"
    files = {
        "aegisgen.yaml": _PROJECT,
        "known.json": '{"version": 1, "findings": []}\n',
        "services/one.yaml": _TEAM.format(tool="knex") + SERVICE.format(name="alpha") + SERVICE.format(name="beta"),
        "services/two.yaml": _TEAM.format(tool="alembic") + SERVICE.format(name="gamma"),
        "profiles/staging.yaml": PROFILE.format(environment="staging", strategy="init-container"),
        "profiles/production.yaml": PROFILE.format(environment="production", strategy="presync-job"),
        "components/tracing/kustomization.yaml": _COMPONENT,
        "components/tracing/shared.yaml": SHARED.replace("shared", "tracing"),
        "apps/by-hand.yaml": BY_HAND,
        "../shared/limits/kustomization.yaml": _COMPONENT,
        "../shared/limits/shared.yaml": SHARED.replace("shared", "limits"),
        "../unrelated/values.yaml": "a: 1\n",
    }
    for name in ("alpha", "beta", "gamma", "plain"):
        files |= {f"base/{name}/{file}": text.format(name=name) for file, text in BASE.items()}
    put(root, files)
    workspace = open_workspace(Selection(root / "aegisgen.yaml", None, None))
    write_tree(root, changes(workspace, render_all(workspace)))
    for overlay, names in {
        "staging/alpha": ["../../../components/tracing"],
        "production/gamma": ["../../../components/tracing"],
        "staging/beta": ["../../../../shared/limits"],
    }.items():
        file = root / "overlays" / overlay / "kustomization.yaml"
        file.write_text(file.read_text() + yaml.safe_dump({"components": names}))


@pytest.fixture(scope="session")
def fleet_origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the small fleet, committed and tagged `base`."""
    folder = tmp_path_factory.mktemp("fleet")
    write(folder)
    (folder / ".gitignore").write_text("*.ignored.yaml\nscratch/\n")
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "The fleet")
    git(folder, "tag", "base")
    return folder


@pytest.fixture
def small_fleet(fleet_origin: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The repository as it was committed; the working directory is its top."""
    restore(fleet_origin)
    monkeypatch.chdir(fleet_origin)
    return fleet_origin


def restore(folder: Path) -> None:
    """Make the working tree what it was at the tag `base`."""
    git(folder, "checkout", "--quiet", "--force", "--detach", "base")
    git(folder, "reset", "--quiet", "--hard", "base")
    git(folder, "clean", "--quiet", "-ffdx")


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder as nobody in particular."""
    who = ["-c", "user.name=A User", "-c", "user.email=user@example.com", "-c", "protocol.file.allow=always"]
    command = ["git", *who, *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()
