"""What a scenario expects of a sync, compared with what there was."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from aegisgen.argocd.hooks import Phase
from aegisgen.output.numbers import counted
from aegisgen.rehearsal.cluster.sync import Ended
from aegisgen.rehearsal.outcome import ContainerRun, Expectation
from aegisgen.rehearsal.scenario.cast import Cast
from aegisgen.rehearsal.scenario.model import Expect, Sync


class Evidence(NamedTuple):
    """What there is to look at after a sync."""

    ended: Ended
    pending: tuple[str, ...] | None
    """Migrations that are not recorded as applied; None where the bookkeeping cannot be read."""
    difference: str
    """What is another in the database than before; empty where nothing is."""
    updated: tuple[str, ...]
    """Workloads whose new pods are all ready."""
    started: tuple[str, ...]
    """Workloads that got new pods at all."""
    at_once: int | None
    """The most migrations that ran at once; None where nobody looked."""
    backups: tuple[str, ...]
    """New files of the backup, whole ones."""
    broken_backups: tuple[str, ...]
    """New files of the backup that are not whole."""
    requests: int
    """HTTP requests that notifications sent."""
    suspended: bool
    """Whether the sync waits for an approval."""


def expectations(sync: Sync, seen: Evidence, cast: Cast) -> Iterator[Expectation]:
    """Yield each expectation of a sync, passed or failed."""
    expect = sync.expect
    migrations = _migrations(seen.ended, cast)
    yield _sync(expect, seen)
    if expect.database == "migrated":
        yield _migrated(seen)
    elif expect.database == "unchanged":
        yield Expectation("the database is as before", not seen.difference, seen.difference or "no difference")
    if expect.application:
        yield _application(expect, seen)
    if expect.failed_attempts is not None:
        failed = [run for run in migrations if run.code != 0]
        text = f"at most {expect.failed_attempts} attempts fail" if expect.failed_attempts else "no attempt fails"
        got = "; ".join(f"{run.pod} attempt {run.attempt}: {_end(run)}" for run in failed) or "none failed"
        yield Expectation(text, len(failed) <= expect.failed_attempts, got)
    if expect.statuses:
        steps = {step.status for step in seen.ended.run.steps if _migrates(step.resource, cast)}
        text = f"the migration ends as {' or '.join(expect.statuses)}"
        yield Expectation(text, bool(steps & set(expect.statuses)), ", ".join(sorted(steps)))
    yield from _words(expect, seen)
    if expect.migration == "never-starts":
        got = f"{len(migrations)} attempts" if migrations else "not started"
        yield Expectation("the migration never starts", not migrations, got)
    if seen.at_once is not None:
        yield Expectation("never two migrations at once", seen.at_once <= 1, f"at most {seen.at_once} at once")
    if expect.backup == "made":
        yield Expectation("a complete backup", bool(seen.backups), ", ".join(seen.backups) or "no new file")
    elif expect.backup == "none":
        left = (*seen.backups, *seen.broken_backups)
        yield Expectation("no file that looks like a backup", not left, ", ".join(left) or "no new file")
    if expect.told:
        yield Expectation("a notification is sent", seen.requests > 0, counted(seen.requests, "message"))


def _sync(expect: Expect, seen: Evidence) -> Expectation:
    run = seen.ended.run
    waits = seen.ended.endless
    blocked = next(
        (
            f"{step.resource} is {step.status}: {step.detail}".rstrip(": ")
            for step in run.steps
            if step.status not in _FINE
        ),
        "",
    )
    got = "it succeeds" if run.succeeded else f"it {'waits forever' if waits else 'fails'}; {blocked}"
    if expect.sync == "succeeds":
        return Expectation("the sync succeeds", run.succeeded, got)
    if expect.sync == "fails":
        return Expectation("the sync fails within its limits", not run.succeeded and not waits, got)
    return Expectation("the sync waits for an approval", waits and seen.suspended, got)


_FINE = ("Created", "Completed", "Running")


def _migrated(seen: Evidence) -> Expectation:
    text = "every migration is applied"
    if seen.pending is None:
        return Expectation(text, seen.ended.run.succeeded, "the tool says so; its bookkeeping table was not read")
    got = f"pending: {', '.join(seen.pending)}" if seen.pending else "none is pending"
    return Expectation(text, not seen.pending, got)


def _application(expect: Expect, seen: Evidence) -> Expectation:
    if expect.application == "updated":
        waiting = sorted(set(seen.started) - set(seen.updated))
        got = f"not ready: {', '.join(waiting)}" if waiting else ", ".join(seen.updated) or "no new pods"
        return Expectation("the new application starts", bool(seen.updated) and not waiting, got)
    got = ", ".join(seen.updated) or "no new pod is ready"
    return Expectation("the new application does not start", not seen.updated, got)


def _words(expect: Expect, seen: Evidence) -> Iterator[Expectation]:
    steps = [step for step in seen.ended.run.steps if step.phase != Phase.SYNC_FAIL]
    runs = [run for step in steps for run in step.containers]
    texts = [*(step.detail for step in steps), *(text for run in runs for text in (run.message, run.log))]
    for word in expect.says:
        there = any(word.lower() in text.lower() for text in texts)
        yield Expectation(f"a message or log contains {word!r}", there, "found" if there else "not found")
    if expect.reason:
        last = max((run for run in runs if run.code != 0), key=lambda run: run.ended, default=None)
        lines = ((last.message.strip() or last.log.strip()) if last else "").splitlines()
        where = "kubectl describe" if last and last.message.strip() else "kubectl logs"
        got = (
            f"{where}: {lines[0] if where == 'kubectl describe' else lines[-1]}"
            if lines
            else "neither a message nor a log"
        )
        yield Expectation("the failure has a reason", bool(lines), got)


def _migrations(ended: Ended, cast: Cast) -> tuple[ContainerRun, ...]:
    return tuple(
        run
        for step in ended.run.steps
        if _migrates(step.resource, cast)
        for run in step.containers
        if run.container in cast.containers
    )


def _migrates(resource: str, cast: Cast) -> bool:
    return any(str(identity) == resource for identity, _ in cast.migrations)


def _end(run: ContainerRun) -> str:
    how = run.signal or f"exit code {run.code}"
    return f"{how}, {run.message.strip().splitlines()[0]}" if run.message.strip() else how
