"""What all scenarios of a rehearsal have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from aegisgen.kube.resource import Resource
from aegisgen.rehearsal.compat.gates import Gate
from aegisgen.rehearsal.compat.study import Study
from aegisgen.rehearsal.database.address import Names
from aegisgen.rehearsal.image.app import App
from aegisgen.rehearsal.leftovers import Workspace
from aegisgen.rehearsal.objects import Key
from aegisgen.rehearsal.observe import Observer
from aegisgen.rehearsal.postgres import Supply
from aegisgen.rehearsal.postgres.server import Server
from aegisgen.rehearsal.scenario.cast import Cast
from aegisgen.rehearsal.show import Events


class Setting(NamedTuple):
    """One overlay and one application, what the user says about them, and what the rehearsal runs on."""

    resources: Sequence[Resource]
    cast: Cast
    restore: Resource | None
    """The Job that people create to restore a backup."""
    names: Names
    tool: str
    """The migration tool; Knex where nothing is said. Scenarios can add migrations to Knex's only."""
    migrations: str
    """Where the application's folder has its migrations; empty: they are looked for."""
    app: App | None
    previous: App | None
    """The application as the release before has it; None: as `app` is."""
    given: Mapping[Key, Mapping[str, str]]
    """Objects that exist before the first sync, with their entries."""
    extra: Mapping[str, str]
    """Variables of every container, before all others."""
    images: Mapping[str, Path]
    """Folders that stand in for images."""
    dump: Path | None
    """What the database holds before the first sync."""
    network: bool
    """Whether containers may connect to other machines."""
    patience: float
    """Real seconds without output after which a container that still runs counts as hanging."""
    run: Workspace
    databases: Supply
    observer: Observer
    study: Study
    gates: Sequence[Gate]
    progress: Events
    password: str
    """The database's, for all scenarios."""


class Place(NamedTuple):
    """Where one scenario plays after the other."""

    folder: Path
    server: Server
    snapshots: set[str]
    """Databases that the server keeps copies of."""
