"""What the hook Jobs of the last or present sync say: where it stands, or where it stopped.

Argo CD deletes a hook only when its wave comes. A Job that is older than one of an earlier wave is a former sync's,
and says nothing of this one.
Source: Kubernetes API reference, batch/v1 JobStatus; Argo CD's `runTasks`, gitops-engine/pkg/sync/sync_context.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby

from aegisgen.argocd.hooks import Phase
from aegisgen.argocd.plan_words import duration
from aegisgen.record import Record, replace
from aegisgen.status.cluster import NEVER, Container, Job, Pod
from aegisgen.status.exits import Role, codes, meaning
from aegisgen.status.expected import Expected, Step
from aegisgen.status.model import Cause, Diagnosis, LogSource
from aegisgen.status.pods import hindrance, stale_lock
from aegisgen.status.snapshot import Snapshot

_NOUNS = {
    Role.APPROVAL_REQUEST: "the request for an approval",
    Role.APPROVAL: "the approval",
    Role.BASELINE: "the record of runs",
    Role.BACKUP: "the backup",
    Role.DRY_RUN: "the dry run",
    Role.MIGRATION: "the migration",
    Role.CHECKS: "the integrity checks",
    Role.ROLLOUT: "the record of the rollout",
    Role.CONFIRM: "the confirmation",
    Role.SYNC_FAIL: "the rollback",
    Role.RESTORE: "the restore",
}
_MESSAGE = frozenset({Role.CHECKS, Role.SYNC_FAIL})
"""Whose termination message says more than the exit code."""
_NEXT = "read its log, fix the cause, then sync again"


class Ended(Record):
    """The newest failure of a Job's pods."""

    pod: Pod
    container: Container


class Standing(Record):
    """How far the hooks of the sync have come."""

    findings: tuple[Diagnosis, ...]
    """What is to be said of the first wave that is not done; empty: all hooks that are there are done."""
    stopped: bool
    """Whether the hooks, failed or not done yet, keep the sync from the application."""
    migration: Job | None
    """The migration Job of this sync; None where it has not been there."""


def standing(snapshot: Snapshot, expected: Expected) -> Standing:
    """Return where the sync's hooks stand."""
    ahead = [step for step in expected.steps if step.phase is not Phase.SYNC_FAIL]
    since, migration = NEVER, None
    done: Step | None = None
    for (phase, _), wave in groupby(ahead, key=lambda step: (step.phase, step.wave)):
        steps = tuple(wave)
        jobs = [(step, job) for step in steps if (job := snapshot.job(step.name)) and job.created >= since]
        findings = tuple(found for step, job in jobs if (found := _of_job(step, job, snapshot, expected)))
        migration = next((job for step, job in jobs if step.name == expected.migration), migration)
        if findings:
            taken_back = tuple(_rollback(snapshot, expected, max(job.created for _, job in jobs)))
            return Standing((*findings, *taken_back), phase is Phase.PRE_SYNC, migration)
        # a former sync's Job of these steps is still there, to be replaced when their wave comes
        older = not jobs and any(snapshot.job(step.name) for step in steps)
        if older and done and phase is Phase.PRE_SYNC:
            what = f"{noun(done)} is done, {noun(steps[0])} has not begun"
            return Standing((Diagnosis(Cause.IN_PROGRESS, what),), stopped=True, migration=migration)
        since = max([since, *(job.created for _, job in jobs)])
        done = jobs[-1][0] if jobs else done
    return Standing((), stopped=False, migration=migration)


def noun(step: Step) -> str:
    """Return what people call a step."""
    return _NOUNS.get(step.role, f"the hook {step.name}")


def _of_job(step: Step, job: Job, snapshot: Snapshot, expected: Expected) -> Diagnosis | None:
    if job.condition("Failed", "FailureTarget"):
        return _failed(step, job, snapshot, expected)
    if job.condition("Complete", "SuccessCriteriaMet"):
        return None
    if job.suspended:
        return _suspended(step, job, expected)
    pods = [pod for pod in snapshot.pods_of_job(job) if not pod.deleting]
    waiting = [pod for pod in pods if pod.phase not in {"Succeeded", "Failed"}]
    hindered = next((found for pod in reversed(waiting) if (found := hindrance(pod, snapshot, expected))), None)
    if hindered:
        return replace(hindered, what=f"{noun(step)} cannot start: {hindered.what}")
    refused = next((each for each in snapshot.warnings("Job", job.name) if each.reason == "FailedCreate"), None)
    if refused and not pods:
        what = f"{noun(step)} gets no pod: {refused.message}"
        next_ = "fix what the message names; the Job goes on trying until its deadline"
        return expected.diagnosis(Cause.PODS_REFUSED, what, next_, f"Job/{job.name}", "describe", "job", job.name)
    return _running(step, job, pods, snapshot, expected)


def _running(step: Step, job: Job, pods: list[Pod], snapshot: Snapshot, expected: Expected) -> Diagnosis:
    attempt = f" (attempt {min(job.failed + 1, job.attempts)} of {job.attempts})" if job.attempts > 1 else ""
    what = f"{noun(step)} runs{attempt}"
    ended = _ended(job, snapshot)
    if ended:
        what += f"; the attempt before {_how(step, ended)}"
    log = LogSource(pods[-1].name, _main(pods[-1])) if pods else None
    words = ("logs", f"job/{job.name}", "--all-containers", "--follow")
    return expected.diagnosis(Cause.IN_PROGRESS, what, "", f"Job/{job.name}", *words, log=log)


