"""Make a fleet to measure with: many services in two environments, rendered by aegisgen itself.

    python benchmarks/fleets.py DIR                      100 services
    python benchmarks/fleets.py DIR --services 4000      more of them
    python benchmarks/fleets.py DIR --hostile            under names and with values that YAML readers stumble over

DIR must not exist, or be empty. It gets `argocd/` with a project file, a file of services for each team, profiles,
bases, a component that some overlays share, and overlays; `aegisgen check` finds nothing in it. The same arguments give
the same bytes.

Ordinary services differ as they do in companies: most are Deployments, some StatefulSets; half a dozen migration tools;
one in ten takes in a shared component from beside the bases. Hostile ones are called `null`, `1e3` or `on`, have names
as long as Kubernetes allows, and configuration full of quotes, braces and colons.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from aegisgen.project.rendered import render_all
from aegisgen.project.workspace import Selection, changes, open_workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

ENVIRONMENTS = ("staging", "production")
TEAM = 20

_HOSTILE_NAMES = (
    "null", "true", "false", "yes", "no", "on", "off", "y", "n", "1e3", "0x1f", "0o17", "0b11", "007", "1-1", "12e03",
    "a--b", "2026-11-22", "0", "nan", "inf", "x" + "-long" * 7, "kustomization", "overlays", "base", "1--0",
)  # fmt: skip
_HOSTILE_VALUES = (
    "a: b", "# no comment", "{{ not.jinja }}", "{% raw %}", "it's \"quoted\"", "'x'", '"x"', " spaces ", "yes", "1e3",
    "~", "- item", "$(HOME) ${HOME} `id`", "C:\\new\\table", "a=b=c", "ünïcödé ☃", "%TAG", "|", "first\nsecond",
    "&a *a", "@x", "[1, 2", "{a", "0777", "1:30", "=", "null", "?", "!!str x", "x" * 300,
)  # fmt: skip
# Letters first, and none of the words that mean something else to somebody.
_PLAIN = re.compile(r"(?!(?:null|true|false|yes|no|on|off|y|n|nan|inf)\Z)[a-z][a-z0-9_./-]*", re.IGNORECASE)
_TOOLS: tuple[dict[str, object], ...] = (
    {"tool": "knex"},
    {"tool": "prisma", "packageManager": "npm"},
    {"tool": "flyway", "path": "db/migrations"},
    {"tool": "alembic"},
    {"tool": "django"},
    {"tool": "knex", "packageManager": "yarn", "log": "json"},
    {"tool": "golang-migrate", "path": "migrations"},
)
_BY_URL = {"database": {"env": {"url": "DATABASE_URL"}, "secret": {"keys": ["DATABASE_PASSWORD", "DATABASE_URL"]}}}


def write(folder: Path, services: int, *, hostile: bool = False) -> None:
    """Write a fleet of so many services in two environments into `folder`, whose `argocd/` must not exist."""
    root = folder / "argocd"
    root.mkdir(parents=True)
    names = list(_names(services, hostile=hostile))
    entries = {name: _service(name, number, hostile=hostile) for number, name in enumerate(names)}
    _put(root / "aegisgen.yaml", _PROJECT)
    for team in range(0, services, TEAM):
        text = "".join(_entry(name, entries[name], 2) for name in names[team : team + TEAM])
        _put(root / f"services/team-{team // TEAM:03}.yaml", _TEAM + text)
    for environment in ENVIRONMENTS:
        _put(root / f"profiles/{environment}.yaml", _profile(environment, names))
    _put(root / "components/tracing/kustomization.yaml", _COMPONENT)
    _put(root / "components/tracing/tracing.yaml", _TRACING)
    for number, name in enumerate(names):
        for file, text in _base(name, number):
            _put(root / f"base/{name}/{file}", text)
    _render(root)
    for name in names[::10]:
        for environment in ENVIRONMENTS:
            file = root / f"overlays/{environment}/{name}/kustomization.yaml"
            file.write_text(file.read_text() + "\ncomponents:\n  - ../../../components/tracing\n")


def workload(name: str) -> str:
    """Return the name of a service's workload: a Service may not begin with a digit, even where a prefix follows."""
    return f"s-{name}"[:42].rstrip("-")


def kind(number: int) -> str:
    """Return what the service of this number runs as."""
    return "StatefulSet" if number % 9 == 8 else "Deployment"


def _names(services: int, *, hostile: bool) -> Iterator[str]:
    domains = ("pay", "order", "catalog", "user", "search", "stock", "mail", "report")
    for number in range(services):
        if hostile:
            name = _HOSTILE_NAMES[number % len(_HOSTILE_NAMES)]
            yield name if number < len(_HOSTILE_NAMES) else f"{number:04}e{number % 10}-{name}"[:40].rstrip("-")
        else:
            yield f"{domains[number % len(domains)]}-{number:04}"


