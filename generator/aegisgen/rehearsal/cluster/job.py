"""The Job controller: pods until one succeeds, with back-off, limit and deadline.

Source: Kubernetes 1.34, `pkg/controller/job/job_controller.go`; batch/v1 JobSpec.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aegisgen.rehearsal.clock import Woken
from aegisgen.rehearsal.cluster.controller import Controller
from aegisgen.rehearsal.outcome import NotRehearsedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from aegisgen.rehearsal.kubelet.pod import Node, Pod
    from aegisgen.rehearsal.kubelet.spec import JobSpec

# job_controller.go: DefaultJobPodFailureBackOff, MaxJobPodFailureBackOff
BACKOFF_SECONDS, MAX_BACKOFF_SECONDS = 10, 600

_LATE = "Job was active longer than specified deadline"


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
            if not self._until(lambda pod=pod: pod.done or pod.failures > spec.backoff_limit):  # type: ignore[misc]
                self._fail("DeadlineExceeded", f"{_LATE}{_stands(pod)}")
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


def _stands(pod: Pod) -> str:
    """How the pod stood that is deleted now: nobody could see it afterwards."""
    return f"; its pod was {pod.status}: {pod.detail}" if pod.detail else f"; its pod was {pod.status}"