def _suspended(step: Step, job: Job, expected: Expected) -> Diagnosis:
    what = "the sync waits for an approval" if step.role is Role.APPROVAL else f"{noun(step)} is suspended"
    next_ = "resume the Job to approve, in Argo CD or with the command; terminate the sync to reject"
    words = ("patch", "job", job.name, "--type", "merge", "--patch", '{"spec":{"suspend":false}}')
    return expected.diagnosis(Cause.WAITING_FOR_APPROVAL, what, next_, f"Job/{job.name}", *words)


def _failed(step: Step, job: Job, snapshot: Snapshot, expected: Expected) -> Diagnosis:
    failed = job.condition("Failed", "FailureTarget")
    reason = failed.reason if failed else ""
    ended = _ended(job, snapshot)
    log = LogSource(ended.pod.name, ended.container.name) if ended else None
    commands = [expected.kubectl("describe", "job", job.name), *expected.sync]
    if ended:
        commands.insert(0, expected.kubectl("logs", ended.pod.name, "-c", ended.container.name))
    shown = Diagnosis(Cause.STEP_FAILED, "", _NEXT, tuple(commands), f"Job/{job.name}", log)
    locked = ended and stale_lock(ended.container, ended.pod, snapshot, expected)
    if locked:
        return replace(locked, about=shown.about, log=log, commands=(*locked.commands, *commands))
    if reason == "DeadlineExceeded":
        return _too_late(step, job, ended, shown, snapshot)
    cause = Cause.MIGRATION_FAILED if step.role is Role.MIGRATION else Cause.STEP_FAILED
    code = ended.container.exit_code or 0 if ended else 0
    if ended and code in codes(step.role, ended.container.name):
        exit_ = meaning(step.role, ended.container.name, code)
        what = f"{noun(step)} {_how(step, ended, 'failed')}"
        if reason == "BackoffLimitExceeded" and job.attempts > 1:
            what += f" (all {job.attempts} attempts, BackoffLimitExceeded)"
        advice = exit_.advice(expected.config, expected.secret) if exit_ else _NEXT
        return replace(shown, cause=cause, what=what, next=advice)
    if reason == "BackoffLimitExceeded":
        times = "once" if job.attempts == 1 else f"{job.attempts} times"
        what = f"{noun(step)} failed {times} and is not tried any more (BackoffLimitExceeded)"
        last = f"; its last pod {_how(step, ended)}" if ended else "; no pod is left to tell why"
        known = ended and meaning(step.role, ended.container.name, code, end_reason=ended.container.end_reason)
        return replace(shown, cause=Cause.BACKOFF_LIMIT_EXCEEDED, what=what + last, next=known.next if known else _NEXT)
    how = f"; its last pod {_how(step, ended)}" if ended else ""
    told = f": {reason}: {failed.message}" if failed else ""
    return replace(shown, cause=cause, what=f"{noun(step)} failed{told}{how}")


def _too_late(step: Step, job: Job, ended: Ended | None, shown: Diagnosis, snapshot: Snapshot) -> Diagnosis:
    """The deadline has passed. Kubernetes deletes the pod that ran then, and its log with it; its warnings stay."""
    limit = f" within {duration(job.deadline)}" if job.deadline else " in time"
    what = f"{noun(step)} did not end{limit} (DeadlineExceeded)"
    warnings = [each for each in snapshot.warnings("Pod") if each.name.startswith(f"{job.name}-")]
    if ended:
        what += f"; an attempt before {_how(step, ended)}"
    elif warnings and warnings[0].last >= job.created:
        what += f"; its pod was told: {warnings[0].reason}: {warnings[0].message}"
    field = "job.deadline" if step.role is Role.MIGRATION else "its deadline"
    next_ = f"find out what it waited for; if it needs longer, raise {field} in the profile, then sync again"
    return replace(shown, cause=Cause.DEADLINE_EXCEEDED, what=what, next=next_)


def _rollback(snapshot: Snapshot, expected: Expected, since: datetime) -> Iterator[Diagnosis]:
    """What the SyncFail hook made of the failure; Argo CD starts it after everything else."""
    for step in expected.steps:
        job = snapshot.job(step.name)
        if step.phase is not Phase.SYNC_FAIL or job is None or job.created < since:
            continue
        found = _of_job(step, job, snapshot, expected)
        if found:
            yield found
        elif step.role is Role.SYNC_FAIL:
            what = "the rollback has run: what this sync had applied is taken back"
            yield expected.diagnosis(Cause.ROLLED_BACK, what, "", f"Job/{job.name}", "logs", f"job/{job.name}")


def _ended(job: Job, snapshot: Snapshot) -> Ended | None:
    for pod in reversed(snapshot.pods_of_job(job)):
        for container in pod.containers:
            if container.exit_code:
                return Ended(pod, container)
    return None


def _how(step: Step, ended: Ended, verb: str = "ended") -> str:
    container = ended.container
    code = container.exit_code or 0
    known = meaning(step.role, container.name, code, end_reason=container.end_reason)
    what = f"{verb} with exit code {code}"
    if container.end_reason not in {"", "Error", "Completed"}:
        what += f" ({container.end_reason})"
    if step.role in _MESSAGE and container.message and code in codes(step.role):
        return f"{what}: {container.message.splitlines()[0]}"
    return f"{what}: {known.meaning}" if known else what


def _main(pod: Pod) -> str:
    """Return the container to listen to: the one that runs, else the one that ended last."""
    running = [each for each in pod.containers if each.state == "running" and not each.sidecar]
    ended = [each for each in pod.containers if each.state == "terminated"]
    found = running or ended[-1:] or [each for each in pod.containers if not each.init]
    return found[0].name if found else ""
