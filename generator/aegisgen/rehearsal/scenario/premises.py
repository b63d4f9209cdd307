"""Where one scenario plays: its folder, its copy of the application, its database, and the cluster around them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from aegisgen.rehearsal.cluster.names import facts_of
from aegisgen.rehearsal.cluster.objects import Objects
from aegisgen.rehearsal.cluster.supply import Values, supply
from aegisgen.rehearsal.cluster.sync import Application
from aegisgen.rehearsal.database.address import Wish, wish
from aegisgen.rehearsal.image.app import copy_app
from aegisgen.rehearsal.image.images import Images
from aegisgen.rehearsal.image.knex import migrations_folder
from aegisgen.rehearsal.image.scripts import write_scripts
from aegisgen.rehearsal.image.sink import Sink
from aegisgen.rehearsal.image.standins import ContainerClock, write_storage
from aegisgen.rehearsal.kubelet.environment import MissingError, environment
from aegisgen.rehearsal.kubelet.spec import Template, spec_of
from aegisgen.rehearsal.processes import MARK
from aegisgen.rehearsal.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from aegisgen.rehearsal.clock import Clock
    from aegisgen.rehearsal.kubelet.pod import Pod
    from aegisgen.rehearsal.scenario.model import Scenario
    from aegisgen.rehearsal.scenario.setting import Setting
    from aegisgen.rehearsal.server import Login, Server

_RESTARTS = 3
"""Restarts of a container in one pod; the kubelet would go on for ever."""


class Place(NamedTuple):
    """What one scenario after the other uses: a folder and a server."""

    folder: Path
    server: Server
    environment: Mapping[str, str]
    """Variables by which the run's processes are found."""
    password: str
    """The database's, for all scenarios."""
    snapshots: set[str]
    """Databases that the server keeps copies of."""


class Premises(NamedTuple):
    """What one scenario has."""

    folder: Path
    app: Path | None
    migrations: Path | None
    """The folder with the application's migrations, in the copy."""
    login: Login
    clock: Clock
    objects: Objects
    stage: Stage
    sink: Sink
    application: Application
    values: Values
    container_clock: ContainerClock | None
    released: bool
    """Whether a release was there before the first sync."""

    def run_at(self, speed: int) -> None:
        """Let all clocks run `speed` times as fast."""
        self.clock.run_at(speed)
        if self.container_clock:
            self.container_clock.run_at(speed)


@contextmanager
def premises(
    scenario: Scenario, setting: Setting, place: Place, clock: Clock, said: Callable[[Pod], None]
) -> Iterator[Premises]:
    """Set everything up, and end whatever still runs afterwards."""
    wanted = _wish(setting, place.folder / scenario.name / "volumes") or Wish("", "")
    folder = place.folder / scenario.name
    app = folder / "app" if setting.app else None
    if setting.app and app:
        copy_app(setting.app.folder, app)
        write_scripts(app, folder / "bin")
    write_storage(folder / "bin", folder / "storage")
    hurries = any(sync.speed > 1 for sync in scenario.spec.syncs)
    container_clock = ContainerClock(folder / "clock") if hurries else None
    empty = folder / "root"
    empty.mkdir(parents=True)
    images = Images(
        applications=setting.cast.applications,
        app=app,
        programs=place.server.programs,
        standins=(*((folder / "clock",) if hurries else ()), folder / "bin"),
        empty=empty,
        mapped=setting.options.images,
    )
    sink = Sink()
    values = Values(setting.names, place.password, sink.url, setting.cast.pods)
    objects = Objects(
        folder / "volumes", supply(setting.resources, setting.cast.pods, values, setting.options.given), values
    )
    login = place.server.database(wanted.name or "app", owner=wanted.user or "app", password=place.password)
    stage = Stage(
        folder=folder,
        mark=f"{place.environment[MARK]}/{scenario.name}",
        clock=clock,
        objects=objects,
        images=images,
        app_path=setting.app.path if setting.app else "",
        login=login,
        names=setting.names,
        sink=sink,
        system={**(container_clock.environment if container_clock else {}), **place.environment},
        extra=setting.options.extra,
        copies=setting.copies,
        said=said,
        network=setting.options.network,
        patience=setting.options.patience,
        restarts=_RESTARTS,
    )
    by_identity = {resource.identity: resource for resource in setting.resources}
    application = Application(setting.plan, by_identity, objects, stage)
    stage.on_trouble(application.abandon)
    try:
        found = migrations_folder(app, setting.tool.path) if app else None
        yield Premises(
            folder=folder,
            app=app,
            migrations=found,
            login=login,
            clock=clock,
            objects=objects,
            stage=stage,
            sink=sink,
            application=application,
            values=values,
            container_clock=container_clock,
            released=scenario.spec.given == "a-release",
        )
    finally:
        application.abandon()
        sink.close()
        place.server.drop(wanted.name or "app")


def _wish(setting: Setting, folder: Path) -> Wish | None:
    """Return the database that the overlay's migrations ask for, when all that they refer to is there."""
    values = Values(setting.names, "unused", "http://127.0.0.1:9", setting.cast.pods)
    objects = Objects(folder, supply(setting.resources, setting.cast.pods, values, setting.options.given), values)
    for resource in setting.resources:
        objects.apply(resource, None)
    for pod in setting.cast.pods:
        template = spec_of({"spec": pod.spec}, Template, pod.resource.identity, pod.resource.document.source)
        facts = facts_of("rehearsal", 0, pod.resource.identity.namespace, template, "")
        for container in (*template.spec.init_containers, *template.spec.containers):
            if (pod.resource.identity, container.name) in setting.cast.migrations:
                try:
                    found = wish(environment(container, facts, objects), setting.names)
                except MissingError:
                    found = None
                if found:
                    return found
    return None