def _service(name: str, number: int, *, hostile: bool) -> dict[str, object]:
    own = workload(name)
    config = {"DATABASE_NAME": name.replace("-", "_"), "DATABASE_USER": own}
    if hostile:
        config |= {f"ODD_{index}": _HOSTILE_VALUES[(number + index) % len(_HOSTILE_VALUES)] for index in range(3)}
    migrations = _TOOLS[number % len(_TOOLS)]
    database = _BY_URL if migrations["tool"] in {"prisma", "golang-migrate"} else {}
    return {
        "workload": {"kind": kind(number), "name": own, "container": "app"},
        "image": _image(number),
        "migrations": migrations,
        **database,
        "config": config,
    }


def _image(number: int) -> str:
    return f"registry.example.com/team-{number // TEAM:03}/app-{number}"


def _profile(environment: str, names: list[str]) -> str:
    production = environment == "production"
    head = f"""\
apiVersion: aegisgen.dev/v1
kind: EnvironmentProfile
metadata: {{name: {environment}}}
spec:
  namespace: {environment}
  namePrefix: {environment}-
  image: {{tag: 1.4.2}}
  strategy: {"presync-job" if production else "init-container"}
  replicas: {3 if production else 1}
  config: {{DATABASE_HOST: {environment}-postgres}}
  services:
"""
    # one service in five differs from its environment
    return head + "".join(_entry(name, {"image": {"tag": f"2.0.{len(name)}"}}, 4) for name in names[::5])


def _entry(name: str, entry: dict[str, object], indent: int) -> str:
    """Return an entry of a mapping as people write it: a line a field, and no quotes where none are needed."""
    margin = " " * indent
    lines = (f"{margin}  {key}: {_flow(value)}\n" for key, value in entry.items())
    return f"{margin}{_flow(name)}:\n" + "".join(lines)


def _flow(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    text = str(value)
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)


def _base(name: str, number: int) -> Iterator[tuple[str, str]]:
    own, chosen = workload(name), kind(number)
    labels = f"{{app.kubernetes.io/name: {own}, app.kubernetes.io/part-of: team-{number // TEAM:03}}}"
    yield "kustomization.yaml", "resources:\n  - configmap.yaml\n  - service.yaml\n  - workload.yaml\n"
    yield "configmap.yaml", _CONFIG.format(name=own, labels=labels)
    yield "service.yaml", _SERVICE.format(name=own, labels=labels)
    extra = f"\n  serviceName: {own}" if chosen == "StatefulSet" else ""
    yield "workload.yaml", _WORKLOAD.format(name=own, labels=labels, kind=chosen, image=_image(number), extra=extra)


def _render(root: Path) -> None:
    """Write what aegisgen renders, without its care for a tree that others work on."""
    workspace = open_workspace(Selection(root / "aegisgen.yaml", (), ()))
    for change in changes(workspace, render_all(workspace)):
        if change.after is not None:
            _put(root / change.path, change.after.decode())


def _put(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


_PROJECT = """\
apiVersion: aegisgen.dev/v1
kind: Project
kubernetesVersion: "1.34"
include: [services/*.yaml]
defaults:
  imagePullSecrets: [registry]
  config: {DATABASE_PORT: "5432"}
"""
_TEAM = """\
apiVersion: aegisgen.dev/v1
kind: Services
services:
"""
_CONFIG = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {name}-config
  labels: {labels}
data:
  LOG_LEVEL: info
  PORT: "3333"
"""
_SERVICE = """\
apiVersion: v1
kind: Service
metadata:
  name: {name}
  labels: {labels}
spec:
  type: ClusterIP
  selector: {{app.kubernetes.io/name: {name}}}
  ports:
    - name: http
      port: 80
      targetPort: http
"""
_WORKLOAD = """\
apiVersion: apps/v1
kind: {kind}
metadata:
  name: {name}
  labels: {labels}
spec:
  replicas: 1{extra}
  selector:
    matchLabels: {{app.kubernetes.io/name: {name}}}
  template:
    metadata:
      labels: {labels}
    spec:
      automountServiceAccountToken: false
      imagePullSecrets:
        - name: registry
      containers:
        - name: app
          image: {image}
          ports:
            - name: http
              containerPort: 3333
          envFrom:
            - configMapRef:
                name: {name}-config
            - secretRef:
                name: {name}-secrets # created in each namespace outside of this repository
          livenessProbe:
            httpGet:
              path: /health/live
              port: http
            periodSeconds: 10
          readinessProbe:
            httpGet:
              path: /health/live
              port: http
            periodSeconds: 5
          resources:
            requests:
              cpu: 200m
              memory: 512Mi
            limits:
              cpu: "1"
              memory: 1Gi
"""
_COMPONENT = """\
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
resources:
  - tracing.yaml
"""
_TRACING = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: tracing
data:
  OTEL_EXPORTER_OTLP_ENDPOINT: http://collector.observability:4317
"""


def main() -> int:
    """Write one fleet; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--services", type=int, default=100, metavar="N", help="how many services (100)")
    parser.add_argument("--hostile", action="store_true", help="hostile names and values")
    options = parser.parse_args()
    if (options.folder / "argocd").exists():
        print(f"{options.folder / 'argocd'} exists", file=sys.stderr)
        return 2
    write(options.folder, options.services, hostile=options.hostile)
    return 0


if __name__ == "__main__":
    sys.exit(main())
