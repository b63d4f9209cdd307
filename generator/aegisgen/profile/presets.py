"""What each migration tool is called with, and how it locks.

A command is words as a POSIX shell reads them, or "sh: " and a script. In it stand, quoted where needed: {run} and
{exec} (how the package manager runs the package's scripts and programs), {ping} {status} {migrate} {rollback} (script
names), {at} (the option that names the migrations' folder, or nothing), {url} (the name of the variable with the
database's URL) and {timeout} (seconds to wait for the tool's own lock).
Sources: the tools' own documentation; for the texts of `pending` and `done`, their output.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from aegisgen.profile.migrations import Runtime


class Preset(NamedTuple):
    """One migration tool."""

    ping: str
    status: str
    migrate: str
    lock: Runtime | None
    """What holds aegisgen's lock by default; none: the tool's own lock is enough; None: the profile must say."""
    locking: str
    """How the tool locks by itself."""
    rollback: str | None = None
    verify: str | None = None
    """Fails if something is pending."""
    pending: tuple[str, ...] = ()
    """Parts of what `status` prints if something is pending."""
    done: tuple[str, ...] = ()
    """Parts of what `status` prints if nothing is pending."""
    at: str = ""
    """The option that names the folder {path}."""
    unlock: str | None = None
    """Frees a lock that a killed run left behind, where that can happen. For people: it proves nothing by itself."""


# On a database without migrations `version` fails, as it does without a database.
_VERSION = (
    'sh: said=$(migrate {at} -database "${url}" version 2>&1) && code=0 || code=$?; printf "%s\\n" "$said"; '
    'case $said in *"no migration"*) exit 0 ;; esac; exit "$code"'
)

PRESETS: dict[str, Preset] = {
    "knex": Preset(
        ping="{run} {ping}",
        status="{run} {status}",
        migrate="{run} {migrate}",
        rollback="{run} {rollback}",
        pending=("Pending Migration file/files.",),
        done=("No Pending Migration files Found.",),
        lock="node",
        locking="a row that survives a killed run, and makes whoever comes second fail instead of wait",
        unlock="{exec} knex migrate:unlock",
    ),
    "prisma": Preset(
        # Prisma has no command that only connects, and works with any of its versions.
        ping='node -e \'const url = new URL(process.env.{url}); require("net").connect(url.port || 5432, url.hostname)'
        '.on("connect", () => process.exit(0)).on("error", () => process.exit(1))\'',
        # Exits 1 where something is pending, which is no reason to stop before the migration.
        status="sh: {exec} prisma migrate status || :",
        migrate="{exec} prisma migrate deploy",
        verify="{exec} prisma migrate status",
        lock="node",
        locking="an advisory lock; whoever waits for it for more than 10 s fails",
    ),
    "flyway": Preset(
        ping="flyway info",
        status="flyway {at} info",
        migrate="flyway {at} -lockRetryCount={timeout} migrate",
        verify="flyway {at} validate",
        at="-locations=filesystem:{path}",
        lock="none",
        locking="an advisory lock, tried once a second",
    ),
    "liquibase": Preset(
        ping="liquibase history",
        status="liquibase status --verbose",
        migrate="liquibase update",
        rollback="liquibase rollback-count --count=1",
        pending=("has not been applied", "have not been applied"),
        done=("is up to date",),
        lock="none",
        locking="a row that survives a killed run; the next ones wait for it for 5 minutes and fail",
        unlock="liquibase release-locks",
    ),
    "alembic": Preset(
        ping="alembic current",
        status="alembic current",
        migrate="alembic upgrade heads",
        rollback="alembic downgrade -1",
        done=("(head)",),
        lock="python",
        locking="not at all",
    ),
    "django": Preset(
        ping="python manage.py showmigrations --verbosity 0",
        status="python manage.py showmigrations",
        migrate="python manage.py migrate --noinput",
        verify="python manage.py migrate --check",
        lock="python",
        locking="not at all",
    ),
    "golang-migrate": Preset(
        ping=_VERSION,
        status=_VERSION,
        migrate='migrate {at} -database "${url}" -lock-timeout {timeout} up',
        rollback='migrate {at} -database "${url}" down 1',
        pending=("(dirty)",),
        at="-path {path}",
        lock="none",
        locking="an advisory lock; a run that failed leaves the version dirty, which stops all others",
    ),
    "command": Preset(ping="", status="", migrate="", lock=None, locking="unknown"),
}
