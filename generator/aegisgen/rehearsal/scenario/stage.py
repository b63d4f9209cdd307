"""Where one scenario plays: its folder, its copy of the application, its database, and what its pods find there."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from aegisgen.argocd.plan import plan
from aegisgen.rehearsal.clock import Clock
from aegisgen.rehearsal.cluster.controllers import facts_of
from aegisgen.rehearsal.cluster.sync import Application
from aegisgen.rehearsal.database.address import readdress, wish
from aegisgen.rehearsal.image.app import copy_app
from aegisgen.rehearsal.image.images import Image, Images, bare_name, of_release_before
from aegisgen.rehearsal.image.knex import migrations_folder
from aegisgen.rehearsal.image.scripts import write_scripts
from aegisgen.rehearsal.image.sink import Sink
from aegisgen.rehearsal.image.standins import ContainerClock, write_storage
from aegisgen.rehearsal.kubelet.environment import MissingError, environment, expand
from aegisgen.rehearsal.kubelet.landlock import Fence
from aegisgen.rehearsal.kubelet.pod import Attempt, Pod
from aegisgen.rehearsal.kubelet.process import Launch
from aegisgen.rehearsal.kubelet.spec import Container, Template, spec_of
from aegisgen.rehearsal.kubelet.volumes import mounts_of, rewriting
from aegisgen.rehearsal.objects import Objects, Values, provided
from aegisgen.rehearsal.outcome import NotRehearsedError
from aegisgen.rehearsal.scenario.model import Scenario
from aegisgen.rehearsal.scenario.setting import Place, Setting

_RESTARTS = 3
"""Restarts of a container in one pod; the kubelet would go on for ever."""
_COPY_PORT = "COPY_PORT"
"""The variable by which aegisgen's dry run is told where its own PostgreSQL listens."""


