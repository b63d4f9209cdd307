"""What runs pods for a resource: Jobs, until one pod succeeds, and Deployments and their like, all pods at once.

Names and numbers are the same in each rehearsal. Source: Kubernetes 1.34, `pkg/controller/job/job_controller.go`;
batch/v1 JobSpec.
"""

from __future__ import annotations

import random
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial

from aegisgen.rehearsal.clock import Woken
from aegisgen.rehearsal.kubelet.environment import PodFacts
from aegisgen.rehearsal.kubelet.pod import Node, Pod
from aegisgen.rehearsal.kubelet.spec import JobSpec, Template, WorkloadSpec
from aegisgen.rehearsal.outcome import NotRehearsedError

# k8s.io/apimachinery/pkg/util/rand: no vowels, so that no words come out
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_SUFFIX = 5
# More pods than one owner makes in one sync.
_PODS = 1000
# job_controller.go: DefaultJobPodFailureBackOff, MaxJobPodFailureBackOff
BACKOFF_SECONDS, MAX_BACKOFF_SECONDS = 10, 600

_LATE = "Job was active longer than specified deadline"


class Controller(ABC):
    """A controller's work on one resource. `run` is for a thread of the clock's."""

    def __init__(self, name: str, namespace: str, node: Node, sync: int) -> None:
        """`sync`: the number of the sync that creates the resource; one that is created anew has other pods."""
        self.name = name
        self.status = "Running"
        self.detail = ""
        self.done = False
        self.succeeded = False
        self.suspended = False
        """Whether it waits for somebody to resume it."""
        self.pods: list[Pod] = []
        self._namespace = namespace
        self._node = node
        self._sync = sync
        self._stopped = False

    def run(self) -> None:
        """Run until it is done or stopped. Never raises: what cannot be played is told to the node."""
        try:
            self._live()
        except Exception as error:
            self._node.trouble(error)
        finally:
            self.done = True
            self._node.clock.notify()

    def resume(self) -> None:
        """Let it run: an approval."""
        self.suspended = False
        self._node.clock.notify()

    def abandon(self) -> None:
        """End it and its pods at once. For any thread."""
        self._stopped = True
        for pod in list(self.pods):
            pod.abandon()
        self._node.clock.notify()

    @abstractmethod
    def _live(self) -> None:
        """Run until it is done or stopped; raises what cannot be played."""

    def _start(self, template: Template, *, job: bool) -> Pod:
        number = self._sync * _PODS + len(self.pods)
        uid = _uid_of(f"{self.name}/{self._sync}") if job else ""
        facts = facts_of(self.name, number, self._namespace, template, uid, job=job)
        pod = Pod(facts, template.spec, self._node, runs_to_end=job)
        self.pods.append(pod)
        self._node.clock.thread(pod.run, pod.name)
        return pod


