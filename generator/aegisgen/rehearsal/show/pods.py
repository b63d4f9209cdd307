"""Pods as `kubectl get pods` prints them, from the attempts that their containers made."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from aegisgen.rehearsal.show.words import age

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aegisgen.rehearsal.outcome import ContainerRun, SyncRun

COLUMNS = ("NAME", "READY", "STATUS", "RESTARTS", "AGE")


class Pod(NamedTuple):
    """A row of the table."""

    name: str
    ready: str
    status: str
    restarts: str
    age: str


def pods(sync: SyncRun) -> tuple[Pod, ...]:
    """Return a row a pod, in order of their start, as they stood when the sync ended."""
    runs: dict[str, list[ContainerRun]] = {}
    for step in sync.steps:
        for run in step.containers:
            runs.setdefault(run.pod, []).append(run)
    found = [(min(run.began for run in of), name, of) for name, of in runs.items()]
    return tuple(_pod(name, of, sync.ended) for _, name, of in sorted(found, key=lambda item: item[:2]))


def _pod(name: str, runs: Sequence[ContainerRun], now: float) -> Pod:
    last: dict[str, ContainerRun] = {}
    for run in sorted(runs, key=lambda run: (run.began, run.attempt)):
        last[run.container] = run
    # Init containers have ended before another one of the pod begins; kubectl counts only the others.
    main = [run for run in last.values() if not any(other.began >= run.ended > run.began for other in last.values())]
    ready = sum(run.status == "Running" for run in main)
    latest = max(last.values(), key=lambda run: (run.ended, run.began))
    restarts = sum(sum(run.container == name for run in runs) - 1 for name in last)
    began = min(run.began for run in runs)
    return Pod(name, f"{ready}/{max(len(main), 1)}", latest.status, str(restarts), age(now - began))
