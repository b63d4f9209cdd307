"""A Kubernetes API server as far as kubectl reads from one: it answers from a recorded situation, and changes nothing."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

# group, version: its resources, as `resource: (kind, short name)`
_GROUPS = {
    ("", "v1"): {
        "pods": ("Pod", "po"),
        "events": ("Event", "ev"),
        "persistentvolumeclaims": ("PersistentVolumeClaim", "pvc"),
        "configmaps": ("ConfigMap", "cm"),
        "secrets": ("Secret", "secret"),
        "services": ("Service", "svc"),
    },
    ("batch", "v1"): {"jobs": ("Job", "job"), "cronjobs": ("CronJob", "cj")},
    ("apps", "v1"): {
        "deployments": ("Deployment", "deploy"),
        "replicasets": ("ReplicaSet", "rs"),
        "statefulsets": ("StatefulSet", "sts"),
        "daemonsets": ("DaemonSet", "ds"),
    },
    ("argoproj.io", "v1alpha1"): {"applications": ("Application", "app")},
}


class Server(NamedTuple):
    """A server that runs. `requests` are method and path of each request that came."""

    url: str
    requests: list[tuple[str, str]]


@contextmanager
def api_server(state: Path, *, forbidden: tuple[str, ...] = (), without: tuple[str, ...] = ()) -> Iterator[Server]:
    """Serve a folder of recorded answers; `forbidden` resources are refused, `without` groups are not there."""
    requests: list[tuple[str, str]] = []
    groups = {key: value for key, value in _GROUPS.items() if key[0] not in without}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def _answer(self) -> None:
            requests.append((self.command, self.path))
            url = urlsplit(self.path)
            code, body = 405, _status(405, "MethodNotAllowed", "this server changes nothing")
            if self.command == "GET":
                code, body = _get(url.path, parse_qs(url.query), state, groups, forbidden)
            raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(code)
            self.send_header("Content-Type", "text/plain" if isinstance(body, str) else "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield Server(f"http://127.0.0.1:{server.server_port}", requests)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def connect(kubeconfig: Path, url: str) -> None:
    """Let kubectl know one cluster, `prod`, and its server."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "prod", "cluster": {"server": url}}],
        "users": [{"name": "jane", "user": {}}],
        "contexts": [{"name": "prod", "context": {"cluster": "prod", "user": "jane"}}],
        "current-context": "prod",
    }
    kubeconfig.write_text(json.dumps(config))


def _get(
    path: str, query: dict[str, list[str]], state: Path, groups: dict, forbidden: tuple[str, ...]
) -> tuple[int, object]:
    if path == "/api":
        return 200, {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
    if path == "/apis":
        versions = {group: {"groupVersion": f"{group}/{version}", "version": version} for group, version in groups}
        found = [
            {"name": group, "versions": [each], "preferredVersion": each} for group, each in versions.items() if group
        ]
        return 200, {"kind": "APIGroupList", "apiVersion": "v1", "groups": found}
    for (group, version), resources in groups.items():
        root = f"/apis/{group}/{version}" if group else "/api/v1"
        if path == root:
            verbs = {"verbs": ["get", "list", "watch", "patch", "delete", "create"], "namespaced": True}
            listed = [
                {"name": name, "singularName": kind.lower(), "kind": kind, "shortNames": [short], **verbs}
                for name, (kind, short) in resources.items()
            ]
            named = {"groupVersion": f"{group}/{version}".strip("/"), "resources": listed}
            return 200, {"kind": "APIResourceList", "apiVersion": "v1", **named}
        parts = path.removeprefix(f"{root}/namespaces/").split("/")
        if path.startswith(f"{root}/namespaces/") and len(parts) == 1:
            return 200, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": parts[0]}}
        if path.startswith(f"{root}/namespaces/"):
            return _objects(parts, group, query, state, forbidden)
    return 404, _status(404, "NotFound", "the server could not find the requested resource")


def _objects(
    parts: list[str], group: str, query: dict[str, list[str]], state: Path, forbidden: tuple[str, ...]
) -> tuple[int, object]:
    namespace, resource, *rest = parts
    if resource in forbidden:
        what = f"{resource}.{group}" if group else resource
        message = (
            f'{what} is forbidden: User "jane" cannot list resource "{resource}" in API group "{group}" in the '
            f'namespace "{namespace}"'
        )
        return 403, _status(403, "Forbidden", message)
    file = state / f"{resource}.json"
    items = json.loads(file.read_text())["items"] if file.is_file() else []
    items = [item for item in items if item["metadata"]["namespace"] == namespace]
    if query.get("fieldSelector") == ["type=Warning"]:
        items = [item for item in items if item["type"] == "Warning"]
    for wanted in query.get("labelSelector", []):
        pairs = [pair.partition("=")[::2] for pair in wanted.split(",")]
        items = [
            item for item in items if all(item["metadata"].get("labels", {}).get(key) == value for key, value in pairs)
        ]
    if not rest:
        kind = next(kinds[resource][0] for kinds in _GROUPS.values() if resource in kinds)
        version = next(
            f"{name}/{version}".strip("/") for (name, version), kinds in _GROUPS.items() if resource in kinds
        )
        return 200, {"apiVersion": version, "kind": f"{kind}List", "metadata": {"resourceVersion": "1"}, "items": items}
    found = next((item for item in items if item["metadata"]["name"] == rest[0]), None)
    if found is None:
        return 404, _status(404, "NotFound", f'{resource} "{rest[0]}" not found')
    if rest[1:] == ["log"]:
        container = query.get("container", [found["spec"].get("containers", [{}])[0].get("name", "")])[0]
        log = state / "logs" / f"{rest[0]}.{container}.txt"
        if not log.is_file():
            return 400, _status(400, "BadRequest", f'container "{container}" in pod "{rest[0]}" is waiting to start')
        return 200, "".join(log.read_text().splitlines(keepends=True)[-int(query.get("tailLines", ["1000"])[0]) :])
    return 200, found


def _status(code: int, reason: str, message: str) -> dict[str, object]:
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    return {**status, "message": message, "reason": reason, "code": code}
