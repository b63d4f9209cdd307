"""What the rollback's Jobs run."""

from __future__ import annotations

import shlex

from aegisgen.profile.agreement.rollback import automatic
from aegisgen.profile.target import Target
from aegisgen.render.environment import Templates
from aegisgen.render.record import recording
from aegisgen.render.runner import Runner, locked
from aegisgen.tools import EXEC, TOOLS


def rollback_runners(target: Target, templates: Templates) -> dict[str, Runner]:
    """Render what each of the rollback's Jobs runs; nothing where there is no rollback.

    Raises InputError where a template fails.
    """
    if not automatic(target):
        return {}
    log = target.settings.migrations.log
    values = locked(target, templates)
    marks = {
        name: Runner(
            templates.render("runner/mark.sh.j2", action=action, log=log, **recording(target, templates)), None, "node"
        )
        for name, action in (("baseline", "open"), ("confirm", "confirm"))
    }
    holder = templates.render("runner/lock.js.j2")
    rolls = {
        name: Runner(
            templates.render("runner/rollback.sh.j2", which=which, downs=_downs(target), **values), holder, "node"
        )
        for name, which in (("automatic", "open"), ("manual", "newest"))
    }
    return marks | rolls


def _downs(target: Target) -> list[tuple[str, str]]:
    rollback, migrations = target.settings.rollback, target.settings.migrations
    if migrations.sets:
        return [(one.name, shlex.join(rollback.downs[one.name])) for one in migrations.sets]
    usual = (TOOLS[migrations.tool].take_back or "").format(exec=EXEC[migrations.package_manager])
    return [("main", shlex.join(rollback.down) if rollback.down else usual)]
