"""`aegisgen status`: what a live cluster says, through the user's own kubectl, read-only."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from aegisgen.errors import ToolError, UsageError
from aegisgen.kube import kubectl
from aegisgen.kube.kubectl import Refusal, Request
from aegisgen.project.composed import compose_targets
from aegisgen.project.workspace import Selection, open_workspace
from aegisgen.record import replace
from aegisgen.status.diagnose import Report, diagnose
from aegisgen.status.expected import Expected, expected
from aegisgen.status.json import to_json
from aegisgen.status.model import State
from aegisgen.status.snapshot import WORKLOADS, Log, snapshot
from aegisgen.status.text import clean, headline, to_text

# 3: nothing is wrong, but it is not done; it goes on, waits for somebody, or is not there yet.
EXITS = {State.HEALTHY: 0, State.PROBLEM: 1, State.WAITING: 3, State.IN_PROGRESS: 3, State.ABSENT: 3}
_LOG_LINES = 12
_CLEAR = "\x1b[H\x1b[2J"


def main(
    environment: str,
    *,
    service: Sequence[str] | None,
    context: str | None,
    namespace: str,
    watch: bool,
    interval: int,
    output: str,
    project: Path | None,
) -> int:
    """Print how an environment's services stand; the exit code is that of the worst, by `EXITS`.

    `watch` goes on until somebody interrupts it. Raises ToolError without kubectl, a cluster or the right to look,
    UsageError and CompositionError where the tree does not tell what to look for.
    """
    workspace = open_workspace(Selection(project, [environment], service))
    if not workspace.targets:
        raise UsageError(f"nothing of {environment} is enabled; there is nothing to look for")
    services = [
        expected(target, composed, namespace=namespace, context=context or "")
        for target, composed in zip(workspace.targets, compose_targets(workspace.root, workspace.targets), strict=True)
    ]
    if watch:
        _watch(services, context=context, interval=interval, form=output)
    reports = _ask(services, context)
    now = _now()
    sys.stdout.write(to_json(reports, now) if output == "json" else to_text(reports, now, colour=_colour()))
    return EXITS[min((report.state for report in reports), key=tuple(State).index)]


def _watch(services: Sequence[Expected], *, context: str | None, interval: int, form: str) -> None:
    """Show each state anew on a terminal; elsewhere print each change once, a line or a JSON object."""
    shown: dict[str, str] = {}
    on_terminal = sys.stdout.isatty() and form == "text"
    started = False
    while True:
        try:
            reports = _ask(services, context)
            trouble = ""
        except ToolError as error:
            # A cluster that does not answer at first will not later; one that did may well again.
            if not started:
                raise
            reports, trouble = [], str(error)
        started, now = True, _now()
        if on_terminal:
            title = f"every {interval} s, {now:%H:%M:%S} UTC; Ctrl-C ends\n\n"
            sys.stdout.write(_CLEAR + title + (trouble or to_text(reports, now, colour=_colour())))
        else:
            sys.stdout.writelines(_changes(shown, reports, trouble, now, form))
        sys.stdout.flush()
        _sleep(interval)


def _changes(shown: dict[str, str], reports: Sequence[Report], trouble: str, now: datetime, form: str) -> Iterator[str]:
    """Yield what is to be said of services that are not as they were last `shown`."""
    at = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    lines = {report.expected.title: headline(report) for report in reports} or {"": trouble}
    changed = {title for title, line in lines.items() if shown.get(title) != line}
    if not changed:
        return
    if "" not in lines:
        shown.pop("", None)
    shown.update(lines)
    if form == "json" and reports:
        yield to_json(reports, now, indent=None)
    elif form == "text":
        yield from (f"{at} {line}\n" for title, line in lines.items() if title in changed)


def _ask(services: Sequence[Expected], context: str | None) -> list[Report]:
    documents, skipped = _documents(services, context)
    now = _now()
    found = [diagnose(snapshot(documents, service, skipped), service, now) for service in services]
    wanted = [(index, report.log) for index, report in enumerate(found) if report.log]
    requests = [
        kubectl.logs(source.pod, source.container, namespace=found[index].expected.namespace, lines=_LOG_LINES)
        for index, source in wanted
    ]
    for (index, source), answer in zip(wanted, kubectl.ask(requests, context=context) if requests else (), strict=True):
        if isinstance(answer, Refusal):  # a container that has not written anything yet, or no right to its log
            continue
        log = Log(source.pod, source.container, tuple(answer.splitlines()))
        report = found[index]
        found[index] = diagnose(replace(report.snapshot, log=log), report.expected, now)
    return found


def _documents(services: Sequence[Expected], context: str | None) -> tuple[list[dict[str, object]], list[str]]:
    """Return every object that may belong to the services, and what could not be asked for."""
    one = services[0]
    kinds = sorted({WORKLOADS[service.workload_kind] for service in services})
    asked: list[tuple[str, Request]] = [
        ("", kubectl.get(["jobs.batch", "pods", *kinds], namespace=one.namespace)),
        ("events", kubectl.get(["events"], namespace=one.namespace, warnings_only=True)),
        ("persistentvolumeclaims", kubectl.get(["persistentvolumeclaims"], namespace=one.namespace)),
        ("applications", _application(services)),
    ]
    documents: list[dict[str, object]] = []
    skipped: list[str] = []
    for (what, _), answer in zip(asked, kubectl.ask([request for _, request in asked], context=context), strict=True):
        if isinstance(answer, str):
            documents += kubectl.objects(answer)
        elif not what:
            raise ToolError(f"cannot ask the cluster: kubectl: {clean(answer.message)}")
        elif not answer.unknown_kind:
            skipped.append(f"{what}: {answer.message}")
    return documents, skipped


def _application(services: Sequence[Expected]) -> Request:
    """By its name where that is known; a list of all of them may be long."""
    one = services[0]
    name = one.application if len(services) == 1 else ""
    return kubectl.get(["applications.argoproj.io"], namespace=one.argocd_namespace, name=name)


def _colour() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _now() -> datetime:
    return datetime.now(UTC)


def _sleep(seconds: int) -> None:
    time.sleep(seconds)