class Job(Controller):
    """One Job: run to completion, failure, or until it is stopped."""

    def __init__(self, name: str, namespace: str, spec: JobSpec, node: Node, *, sync: int) -> None:
        super().__init__(name, namespace, node, sync)
        self.status = "Suspended" if spec.suspend else "Running"
        self.suspended = spec.suspend
        self._spec = spec
        self._due: float | None = None

    def _live(self) -> None:
        spec, clock = self._spec, self._node.clock
        if (spec.completions or 1) != 1 or spec.parallelism != 1:
            raise NotRehearsedError(f"Job {self.name}: completions and parallelism other than 1 are not played")
        clock.wait(lambda: not self.suspended or self._stopped)
        self.status = "Running"
        if spec.active_deadline_seconds is not None:
            self._due = clock.now() + spec.active_deadline_seconds  # a resumed Job's starts anew
        failed = 0
        while not self._stopped:
            if not self._account():
                return
            pod = self._start(spec.template, job=True)
            if not self._until(partial(_ended, pod, spec.backoff_limit)):
                # How its pod stood nobody can see afterwards.
                self._fail("DeadlineExceeded", f"{_LATE}; its pod was {pod.status}: {pod.detail}".rstrip(": "))
                return
            if pod.done and pod.succeeded:
                self.status, self.succeeded = "Completed", True
                return
            failed = max(failed + 1, pod.failures)
            if failed > spec.backoff_limit:
                self._fail("BackoffLimitExceeded", "Job has reached the specified backoff limit")
                return
            pause = min(BACKOFF_SECONDS * 2.0 ** (failed - 1), MAX_BACKOFF_SECONDS)
            if not self._until(lambda: False, pause):
                self._fail("DeadlineExceeded", _LATE)
                return

    def _account(self) -> bool:
        """Wait until the pods' ServiceAccount is there; False where that took too long."""
        objects, name = self._node.objects, self._spec.template.spec.service_account_name
        if name == "default" or objects.exists("ServiceAccount", name):
            return True
        self.status = "FailedCreate"
        self.detail = f'error looking up service account {self._namespace}/{name}: serviceaccount "{name}" not found'
        if self._until(lambda: objects.exists("ServiceAccount", name)):
            self.status, self.detail = "Running", ""
            return not self._stopped
        self._fail("DeadlineExceeded", f"{_LATE}; {self.detail}")
        return False

    def _until(self, happened: Callable[[], bool], pause: float | None = None) -> bool:
        """Wait for something, or for `pause` seconds; False as soon as the Job's deadline is over."""
        clock = self._node.clock
        left = None if self._due is None else max(0.0, self._due - clock.now())
        at_most = left if pause is None else pause if left is None else min(left, pause)
        woken = clock.wait(lambda: self._stopped or happened(), at_most)
        return woken is not Woken.LATE or (pause is not None and (left is None or pause < left))

    def _fail(self, status: str, detail: str) -> None:
        """A failed Job's pods are ended first."""
        self.status, self.detail = status, detail
        for pod in self.pods:
            if not pod.done:
                pod.stop()


class Workload(Controller):
    """One rollout: its pods are started, and it is done when all are ready or `progressDeadlineSeconds` are over."""

    def __init__(self, name: str, namespace: str, spec: WorkloadSpec, node: Node, *, starts: bool, sync: int) -> None:
        """Prepare a rollout; `starts`: whether the application itself gets ready."""
        super().__init__(name, namespace, node, sync)
        self._spec = spec
        self._starts = starts

    def clear(self) -> None:
        """End the pods that never became ready, as the next rollout does first. For a thread of the clock's."""
        for pod in self.pods:
            if not pod.done and not pod.ready:
                pod.stop()

    def _live(self) -> None:
        for _ in range(self._spec.replicas):
            self._start(self._spec.template, job=False)
        woken = self._node.clock.wait(
            lambda: self._stopped or (self._starts and all(pod.ready for pod in self.pods)),
            self._spec.progress_deadline_seconds,
        )
        self.succeeded = woken is Woken.DONE and not self._stopped
        if woken is Woken.LATE:
            worst = next((pod for pod in self.pods if not pod.ready), None)
            if worst:
                self.status, self.detail = worst.status, f"ProgressDeadlineExceeded; {worst.name}: {worst.detail}"
            else:
                self.status = "CrashLoopBackOff"
                self.detail = "ProgressDeadlineExceeded; the scenario lets the application fail after its start"


def facts_of(
    owner: str, number: int, namespace: str, template: Template, owner_uid: str, *, job: bool = False
) -> PodFacts:
    """Return what the `number`th pod of an owner knows of itself."""
    choose = random.Random(f"{owner}/{number}")  # noqa: S311 - a name, no secret
    name = f"{owner}-{''.join(choose.choices(_ALPHABET, k=_SUFFIX))}"
    labels = dict(template.metadata.labels)
    if job:
        labels |= {
            "batch.kubernetes.io/controller-uid": owner_uid,
            "batch.kubernetes.io/job-name": owner,
            "controller-uid": owner_uid,
            "job-name": owner,
        }
    return PodFacts(
        name, namespace, _uid_of(name), template.spec.service_account_name, labels, template.metadata.annotations
    )


def _ended(pod: Pod, limit: int) -> bool:
    return pod.done or pod.failures > limit


def _uid_of(name: str) -> str:
    """Return an object's UID."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, name))
