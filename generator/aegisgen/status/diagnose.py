"""What is wrong with one service, and what to do next. Pure: what was asked of the cluster in, words out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from aegisgen.output.numbers import counted
from aegisgen.record import Record
from aegisgen.status.applied import disagreements
from aegisgen.status.cluster import NEVER, Application
from aegisgen.status.expected import Expected
from aegisgen.status.model import Cause, Diagnosis, LogSource, State
from aegisgen.status.pipeline import Standing, standing
from aegisgen.status.rollout import rollout
from aegisgen.status.snapshot import Snapshot

_ORDER = tuple(State)


class Report(Record):
    """One service: the diagnosis, what else is to be said, and what both were made of."""

    expected: Expected
    snapshot: Snapshot
    diagnosis: Diagnosis
    also: tuple[Diagnosis, ...]

    @property
    def state(self) -> State:
        """What the service amounts to."""
        return self.diagnosis.cause.state

    @property
    def log(self) -> LogSource | None:
        """Whose log belongs to the report; None where there is none worth reading."""
        return next((each.log for each in (self.diagnosis, *self.also) if each.log), None)


def diagnose(snapshot: Snapshot, expected: Expected, now: datetime) -> Report:
    """Return what the cluster says of a service that should be as the tree has it.

    `now` decides only whether a finished Job's time to live may have removed it.
    """
    hooks = standing(snapshot, expected)
    found = list(_findings(snapshot, expected, hooks, now))
    # Sorting is stable: of two problems, the one that comes first in a sync comes first.
    found.sort(key=lambda each: _ORDER.index(each.cause.state))
    return Report(expected, snapshot, found[0], tuple(found[1:]))


def _findings(snapshot: Snapshot, expected: Expected, hooks: Standing, now: datetime) -> Iterator[Diagnosis]:
    application, workload = snapshot.application, snapshot.workload
    found = list(hooks.findings)
    explained = any(each.cause.state is State.PROBLEM for each in found)
    found += _of_application(application, explained=explained, waiting=bool(found))
    rolling = rollout(snapshot, expected)
    syncing = application is not None and application.operation in {"Running", "Terminating"}
    if not hooks.stopped and not syncing:
        found += disagreements(snapshot, expected, hooks.migration, now)
    found += rolling
    if not any(each.cause.state is not State.HEALTHY for each in found):
        found.insert(0, _healthy(snapshot, expected, hooks) if workload else _nothing(snapshot, expected, hooks))
    elif hooks.stopped and workload and not rolling:
        found.append(Diagnosis(Cause.HEALTHY, f"the application runs on as it was: {_ready(snapshot)}"))
    return iter(found)


def _of_application(application: Application | None, *, explained: bool, waiting: bool) -> Iterator[Diagnosis]:
    """What Argo CD says. A sync that failed or waits because of a hook of which is told needs no second mention."""
    if application is None:
        return
    about = f"Application/{application.name}"
    errors = [each for each in application.conditions if each.kind.endswith("Error")]
    for error in errors:
        if error.kind != "SyncError" or not explained:
            yield Diagnosis(
                Cause.APPLICATION_ERROR,
                f"Argo CD reports {error.kind}: {error.message}",
                "fix what the message names; no sync can succeed before",
                about=about,
            )
    if application.operation in {"Failed", "Error"} and not explained:
        yield Diagnosis(
            Cause.SYNC_FAILED,
            f"the last sync has ended as {application.operation}: {application.message or 'without a message'}",
            "fix what the message names, then sync again",
            (f"argocd app sync {application.name}",),
            about,
        )
    elif application.operation in {"Running", "Terminating"} and not waiting:
        word = "runs" if application.operation == "Running" else "is being terminated"
        told = f": {application.message}" if application.message else ""
        yield Diagnosis(Cause.IN_PROGRESS, f"the sync {word}{told}", about=about)


def _healthy(snapshot: Snapshot, expected: Expected, hooks: Standing) -> Diagnosis:
    job = hooks.migration
    what = f"{_ready(snapshot)} on {expected.image}"
    if job and job.finished != NEVER:
        what = f"migrated {job.finished:%Y-%m-%d %H:%M:%S} UTC, {what}"
    elif expected.migration:
        what += "; the migration Job is gone by now, as its time to live says"
    else:
        what += ", each migrated before it started"
    log = None
    if job:
        pods = snapshot.pods_of_job(job)
        log = LogSource(pods[-1].name, pods[-1].containers[-1].name) if pods and pods[-1].containers else None
    return Diagnosis(Cause.HEALTHY, what, about=f"{expected.workload_kind}/{expected.workload}", log=log)


def _nothing(snapshot: Snapshot, expected: Expected, hooks: Standing) -> Diagnosis:
    if hooks.migration:
        what = "the hooks are done, the application is not there yet"
        return Diagnosis(Cause.IN_PROGRESS, what, about=f"Job/{expected.migration}")
    what = f"nothing of it is in namespace {expected.namespace} yet"
    if snapshot.application is None:
        return Diagnosis(Cause.NOTHING_DEPLOYED, what, "create its Application, then sync it")
    name = snapshot.application.name
    return Diagnosis(Cause.NOTHING_DEPLOYED, what, "sync it", (f"argocd app sync {name}",) if name else ())


def _ready(snapshot: Snapshot) -> str:
    workload = snapshot.workload
    return "no pods" if workload is None else f"{workload.ready} of {counted(workload.wanted, 'pod')} ready"
