"""Of everything that a namespace holds, what belongs to one service."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from aegisgen.kube.shape import mapping, sequence, text, texts
from aegisgen.record import Record
from aegisgen.status.cluster import Answer, Application, Claim, Event, Job, Pod, Workload
from aegisgen.status.expected import Expected

WORKLOADS = {"Deployment": "deployments.apps", "StatefulSet": "statefulsets.apps", "DaemonSet": "daemonsets.apps"}
"""The kinds of workload, and what kubectl calls them."""


_Answer = TypeVar("_Answer", bound=Answer)


class Log(Record):
    """The last lines of one container's log."""

    pod: str
    container: str
    lines: tuple[str, ...]


class Snapshot(Record):
    """One service in the cluster at one moment.

    `skipped` says what could not be asked for and why, one line each; a diagnosis is made without it.
    """

    jobs: tuple[Job, ...]
    pods: tuple[Pod, ...]
    workload: Workload | None
    events: tuple[Event, ...]
    claims: tuple[Claim, ...]
    application: Application | None
    log: Log | None = None
    skipped: tuple[str, ...] = ()

    def job(self, name: str) -> Job | None:
        """Return a Job by its name."""
        return next((each for each in self.jobs if each.name == name), None)

    def pods_of_job(self, job: Job) -> tuple[Pod, ...]:
        """Return the pods that a Job made, the oldest first; none of an earlier Job of the same name."""
        return tuple(pod for pod in self.pods if pod.owner == job.uid)

    def pods_of_workload(self) -> tuple[Pod, ...]:
        """Return the workload's pods, the oldest first, without those that are being deleted."""
        workload = self.workload
        return tuple(
            pod for pod in self.pods if workload and not pod.job and not pod.deleting and _selects(workload, pod.labels)
        )

    def warnings(self, kind: str, name: str = "") -> tuple[Event, ...]:
        """Return the warnings about one object, or about all of a kind, the newest first."""
        found = [each for each in self.events if each.kind == kind and name in {"", each.name}]
        return tuple(sorted(found, key=lambda each: each.last, reverse=True))


def snapshot(documents: Iterable[Mapping[str, object]], expected: Expected, skipped: Sequence[str] = ()) -> Snapshot:
    """Return what of the documents belongs to the service."""
    documents = list(documents)

    def all_of(kind: type[_Answer], name: str) -> list[_Answer]:
        return [kind.read(document) for document in documents if document.get("kind") == name]

    wanted = {step.name for step in expected.steps} | {expected.migration}
    jobs = tuple(job for job in all_of(Job, "Job") if job.name in wanted)
    workloads = all_of(Workload, expected.workload_kind)
    workload = next((each for each in workloads if each.name == expected.workload), None)
    names = {job.name for job in jobs}
    pods = [
        pod
        for pod in all_of(Pod, "Pod")
        if (pod.job in names if pod.job else workload and _selects(workload, pod.labels))
    ]
    pods.sort(key=lambda pod: (pod.created, pod.name))
    about = {("Job", name) for name in names} | {("Pod", pod.name) for pod in pods}
    about |= {(expected.workload_kind, expected.workload)}
    of_rollout = re.compile(re.escape(expected.workload) + "-[a-z0-9]{1,10}")  # a Deployment's, by its template's hash
    events = tuple(
        event
        for event in all_of(Event, "Event")
        if (event.kind, event.name) in about
        or (event.kind == "ReplicaSet" and of_rollout.fullmatch(event.name))
        or (event.kind == "Pod" and _maker(event.name) in names)  # that pod may be gone
    )
    used = {claim for pod in pods for claim in pod.claims}
    claims = tuple(each for each in all_of(Claim, "PersistentVolumeClaim") if each.name in used)
    applications = all_of(Application, "Application")
    application = next((each for each in applications if _deploys(each, expected)), None)
    return Snapshot(jobs, tuple(pods), workload, events, claims, application, skipped=tuple(skipped))


def _maker(pod: str) -> str:
    """Return the name of the Job that would call its pod so."""
    return pod[:-6] if pod[-6:-5] == "-" else ""


def _deploys(application: Application, expected: Expected) -> bool:
    if expected.application:
        return application.name == expected.application
    paths = [posixpath.normpath(path) for path in application.paths]
    return any(f"/{path}".endswith(f"/{expected.directory}") for path in paths)


def _selects(workload: Workload, labels: Mapping[str, str]) -> bool:
    """Whether a label selector takes a pod (Kubernetes: LabelSelector)."""
    selector = workload.selector
    same = texts(selector.get("matchLabels"))
    rules = [mapping(item) for item in sequence(selector.get("matchExpressions"))]
    if not same and not rules:
        return False
    return all(labels.get(key) == value for key, value in same.items()) and all(_holds(rule, labels) for rule in rules)


def _holds(rule: Mapping[str, object], labels: Mapping[str, str]) -> bool:
    key, values = text(rule.get("key")), sequence(rule.get("values"))
    return {
        "In": labels.get(key) in values,
        "NotIn": labels.get(key) not in values,
        "Exists": key in labels,
        "DoesNotExist": key not in labels,
    }.get(text(rule.get("operator")), False)
