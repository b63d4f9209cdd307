"""The rollback and its record: when there are any, and fields that need or exclude each other."""

from __future__ import annotations

from collections.abc import Iterator

from aegisgen.errors import Problem
from aegisgen.profile.layers import Layer, problem
from aegisgen.profile.target import Target
from aegisgen.tools import TOOLS

# The Sync phase's first wave and PostSync's last: rule O205 finds what is outside of them.
ROLLOUT_WAVE, CONFIRM_WAVE = -100, 100


def records(target: Target) -> bool:
    """Tell whether the runner records its runs."""
    rollback = target.settings.rollback
    return target.settings.strategy == "presync-job" and (rollback.record or rollback.automatic)


def automatic(target: Target) -> bool:
    """Tell whether a failed sync is rolled back."""
    return target.settings.strategy == "presync-job" and target.settings.rollback.automatic


def problems(target: Target, layers: list[Layer]) -> Iterator[Problem]:
    """Yield what is wrong with a service's rollback as it was resolved."""
    settings, rollback = target.settings, target.settings.rollback
    if not (rollback.record or rollback.automatic):
        return
    field = ("rollback", "automatic" if rollback.automatic else "record")
    migrations = settings.migrations
    if settings.strategy != "presync-job":
        message = "belongs to the strategy presync-job: pods start one by one, and there is no sync to take back"
        yield problem(layers, field, message)
        return
    tool = TOOLS[migrations.tool]
    if not tool.take_back:
        reason = "cannot take back one sync's migrations and no others" if tool.rollback else "has no rollback"
        yield problem(layers, field, f"{migrations.tool} {reason}; expected knex, or no such field")
        return
    if not migrations.lock.enabled:
        yield problem(layers, field, "needs the lock, under which a run is recorded; expected migrations.lock.enabled")
    if not rollback.automatic:
        return
    if not settings.image.tag and not settings.image.digest:
        message = "needs image.tag or image.digest: a run is known by its image, which the profile leaves to the file"
        yield problem(layers, field, message)
    if settings.hook.config_wave + 1 >= settings.hook.wave:
        most = settings.hook.wave - 1
        message = f"no wave between it and hook.wave, in which a sync is recorded; expected less than {most}"
        yield problem(layers, ("hook", "configWave"), message)
    if migrations.sets:
        for migration_set in migrations.sets:
            if migration_set.name not in rollback.downs:
                message = (
                    f"{migration_set.name} missing, expected the command that takes back one migration of this set"
                )
                yield problem(layers, ("rollback", "downs"), message)
    paths = [migration_set.path for migration_set in migrations.sets] if migrations.sets else [migrations.path]
    if not rollback.directory and not all(paths):
        message = "missing, expected the folder of the migrations in the image: each is read for its way back"
        yield problem(layers, ("rollback", "directory"), message)
