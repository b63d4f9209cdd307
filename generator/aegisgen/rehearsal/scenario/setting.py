"""What all scenarios of a rehearsal have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

from aegisgen.argocd.plan import Plan
from aegisgen.kube.resource import Resource
from aegisgen.rehearsal.database.address import Names
from aegisgen.rehearsal.image.app import App
from aegisgen.rehearsal.objects import Key
from aegisgen.rehearsal.observe import Observer
from aegisgen.rehearsal.postgres.server import Server
from aegisgen.rehearsal.scenario.cast import Cast


class Tool(NamedTuple):
    """How the application migrates, as far as the profile says."""

    name: str
    """Knex where nothing is said; scenarios can add migrations to Knex's only."""
    path: str
    """Where the application's folder has its migrations; empty: they are looked for."""


class Options(NamedTuple):
    """What the user may say about all scenarios."""

    given: Mapping[Key, Mapping[str, str]] = {}
    """Objects that are there before the first sync, with their entries."""
    extra: Mapping[str, str] = {}
    """Variables of every container, before all others."""
    images: Mapping[str, Path] = {}
    """Folders that stand in for images."""
    dump: Path | None = None
    """What the database holds before the first sync."""
    network: bool = False
    """Whether containers may connect to other machines."""
    patience: float = 60.0
    """Real seconds without a word after which a container that still runs counts as hanging."""


class Setting(NamedTuple):
    """One overlay, one application."""

    resources: Sequence[Resource]
    plan: Plan
    cast: Cast
    names: Names
    tool: Tool
    app: App | None
    options: Options
    observer: Observer
    copies: Callable[[str], AbstractContextManager[Server]]
    """Runs a server without passwords, by a name of its own."""
