"""What the steps need of each other: an order of waves, and a PostgreSQL that they can reach."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

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
    waves = [(("hook", "configWave"), settings.hook.config_wave)]
    if wanted(settings.backup):
        waves.append((("backup", "wave"), settings.backup.wave))
    if wanted(settings.dry_run):
        waves.append((("dryRun", "wave"), settings.dry_run.wave))
    waves.append((("hook", "wave"), settings.hook.wave))
    if wanted(settings.checks):
        waves.append((("checks", "wave"), settings.checks.wave))
    for (before, earlier), (after, later) in pairwise(waves):
        if earlier < later:
            continue
        if after == ("hook", "wave"):
            yield problem(layers, before, f"not before the Job's wave, expected less than {later}")
        else:
            yield problem(layers, after, f"not after {'.'.join(before)}, expected more than {earlier}")


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
