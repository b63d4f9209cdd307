"""Deployments and their like: all pods at once, as a rollout of a new image starts them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aegisgen.rehearsal.clock import Woken
from aegisgen.rehearsal.cluster.names import PODS, facts_of, uid_of
from aegisgen.rehearsal.kubelet.pod import Pod

if TYPE_CHECKING:
    from aegisgen.rehearsal.kubelet.pod import Node
    from aegisgen.rehearsal.kubelet.spec import WorkloadSpec


class Workload:
    """One rollout. `run` is for a thread of the clock's, and ends when all pods are ready or it took too long."""

    def __init__(
        self, name: str, namespace: str, spec: WorkloadSpec, node: Node, *, replicas: int, starts: bool, sync: int
    ) -> None:
        """Prepare a rollout of `replicas` pods; `starts`: whether the application itself gets ready.

        `sync` is the number of the sync that rolls it out.
        """
        self.name = name
        self.status = "Running"
        self.detail = ""
        self.done = False
        self.succeeded = False
        self.suspended = False
        self.pods: list[Pod] = []
        self._namespace = namespace
        self._spec = spec
        self._node = node
        self._replicas = replicas
        self._starts = starts
        self._sync = sync
        self._stopped = False

    def run(self) -> None:
        """Start the pods and wait until they are ready, for `progressDeadlineSeconds` at most."""
        try:
            self._live()
        except Exception as error:
            self._node.trouble(error)
        finally:
            self.done = True
            self._node.clock.notify()

    def resume(self) -> None:
        """Nothing waits for anybody here."""

    def clear(self) -> None:
        """End the pods that never became ready, as the next rollout does first. For a thread of the clock's."""
        for pod in self.pods:
            if not pod.done and not pod.ready:
                pod.stop()

    def abandon(self) -> None:
        """End all pods at once. For any thread."""
        self._stopped = True
        for pod in list(self.pods):
            pod.abandon()
        self._node.clock.notify()

    def _live(self) -> None:
        template = self._spec.template
        for number in range(self._replicas):
            facts = facts_of(self.name, self._sync * PODS + number, self._namespace, template, uid_of(self.name))
            pod = Pod(facts, template.spec, self._node, runs_to_end=False)
            self.pods.append(pod)
            self._node.clock.thread(pod.run, pod.name)
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
