"""Deployments and their like: all pods at once, as a rollout of a new image starts them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aegisgen.rehearsal.clock import Woken
from aegisgen.rehearsal.cluster.controller import Controller

if TYPE_CHECKING:
    from aegisgen.rehearsal.kubelet.pod import Node
    from aegisgen.rehearsal.kubelet.spec import WorkloadSpec


class Workload(Controller):
    """One rollout: its pods are started, and it is done when all are ready or `progressDeadlineSeconds` are over."""

    def __init__(
        self, name: str, namespace: str, spec: WorkloadSpec, node: Node, *, replicas: int, starts: bool, sync: int
    ) -> None:
        """Prepare a rollout of `replicas` pods; `starts`: whether the application itself gets ready."""
        super().__init__(name, namespace, node, sync)
        self._spec = spec
        self._replicas = replicas
        self._starts = starts

    def clear(self) -> None:
        """End the pods that never became ready, as the next rollout does first. For a thread of the clock's."""
        for pod in self.pods:
            if not pod.done and not pod.ready:
                pod.stop()

    def _live(self) -> None:
        for _ in range(self._replicas):
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
