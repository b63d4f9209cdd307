"""What the steps need of each other: an order of waves, and a PostgreSQL that they can reach."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import UNSET

from aegisgen.errors import Problem
from aegisgen.profile.agreement import backup, checks, dryrun
from aegisgen.profile.layers import Layer, missing, problem
from aegisgen.profile.steps.job import wanted
from aegisgen.profile.target import Target


def problems(target: Target, layers: list[Layer]) -> Iterator[Problem]:
    """Yield everything that is wrong with the steps of a service."""
    yield from backup.problems(target, layers)
    yield from dryrun.problems(target, layers)
    yield from checks.problems(target, layers)
    yield from _order(target, layers)
    yield from _postgres(target, layers)


def _order(target: Target, layers: list[Layer]) -> Iterator[Problem]:
    """Argo CD starts a wave when the one before it is done; steps of one wave run side by side."""
    settings = target.settings
    first, job = settings.hook.config_wave, settings.hook.wave
    between = {"backup": settings.backup.wave} if wanted(settings.backup) else {}
    between |= {"dryRun": settings.dry_run.wave} if wanted(settings.dry_run) else {}
    if first >= job and not between:
        yield problem(layers, ("hook", "configWave"), f"not before the Job's wave, expected less than {job}")
    for step, wave in between.items():
        place = (step, "wave")
        if wave >= job:
            yield problem(layers, place, f"not before the Job's wave, expected less than {job}")
        elif wave <= first:
            yield problem(layers, place, f"not after hook.configWave, expected more than {first}")
    if wanted(settings.checks) and settings.checks.wave <= job:
        yield problem(layers, ("checks", "wave"), f"not after hook.wave, expected more than {job}")


def _postgres(target: Target, layers: list[Layer]) -> Iterator[Problem]:
    """Backup, dry run and SQL checks run PostgreSQL's own programs, and must know which variable means what."""
    settings = target.settings
    asks_in_sql = wanted(settings.checks) and any(check.sql is not UNSET for check in settings.checks.run)
    steps = {"backup": wanted(settings.backup), "dryRun": wanted(settings.dry_run), "checks": asks_in_sql}
    wanting = [name for name, runs_programs in steps.items() if runs_programs]
    if not wanting:
        return
    database, env = settings.database, settings.database.env
    if database.engine != "postgresql":
        for field in wanting:
            yield problem(layers, (field,), "needs PostgreSQL, but database.engine is other; remove it")
        return
    if database.postgres.version is UNSET and database.postgres.image is UNSET:
        message = (
            f"missing, expected the server's major version, such as {{version: 17}}: {wanting[0]} runs pg_dump or psql"
        )
        yield missing(layers, ("database", "postgres"), message)
    known = {*database.config.keys, *database.secret.keys, *settings.migrations.env}
    if env.url not in known:
        # Without this the dry run might not know what to keep from the application, and migrate production.
        for field in ("host", "name", "user"):
            if getattr(env, field) not in known:
                message = (
                    f"{getattr(env, field)} is no key of database.config or database.secret, expected the variable "
                    f"with the database's {field} ({wanting[0]} connects by itself)"
                )
                yield problem(layers, ("database", "env", field), message)
