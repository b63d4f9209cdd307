"""Pods as `kubectl get pods` prints them, from the attempts that their containers made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from aegisgen.rehearsal.outcome import ContainerRun, StepRun, SyncRun
from aegisgen.rehearsal.show.wording import age, failing

_RUNNING = "Running"


class Pod(NamedTuple):
    """A row of the table."""

    name: str
    ready: str
    status: str
    restarts: str
    age: str


COLUMNS = tuple(name.upper() for name in Pod._fields)


def pods(sync: SyncRun) -> tuple[Pod, ...]:
    """Return a row a pod, in order of their start, as they stood when the sync ended."""
    owners = {run.pod: step for step in sync.steps for run in step.containers}
    runs = {name: [run for run in step.containers if run.pod == name] for name, step in owners.items()}
    order = sorted(runs, key=lambda name: (min(run.began for run in runs[name]), name))
    return tuple(_pod(name, runs[name], owners[name], sync.ended) for name in order)


def _pod(name: str, runs: Sequence[ContainerRun], owner: StepRun, now: float) -> Pod:
    last: dict[str, ContainerRun] = {}
    for run in sorted(runs, key=lambda run: (run.began, run.attempt)):
        last[run.container] = run
    # Init containers have ended before another one of the pod begins; kubectl counts only the others.
    main = [run for run in last.values() if not any(other.began >= run.ended > run.began for other in last.values())]
    ready = sum(run.status == _RUNNING for run in main)
    latest = max(last.values(), key=lambda run: (run.ended, run.began))
    restarts = sum(sum(run.container == name for run in runs) - 1 for name in last)
    status = latest.status
    lives = not owner.resource.startswith("Job/")
    if lives and failing(latest) and owner.status.endswith("BackOff"):
        # Between two attempts the pod is waiting, and that is what kubectl shows.
        status = owner.status
    elif lives and not failing(latest) and owner.status == _RUNNING:
        # The application itself is not rehearsed: it counts as up when nothing stands in its way.
        status, ready, restarts = _RUNNING, max(len(main), 1), restarts if latest.status == _RUNNING else 0
    began = min(run.began for run in runs)
    return Pod(name, f"{ready}/{max(len(main), 1)}", status, str(restarts), age(now - began))
