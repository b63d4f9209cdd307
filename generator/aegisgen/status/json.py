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
from aegisgen.status.cluster import NEVER, Application, Pod
from aegisgen.status.diagnose import Report
from aegisgen.status.model import Diagnosis, State
from aegisgen.status.pods import shown_status
from aegisgen.status.text import job_status

VERSION = 1


def to_json(reports: Sequence[Report], now: datetime, *, indent: int | None = 2) -> str:
    """Return the document, ended by a newline; on one line where `indent` is None."""
    order = tuple(State)
    document = {
        "version": VERSION,
        "at": _time(now),
        "environment": reports[0].expected.environment if reports else None,
        "state": min((report.state for report in reports), key=order.index, default=State.ABSENT),
        "skipped": sorted({line for report in reports for line in report.snapshot.skipped}),
        "services": [_service(report) for report in reports],
    }
    return without_credentials(json.dumps(document, indent=indent)) + "\n"


def _service(report: Report) -> dict[str, object]:
    expected, found = report.expected, report.snapshot
    workload, log = found.workload, found.log
    return {
        "service": expected.service,
        "namespace": expected.namespace,
        "strategy": expected.strategy,
        "state": report.state,
        **_diagnosis(report.diagnosis),
        "also": [_diagnosis(each) for each in report.also],
        "jobs": [
            {
                "name": job.name,
                "role": step.role,
                "phase": step.phase,
                "wave": step.wave,
                "status": job_status(job).partition(" ")[0],
                "reason": failed.reason if (failed := job.condition("Failed")) else "",
                "failed": job.failed,
                "attempts": job.attempts,
                "created": _time(job.created),
                "started": _time(job.started),
                "finished": _time(job.finished),
            }
            for step in expected.steps
            if (job := found.job(step.name))
        ],
        "workload": workload
        and {
            "kind": workload.kind,
            "name": workload.name,
            "wanted": workload.wanted,
            "updated": workload.updated,
            "ready": workload.ready,
            "available": workload.available,
            "image": image_of(workload.pod_spec, expected.container),
        },
        "pods": [_pod(pod) for pod in found.pods],
        "application": _application(found.application) if found.application else None,
        "warnings": [
            {
                "about": f"{event.kind}/{event.name}",
                "reason": event.reason,
                "message": event.message,
                "times": event.times,
                "last": _time(event.last),
            }
            for event in sorted(found.events, key=lambda each: each.last, reverse=True)
        ],
        "log": log and {"pod": log.pod, "container": log.container, "lines": log.lines},
    }


def _diagnosis(diagnosis: Diagnosis) -> dict[str, object]:
    return {
        "cause": diagnosis.cause,
        "what": diagnosis.what,
        "next": diagnosis.next,
        "about": diagnosis.about,
        "commands": diagnosis.commands,
    }


def _pod(pod: Pod) -> dict[str, object]:
    return {
        "name": pod.name,
        "job": pod.job,
        "status": shown_status(pod),
        "ready": pod.ready,
        "created": _time(pod.created),
        "containers": [
            {
                "name": each.name,
                "init": each.init,
                "image": each.image,
                "imageID": each.image_id,
                "state": each.state,
                "reason": each.reason,
                "exitCode": each.exit_code,
                "message": each.message or each.waiting_message,
                "restarts": each.restarts,
            }
            for each in pod.containers
        ],
    }


def _application(application: Application) -> dict[str, object]:
    return {
        "name": application.name,
        "sync": application.sync_status,
        "health": application.health,
        "operation": application.operation,
        "message": application.message,
        "started": _time(application.started),
        "finished": _time(application.finished),
        "revision": application.revision,
    }


def _time(value: datetime) -> str | None:
    return None if value == NEVER else value.isoformat(timespec="seconds").replace("+00:00", "Z")
