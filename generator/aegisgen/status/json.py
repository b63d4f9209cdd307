"""Reports as JSON for programs.

The keys are stable: `version` goes up when one changes its meaning or goes away, new ones may come at any time.

    {version, at, environment, state, skipped: [text],
     services: [{service, namespace, strategy, state, cause, what, next, about, commands: [text],
       also: [{cause, what, next, about, commands}],
       jobs: [{name, role, phase, wave, status, reason, failed, attempts, created, started, finished}],
       workload: {kind, name, wanted, updated, ready, available, image} | null,
       pods: [{name, job, status, ready, created, containers: [{name, init, image, imageID, state, reason, exitCode,
                message, restarts}]}],
       application: {name, sync, health, operation, message, started, finished, revision} | null,
       warnings: [{about, reason, message, times, last}],
       log: {pod, container, lines: [text]} | null}]}

`state` is problem, waiting, in-progress, absent or healthy, that of the whole being the worst of the services'; `cause`
is one of `model.Cause`. Times are RFC 3339, null where there is none; `exitCode` is that of the container's last end.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from aegisgen.kube.kubectl import without_credentials
from aegisgen.kube.pods import image_of
from aegisgen.output.records import fields_of
from aegisgen.record import asdict
from aegisgen.status.cluster import NEVER, Job, Pod
from aegisgen.status.diagnose import Report
from aegisgen.status.expected import Step
from aegisgen.status.model import Diagnosis, State
from aegisgen.status.pods import shown_status
from aegisgen.status.text import job_status

VERSION = 1


def to_json(reports: Sequence[Report], now: datetime, *, indent: int | None = 2) -> str:
    """Return the document, ended by a newline; on one line where `indent` is None."""
    order = tuple(State)
    document = {
        "version": VERSION,
        "at": now,
        "environment": reports[0].expected.environment if reports else None,
        "state": min((report.state for report in reports), key=order.index, default=State.ABSENT),
        "skipped": sorted({line for report in reports for line in report.snapshot.skipped}),
        "services": [_service(report) for report in reports],
    }
    return without_credentials(json.dumps(document, indent=indent, default=_time)) + "\n"


def _service(report: Report) -> dict[str, object]:
    expected, found = report.expected, report.snapshot
    workload, application, log = found.workload, found.application, found.log
    counts = ("kind", "name", "wanted", "updated", "ready", "available")
    return {
        **fields_of(expected, "service", "namespace", "strategy"),
        "state": report.state,
        **_diagnosis(report.diagnosis),
        "also": [_diagnosis(each) for each in report.also],
        "jobs": [_job(step, job) for step in expected.steps if (job := found.job(step.name))],
        "workload": workload
        and {**fields_of(workload, *counts), "image": image_of(workload.pod_spec, expected.container)},
        "pods": [_pod(pod) for pod in found.pods],
        "application": application
        and fields_of(
            application,
            *("name", "health", "operation", "message", "started", "finished", "revision"),
            sync="sync_status",
        ),
        "warnings": [
            {"about": f"{event.kind}/{event.name}", **fields_of(event, "reason", "message", "times", "last")}
            for event in sorted(found.events, key=lambda each: each.last, reverse=True)
        ],
        "log": log and asdict(log),
    }


def _diagnosis(diagnosis: Diagnosis) -> dict[str, object]:
    return fields_of(diagnosis, "cause", "what", "next", "about", "commands")


def _job(step: Step, job: Job) -> dict[str, object]:
    failed = job.condition("Failed")
    return {
        **fields_of(step, "name", "role", "phase", "wave"),
        "status": job_status(job).partition(" ")[0],
        "reason": failed.reason if failed else "",
        **fields_of(job, "failed", "attempts", "created", "started", "finished"),
    }


def _pod(pod: Pod) -> dict[str, object]:
    containers = [
        fields_of(
            each, "name", "init", "image", "state", "reason", "restarts", imageID="image_id", exitCode="exit_code"
        )
        | {"message": each.message or each.waiting_message}
        for each in pod.containers
    ]
    return {**fields_of(pod, "name", "job", "ready", "created"), "status": shown_status(pod), "containers": containers}


def _time(value: datetime) -> str | None:
    return None if value == NEVER else value.isoformat(timespec="seconds").replace("+00:00", "Z")