class Stage:
    """Everything that one scenario has; the `Node` of its pods."""

    restarts = _RESTARTS

    def __init__(self, scenario: Scenario, setting: Setting, place: Place, hear: Callable[[Pod], None]) -> None:
        """Set it up. `hear` is called with each pod that has changed."""
        self.setting = setting
        self.server = place.server
        self.clock = Clock()
        self.patience = setting.patience
        self.released = scenario.spec.given != "nothing"
        """Whether a release was there before the first sync."""
        self.root = place.folder / scenario.name
        self.changed = hear
        self.errors: list[Exception] = []
        """What could not be played."""
        self.limited: Callable[[Container, Pod], bool] = lambda *_: False
        """Whether a container finds its target full; a fault sets it."""
        for name in ("home", "tmp", "root"):
            (self.root / name).mkdir(parents=True)
        write_storage(self.root / "bin", self.root / "storage")
        self.app = self.root / "app" if setting.app else None
        before = self.root / "before" if setting.app and scenario.needs_release_before else None
        if setting.app and self.app:
            copy_app(setting.app.folder, self.app)
            if before:
                copy_app((setting.previous or setting.app).folder, before)
            write_scripts([self.app, *([before] if before else [])], self.root / "bin")
        self.migrations = migrations_folder(self.app, setting.migrations) if self.app else None
        """The folder with the application's migrations, in the copy."""
        hurries = any(sync.speed > 1 for sync in scenario.spec.syncs)
        self._container_clock = ContainerClock(self.root / "clock") if hurries else None
        self._mark = f"{setting.run.name}/{scenario.name}"
        self._variables = {
            "HOME": str(self.root / "home"),
            "TMPDIR": str(self.root / "tmp"),
            "LANG": "C.UTF-8",
            **(self._container_clock.environment if self._container_clock else {}),
            **setting.run.environment,
        }
        self._images = Images(
            applications=setting.cast.applications,
            app=self.app,
            before=before,
            programs=place.server.programs,
            standins=(self.root / "clock", self.root / "bin") if hurries else (self.root / "bin",),
            empty=self.root / "root",
            mapped=setting.images,
        )
        self.sink = Sink()
        self.values, self.objects = _objects(setting, self.root / "volumes", self.sink.url)
        user, name = _wish(setting, self.root / "volumes")
        self._database = name or "app"
        self.login = place.server.database(self._database, owner=user or "app", password=setting.password)
        self.offered = self.login
        """What containers are told of the database; a fault may change it."""
        self.pooler: int | None = None
        """The port of the pooler that the database's address leads to; a fault sets it."""
        self.preload: Path | None = None
        """What Node.js runs before all else; a fault sets it."""
        self.images_before = {
            container.image: of_release_before(container.image)
            for pod in setting.cast.pods
            for container in pod.containers
            if bare_name(container.image) in setting.cast.applications
        }
        """The application's images, as the release before has them."""
        by_identity = {resource.identity: resource for resource in setting.resources}
        self.application = Application(plan(setting.resources), by_identity, self)

    def run_at(self, speed: int) -> None:
        """Let all clocks run `speed` times as fast."""
        self.clock.run_at(speed)
        if self._container_clock:
            self._container_clock.run_at(speed)

    def folder(self, pod: str) -> Path:
        """Return a folder of the pod's own."""
        place = self.root / "pods" / pod
        place.mkdir(parents=True, exist_ok=True)
        return place

    def launch(self, attempt: Attempt) -> Launch:
        """Say how a container is started. Raises MissingError, NotRehearsedError."""
        container, facts = attempt.container, attempt.pod.facts
        variables = environment(container, facts, self.objects)
        image = self._images.of(container.image)
        if not container.command:
            raise NotRehearsedError(f"container {container.name} has no command, and its image's own is not known")
        login, names = self.offered, self.setting.names
        if self.pooler and not names.is_direct(variables):
            login = login._replace(port=self.pooler)
        values = readdress(variables, login, names, attempt.sidecar_port)
        message = self.folder(facts.name) / f"{container.name}.message"
        paths = {**mounts_of(container, attempt.volumes), container.termination_message_path: str(message)}
        if self.setting.app and self.setting.app.path:
            paths[self.setting.app.path] = str(image.folder)
        local = rewriting(paths)

        def rewrite(text: str) -> str:
            return self.sink.redirect(local(text))

        env = {"PATH": os.pathsep.join(map(str, image.path)), "HOSTNAME": facts.name, **self._variables}
        env |= {name: rewrite(text) for name, text in values.items()}
        if attempt.sidecar_port:
            env[_COPY_PORT] = str(attempt.sidecar_port)
        if self.preload:
            env["NODE_OPTIONS"] = f"{env.get('NODE_OPTIONS', '')} --require {self.preload}".lstrip()
        ports = (login.port, self.sink.port, *([attempt.sidecar_port] if attempt.sidecar_port else ()))
        return Launch(
            command=tuple(rewrite(expand(word, values)) for word in (*container.command, *container.args)),
            env=env | dict(self.setting.extra),
            folder=_start_folder(container, image),
            message=message,
            mark=f"{self._mark}/{facts.name}/{container.name}/{attempt.number}",
            fence=Fence((self.root,), None if self.setting.network else ports),
            largest_file=1 if self.limited(container, attempt.pod) else None,
        )

    @contextmanager
    def sidecar(self, container: Container, pod: str) -> Iterator[int]:
        """Run a PostgreSQL of the pod's own; return its port. Raises NotRehearsedError for other sidecars."""
        if not self._images.of(container.image).postgres or container.command:
            raise NotRehearsedError(
                f"sidecar {container.name}: only a PostgreSQL with its image's own command is played"
            )
        with self.setting.databases.copy(f"{self.root.name}-{pod}-{container.name}") as server:
            yield server.superuser.port

    def trouble(self, error: Exception) -> None:
        """Hear that something cannot be played; the scenario ends."""
        self.errors.append(error)
        threading.Thread(target=self.application.abandon, name="trouble", daemon=True).start()

    def close(self) -> None:
        """End whatever still runs."""
        self.application.abandon()
        self.sink.close()
        self.server.drop(self._database)


def _objects(setting: Setting, folder: Path, url: str) -> tuple[Values, Objects]:
    values = Values(setting.names, setting.password, url, setting.cast.pods)
    return values, Objects(folder, provided(setting.resources, setting.cast.pods, values, setting.given), values)


def _wish(setting: Setting, folder: Path) -> tuple[str, str]:
    """Return the user and the database that the overlay's migrations ask for, when all that they refer to is there."""
    _, objects = _objects(setting, folder, "http://127.0.0.1:9")
    for resource in setting.resources:
        objects.apply(resource, None)
    for pod in setting.cast.pods:
        template = spec_of({"spec": pod.spec}, Template, pod.resource.identity, pod.resource.document.source)
        facts = facts_of("rehearsal", 0, pod.resource.identity.namespace, template, "")
        for container in (*template.spec.init_containers, *template.spec.containers):
            if (pod.resource.identity, container.name) in setting.cast.migrations:
                with suppress(MissingError):
                    if wanted := wish(environment(container, facts, objects), setting.names):
                        return wanted
    return "", ""


def _start_folder(container: Container, image: Image) -> Path:
    """The image's own, or what `workingDir` means: the longest end of it that the image's folder has."""
    parts = [part for part in container.working_dir.split("/") if part]
    places = (image.folder.joinpath(*parts[first:]) for first in range(len(parts)))
    return next((place for place in places if place.is_dir()), image.folder)
