"""The rendered Jobs of the full profile, container by container, as processes with the real PostgreSQL programs."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import yaml
from tests.conftest import aegisgen
from tests.pods import Ended, mounted
from tests.postgres import Database
from tests.processes import printed
from tests.trees import edited, executable

JOB_UID = "7f3c0e0a-1111-4222-8333-444455556666"


_APPLETS = "awk cat date find grep head mkdir mv rm sed sha256sum sort tr wc"


class Container(NamedTuple):
    """A container of a rendered Job."""

    name: str
    command: list[str]
    env: dict[str, str]
    """The variables whose values stand in the manifest."""

    def run(
        self,
        folder: Path,
        shell: list[str],
        env: Mapping[str, str],
        path: str = "",
        volumes: Mapping[str, Path] | None = None,
    ) -> Ended:
        """Run the script in a folder; `path` goes before everything else on PATH, `volumes` are where it has them."""
        words = self.command[1:]
        for place, local in (volumes or {}).items():
            words = [word.replace(f"={place}", f"={local}") for word in words]
        if shell[0] == "busybox":  # an Alpine image has its tools from it too
            path = f"{path}:{_applets(folder)}"
        message = folder / "termination-message"
        message.unlink(missing_ok=True)
        done = subprocess.run(
            [*shell, *words],
            cwd=folder,
            env={"PATH": f"{path}:{os.environ['PATH']}", "TERMINATION_LOG": str(message), **self.env, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        return Ended(done.returncode, done.stdout, message.read_text() if message.exists() else "")


def _applets(folder: Path) -> Path:
    applets = folder / "applets"
    applets.mkdir(exist_ok=True)
    busybox = shutil.which("busybox")
    assert busybox
    for name in _APPLETS.split():
        link = applets / name
        if not link.is_symlink():
            link.symlink_to(busybox)
    return applets


def job(step: str) -> dict:
    """Return a Job that the working directory's project renders for production."""
    rendered = aegisgen("render", "production", "--stdout")
    assert rendered.code == 0, rendered.err
    for document in yaml.safe_load_all(rendered.out):
        if document["kind"] == "Job" and document["metadata"].get("name") == f"aegisx-api-{step}":
            return document
    raise AssertionError(f"no Job for {step}")


def containers(step: str) -> dict[str, Container]:
    """Return the containers of a step's Job that run a script, by name."""
    pod = job(step)["spec"]["template"]["spec"]
    found = [*pod.get("initContainers", ()), *pod["containers"]]
    return {
        each["name"]: Container(
            each["name"], mounted(each), {item["name"]: item["value"] for item in each["env"] if "value" in item}
        )
        for each in found
        if "command" in each
    }


def connection(database: Database) -> dict[str, str]:
    """What the containers of PostgreSQL's image get from the ConfigMap and the Secret."""
    names = {"HOST": "PGHOST", "PORT": "PGPORT", "USER": "PGUSER", "NAME": "PGDATABASE", "PASSWORD": "PGPASSWORD"}
    return {pg: database.env[f"DATABASE_{name}"] for name, pg in names.items()} | {"JOB_UID": JOB_UID}


def dumped(database: Database, *options: str) -> str:
    """Return a database as text, without what differs from dump to dump."""
    text = printed([database.programs / "pg_dump", *options], env=connection(database))
    return "\n".join(line for line in text.splitlines() if not line.startswith(("\\restrict", "\\unrestrict")))


def say(folder: Path, **fields: object) -> None:
    """Change what the full profile says of the environment; None takes a field away."""
    with edited(folder / "profiles/production.yaml") as data:
        data["spec"] = {key: value for key, value in (data["spec"] | fields).items() if value is not None}


def programs(database: Database, folder: Path) -> str:
    """Return a folder with the server's own client programs, for PATH."""
    target = folder / "programs"
    target.mkdir(exist_ok=True)
    for name in ("psql", "pg_dump", "pg_restore", "pg_isready", "createdb"):
        link = target / name
        if not link.is_symlink():
            link.symlink_to(database.programs / name)
    return str(target)


def fake(folder: Path, name: str, body: str) -> str:
    """Put a program of the test's own before the real one; return its folder for PATH."""
    return str(executable(folder / "fakes" / name, body).parent)
