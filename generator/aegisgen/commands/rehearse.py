"""`aegisgen rehearse`: what Argo CD will start, started here, on a real PostgreSQL, with everything that goes wrong."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

from msgspec import UNSET

from aegisgen import files
from aegisgen.errors import ToolError, UsageError

try:
    import psycopg  # noqa: F401 - comes with the extra, and what follows needs it
except ImportError as problem:
    raise ToolError(
        f"the Python package psycopg cannot be used ({problem}); install it with: pip install 'aegisgen[rehearse]'"
    ) from problem

from aegisgen.kube.resource import Resource, resources_in
from aegisgen.profile.database import DirectAddress
from aegisgen.profile.migrations import Migrations
from aegisgen.profile.sources import display
from aegisgen.profile.target import Target
from aegisgen.project.composed import Chosen, compose_overlay
from aegisgen.project.composed import chosen as overlays_chosen
from aegisgen.rehearsal.compat.files import read_queries, read_tables
from aegisgen.rehearsal.compat.gates import read_gates
from aegisgen.rehearsal.compat.study import Study
from aegisgen.rehearsal.database.address import Names
from aegisgen.rehearsal.image.app import app_of
from aegisgen.rehearsal.image.previous import previous_of
from aegisgen.rehearsal.leftovers import workspace
from aegisgen.rehearsal.observe import Observer
from aegisgen.rehearsal.postgres import Supply, Wanted
from aegisgen.rehearsal.processes import private
from aegisgen.rehearsal.rehearse import rehearse
from aegisgen.rehearsal.scenario.cast import cast
from aegisgen.rehearsal.scenario.load import chosen, scenarios
from aegisgen.rehearsal.scenario.options import images, provided, variables
from aegisgen.rehearsal.scenario.setting import Setting
from aegisgen.rehearsal.show import FORMATS, View, progress, save
from aegisgen.yaml.source import manifests, parse_one

OK, FINDINGS = 0, 1
RUNS_CODE = (
    "rehearse runs the containers' commands and the application's own code on this machine, as you: rehearse only what "
    "you would run (docs/security.md)\n"
)


def main(
    environment: str | None,
    *,
    service: Sequence[str] | None,
    path: Path | None,
    application: str | None,
    previous: str | None,
    dump: Path | None,
    queries: Path | None,
    rows: Path | None,
    fail_on: Sequence[str] | None,
    squawk_all: bool,
    scenario: Sequence[str] | None,
    scenario_file: Sequence[Path] | None,
    every: bool,
    show_list: bool,
    database_url: str,
    postgres_bin: Path | None,
    postgres_version: int | None,
    image: Sequence[str] | None,
    env: Sequence[str] | None,
    provide: Sequence[str] | None,
    network: bool,
    jobs: int,
    patience: int,
    require_tools: bool,
    output: str,
    report: Path | None,
    project: Path | None,
) -> int:
    """Rehearse one overlay and print what came of it; `show_list`: list the scenarios instead.

    Raises UsageError for a wrong choice, InputError for wrong files, ToolError without Kustomize or PostgreSQL and, if
    tools are required, where a scenario was not rehearsed.
    """
    if show_list:
        return _list(project, environment, service, path, scenario_file or ())
    overlay = _overlay(project, environment, service, path)
    given, extra, mapped = provided(provide or ()), variables(env or ()), images(image or ())
    gates = read_gates(fail_on or ())
    if rows is None and any(gate.rows for gate in gates):
        raise UsageError(
            "--fail-on lock:SECONDS@ROWS needs --rows FILE, which says how many rows production's tables have"
        )
    if database_url and any(gate.kind != "breaking" for gate in gates):
        raise UsageError("with --database-url locks and statements are not known: --fail-on takes only 'breaking'")
    if dump is None and previous is None and not squawk_all and any(gate.kind == "squawk" for gate in gates):
        raise UsageError(
            "--fail-on squawk:RULE needs --schema-dump or --previous, which say what is new, or --squawk-all"
        )
    if rows and database_url:
        raise UsageError("--rows fills tables on the rehearsal's own server only, not with --database-url")
    study = Study(read_queries(queries) if queries else (), read_tables(rows) if rows else ())
    known = scenarios(scenario_file or (), overlay.root)
    playing = chosen(known, scenario or (), scenario_file or (), every=every)
    resources = compose_overlay(overlay.directory).resources
    restore = _restore(overlay.directory)
    parts = cast(resources, restorable=restore is not None)
    if not parts.migrations:
        raise UsageError(
            f"{overlay.directory.as_posix()}: nothing here migrates; expected a Job or an init container whose name or "
            "command speaks of it"
        )
    app = app_of(application) if application else None
    sys.stderr.write(RUNS_CODE)
    migrations = overlay.target.settings.migrations if overlay.target else None
    wanted = Wanted(database_url, postgres_bin, postgres_version)
    with private(), workspace() as run, progress(len(playing)) as events:
        databases = Supply(wanted, run)
        setting = Setting(
            resources=resources,
            cast=parts,
            restore=restore,
            names=_names(overlay.target) if overlay.target else Names(),
            tool=migrations.tool if migrations else "knex",
            migrations=_folder(migrations) if migrations else "",
            app=app,
            previous=previous_of(previous, app, run.folder / "previous") if app else None,
            given=given,
            extra=extra,
            images=mapped,
            dump=dump,
            network=network,
            patience=patience,
            run=run,
            databases=databases,
            observer=Observer(app=app.folder if app else None, pending_only=not squawk_all),
            study=study,
            gates=gates,
            progress=events,
            password=secrets.token_urlsafe(16),
        )
        done = rehearse(overlay.title, playing, setting, 1 if wanted.url else jobs)
    if report:
        save(report, FORMATS["html"](done))
    sys.stdout.write(FORMATS[output](done, View.of(sys.stdout)))
    if require_tools and done.passed and (left_out := done.not_rehearsed):
        raise ToolError("\n".join(f"not rehearsed: {each.name}: {each.reason}" for each in left_out))
    return OK if done.passed else FINDINGS


def _list(
    project: Path | None,
    environment: str | None,
    service: Sequence[str] | None,
    path: Path | None,
    own: Sequence[Path],
) -> int:
    try:
        root = _overlay(project, environment, service, path).root
    except UsageError:
        root = None
    for scenario in scenarios(own, root).values():
        sys.stdout.write(f"{scenario.name:24} {scenario.spec.title}\n")
    return OK


def _overlay(project: Path | None, environment: str | None, service: Sequence[str] | None, path: Path | None) -> Chosen:
    overlays = overlays_chosen(project, environment, service, path)
    if len(overlays) != 1:
        names = ", ".join(overlay.title.rpartition("/")[2] for overlay in overlays) or "none enabled"
        raise UsageError(f"a rehearsal is of one service, and there are {names}; use --service NAME")
    (overlay,) = overlays
    return overlay


def _restore(overlay: Path) -> Resource | None:
    """Return the Job that no kustomization names, where aegisgen rendered one. Raises InputError."""
    file = overlay / "restore-manual.yaml"
    if not file.exists():
        return None
    (job,) = resources_in([parse_one(files.read(file), display(file), manifests)])
    return job


def _names(target: Target) -> Names:
    env = target.settings.database.env
    roles = {"host": env.host, "port": env.port, "user": env.user, "name": env.name, "password": env.password}
    direct = target.settings.database.direct or DirectAddress()
    own = {"host": direct.host, "port": direct.port, "url": direct.url and direct.url.key}
    return Names(
        roles | ({"url": env.url} if env.url else {}), {role: str(value) for role, value in own.items() if value}
    )


def _folder(migrations: Migrations) -> str:
    first = migrations.sets[0].path if migrations.sets else UNSET
    return first or migrations.path or ""
