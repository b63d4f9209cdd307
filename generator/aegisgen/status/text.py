"""A report for people: one line that says what is wrong and what to do, then what that was made of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from aegisgen.argocd.plan_words import duration
from aegisgen.kube.kubectl import without_credentials
from aegisgen.kube.pods import image_of
from aegisgen.output.visible import visible
from aegisgen.status.cluster import NEVER, Job, Pod
from aegisgen.status.diagnose import Report
from aegisgen.status.model import State
from aegisgen.status.pods import shown_status

_COLOURS = {
    State.PROBLEM: "31",
    State.WAITING: "33",
    State.IN_PROGRESS: "34",
    State.ABSENT: "2",
    State.HEALTHY: "32",
}
_Rows = list[tuple[str, ...]]
_EVENTS = 5
"""How many warnings are shown, the newest first."""


def to_text(reports: Sequence[Report], now: datetime, *, colour: bool = False) -> str:
    """Return the reports, their lines ended by a newline; `colour` adds ANSI escapes. `now` is what ages count from."""
    texts = ["".join(f"{line}\n" for line in _lines(report, now, colour=colour)) for report in reports]
    return "\n".join(texts)


def headline(report: Report, *, colour: bool = False) -> str:
    """Return the one line about a service: state, what is wrong, what to do next."""
    state = _paint(report.state, _COLOURS[report.state], colour=colour)
    return f"{visible(report.expected.title)}: {state}: {clean(str(report.diagnosis))}"


def clean(text: str) -> str:
    """Return one line that is fit for a terminal, without credentials."""
    return visible(without_credentials(" ".join(text.split())))


def _lines(report: Report, now: datetime, *, colour: bool) -> list[str]:
    lines = [headline(report, colour=colour), *_commands(report.diagnosis.commands)]
    for diagnosis in report.also:
        lines += [f"  also: {clean(str(diagnosis))}", *_commands(diagnosis.commands)]
    for rows in (_jobs(report, now), _workload(report), _pods(report, now), _application(report, now)):
        if len(rows) > 1:
            lines += ["", *_table(rows, colour=colour)]
    lines += _details(report, now, colour=colour)
    if report.snapshot.skipped:
        lines += ["", *(f"  not looked at: {clean(line)}" for line in report.snapshot.skipped)]
    return lines


def _commands(commands: Sequence[str]) -> list[str]:
    return [f"  $ {visible(command)}" for command in commands]


def _jobs(report: Report, now: datetime) -> _Rows:
    rows: _Rows = [("JOB", "STATUS", "FAILED", "DURATION", "AGE")]
    for step in report.expected.steps:
        job = report.snapshot.job(step.name)
        if job:
            rows.append(
                (job.name, job_status(job), f"{job.failed}/{job.attempts}", _took(job, now), _age(job.created, now))
            )
    return rows


def job_status(job: Job) -> str:
    """Return a Job's status in one word, and why it failed."""
    failed = job.condition("Failed", "FailureTarget")
    if failed:
        return f"Failed ({failed.reason})"
    if job.condition("Complete", "SuccessCriteriaMet"):
        return "Complete"
    return "Suspended" if job.suspended else "Running"


def _workload(report: Report) -> _Rows:
    workload = report.snapshot.workload
    rows: _Rows = [("WORKLOAD", "READY", "UP-TO-DATE", "AVAILABLE", "IMAGE")]
    if workload:
        counts = (f"{workload.ready}/{workload.wanted}", str(workload.updated), str(workload.available))
        image = image_of(workload.pod_spec, report.expected.container)
        rows.append((f"{workload.kind.lower()}/{workload.name}", *counts, image))
    return rows


def _pods(report: Report, now: datetime) -> _Rows:
    rows: _Rows = [("POD", "READY", "STATUS", "EXIT", "RESTARTS", "AGE")]
    for pod in report.snapshot.pods:
        code = next((str(container.exit_code) for container in pod.containers if container.exit_code), "")
        restarts = sum(container.restarts for container in pod.containers)
        rows.append((pod.name, _ready(pod), shown_status(pod), code, str(restarts), _age(pod.created, now)))
    return rows


def _ready(pod: Pod) -> str:
    own = [each for each in pod.containers if not each.init]
    return f"{sum(each.ready for each in own)}/{len(own)}"


def _application(report: Report, now: datetime) -> _Rows:
    rows: _Rows = [("APPLICATION", "SYNC", "HEALTH", "LAST SYNC", "AGE", "REVISION")]
    found = report.snapshot.application
    if found:
        age = _age(found.started, now)
        rows.append((found.name, found.sync_status, found.health, found.operation, age, found.revision[:12]))
    return rows


def _details(report: Report, now: datetime, *, colour: bool) -> list[str]:
    ends: dict[tuple[str, int, str], list[str]] = {}
    for pod in report.snapshot.pods:
        for container in pod.containers:
            if container.exit_code and container.message:
                last = container.message.splitlines()[-1]
                ends.setdefault((container.name, container.exit_code, last), []).append(pod.name)
    lines = [
        clean(f"{pods[-1]} {name} ended with {code}: {message}") + (f" ({len(pods)} pods)" if len(pods) > 1 else "")
        for (name, code, message), pods in ends.items()
    ]
    events = sorted(report.snapshot.events, key=lambda each: each.last, reverse=True)[:_EVENTS]
    for event in events:
        times = f" (x{event.times})" if event.times > 1 else ""
        about = f"{event.kind}/{event.name}"
        lines.append(clean(f"{_age(event.last, now)} ago {about} {event.reason}{times}: {event.message}"))
    lines = [f"  {line}" for line in lines]
    log = report.snapshot.log
    if log and log.lines:
        if lines:
            lines.append("")
        lines.append(_paint(f"  {clean(f'last lines of {log.pod} {log.container}')}", "1", colour=colour))
        lines += [f"  | {clean(line)}" for line in log.lines]
    return ["", *lines] if lines else []


def _table(rows: Sequence[tuple[str, ...]], *, colour: bool) -> list[str]:
    rows = [tuple(clean(cell) or "-" for cell in row) for row in rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [f"  {_paint(lines[0], '1', colour=colour)}", *(f"  {line}" for line in lines[1:])]


def _took(job: Job, now: datetime) -> str:
    if job.started == NEVER:
        return ""
    return _short((job.finished if job.finished != NEVER else now).timestamp() - job.started.timestamp())


def _age(since: datetime, now: datetime) -> str:
    return "" if since == NEVER else _short(now.timestamp() - since.timestamp())


def _short(seconds: float) -> str:
    """Return a time as kubectl does, by its two largest units at most."""
    whole = max(0, int(seconds))
    for size in (86400, 3600, 60):
        if whole >= 2 * size:
            return duration(whole - whole % (3600 if size == 86400 else 60 if size == 3600 else 1))  # noqa: PLR2004
    return duration(whole)


def _paint(text: str, tint: str, *, colour: bool) -> str:
    return f"\x1b[{tint}m{text}\x1b[0m" if colour else text
