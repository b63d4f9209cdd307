"""What a runbook says of statuses, people and tools, as far as it is a table."""

from __future__ import annotations

from collections.abc import Iterator

from aegisgen.profile.agreement.runbook import people
from aegisgen.profile.steps.job import wanted
from aegisgen.record import Record
from aegisgen.render.runner import bookkeeping_table, quoted
from aegisgen.runbook.facts import Facts
from aegisgen.status.exits import Role, codes
from aegisgen.tools import EXEC


class Status(Record):
    """One status of a pod, as `kubectl get pods` shows it."""

    status: str
    means: str
    do: str


class ExitRow(Record):
    """One exit code."""

    code: int
    step: str
    means: str
    do: str


class Duty(Record):
    """Who does what; `at` is empty where the profile does not say."""

    who: str
    does: str
    at: str


def statuses(facts: Facts) -> list[Status]:
    """Return the statuses that a pod of this service may have."""
    secrets = ", ".join(facts.target.settings.image_pull_secrets)
    init = bool(facts.init_container)
    at = "its init container's log" if init else "the pod's log"
    found = [
        Status("Pending", "no node takes it: no room, or a volume is missing", "kubectl describe pod says which"),
        Status(
            "ImagePullBackOff",
            "the image is not there, or the registry refuses; such a pod never fails, it waits",
            "check the image's tag" + (f" and the pull secret {secrets}" if secrets else ""),
        ),
        Status(
            "CreateContainerConfigError",
            "a ConfigMap, a Secret or a key of one does not exist",
            f"kubectl describe pod names it; the migration reads {facts.config} and {facts.secret}",
        ),
        Status("OOMKilled", "it ran out of memory", "raise resources.limits.memory in the profile"),
    ]
    if init:
        return [
            Status("Init:0/1", "the migration runs, or waits for the one in another pod", "wait; look at its log"),
            Status("Init:Error", "the migration has failed and is about to be tried again", f"read {at}"),
            Status("Init:CrashLoopBackOff", "it has failed several times; the pod waits before each try", f"read {at}"),
            Status("PodInitializing", "migrated; the application is about to start", "wait"),
            *found,
            Status("CrashLoopBackOff", "the application itself fails; the migration is done", "read its own log"),
            Status("Running", "migrated, and the application runs", "nothing"),
        ]
    return [
        Status("Running", "of the migration's pod: it migrates, or waits for the database or the lock", "wait"),
        Status("Completed", "of the migration's pod: done", "nothing"),
        Status("Error", "of the migration's pod: this attempt has failed", f"read {at}"),
        *found,
        Status("CrashLoopBackOff", "the application itself fails; the migration is done", "read its own log"),
    ]


def exit_codes(facts: Facts) -> dict[str, list[ExitRow]]:
    """Return the exit codes of what this service runs, by role; nothing for what is off."""
    settings = facts.target.settings
    steps = {
        Role.BACKUP: wanted(settings.backup),
        Role.DRY_RUN: wanted(settings.dry_run),
        Role.CHECKS: wanted(settings.checks),
        Role.SYNC_FAIL: settings.rollback.automatic,
    }
    on = {Role.MIGRATION: True, **{role: runs and facts.job != "" for role, runs in steps.items()}}
    return {str(role): list(_rows(role, facts)) if runs else [] for role, runs in on.items()}


def _rows(role: Role, facts: Facts) -> Iterator[ExitRow]:
    settings = facts.target.settings
    locked = {15, 16, 17, 18, 23, 24, 25, 26}
    s3 = bool(settings.backup and settings.backup.s3)
    records = facts.job != "" and (settings.rollback.record or settings.rollback.automatic)
    for code, exit_ in codes(role, "load").items():
        if role is Role.MIGRATION and (
            (code in locked and not facts.lock) or (code == 20 and not records)  # noqa: PLR2004
        ):
            continue
        if role is Role.BACKUP and not s3 and code >= 25:  # noqa: PLR2004 - from there on it is about sending
            continue
        if role is Role.SYNC_FAIL and exit_.step not in {"plan", "down", "record"}:
            continue  # the rest is the migration's own
        yield ExitRow(code, exit_.step, exit_.meaning, exit_.advice(facts.config, facts.secret))


def duties(facts: Facts) -> list[Duty]:
    """Return who does what for this service."""
    at, settings = people(facts.target), facts.target.settings
    found = [
        Duty("on call", "looks first, reads the log, syncs again, decides whether to go back", at.on_call or ""),
        Duty("developers", "fix a migration that failed, or write the one that reverses it", at.developers or ""),
    ]
    if settings.approval.gate or (settings.application and not settings.application.automated):
        found.append(Duty("approvers", "let a sync begin, or reject it", at.approvers or ""))
    backup = " and restore backups" if wanted(settings.backup) else ""
    return [
        *found,
        Duty("database administrators", f"end sessions, free locks{backup}", at.database or ""),
        Duty("platform engineers", "change profiles, Secrets, pull secrets, policies, Argo CD", at.platform or ""),
    ]


def skipping(facts: Facts) -> tuple[list[str], str]:
    """Return how a migration is marked as done: statements of SQL, or a command of the tool."""
    migrations = facts.target.settings.migrations
    tool = facts.tool
    if tool.mark_done_sql:
        tables = [quoted(bookkeeping_table(migrations, one)) for one in (migrations.sets or (migrations,))]
        return [tool.mark_done_sql.format(table=table) for table in tables], ""
    url = facts.target.settings.database.env.url or "DATABASE_URL"
    return [], tool.mark_done.replace("{exec}", EXEC[migrations.package_manager]).replace("{url}", url)
