"""What runs pods for a resource: the common part of Jobs and workloads. Names and numbers are the same each time."""

from __future__ import annotations

import random
import uuid
from typing import TYPE_CHECKING

from aegisgen.rehearsal.kubelet.environment import PodFacts
from aegisgen.rehearsal.kubelet.pod import Pod

if TYPE_CHECKING:
    from aegisgen.rehearsal.kubelet.pod import Node
    from aegisgen.rehearsal.kubelet.spec import Template

# k8s.io/apimachinery/pkg/util/rand: no vowels, so that no words come out
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_SUFFIX = 5
# More pods than one owner makes in one sync.
_PODS = 1000


class Controller:
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

    def _live(self) -> None:
        raise NotImplementedError

    def _start(self, template: Template, *, job: bool) -> Pod:
        number = self._sync * _PODS + len(self.pods)
        uid = _uid_of(f"{self.name}/{self._sync}") if job else ""
        facts = facts_of(self.name, number, self._namespace, template, uid, job=job)
        pod = Pod(facts, template.spec, self._node, runs_to_end=job)
        self.pods.append(pod)
        self._node.clock.thread(pod.run, pod.name)
        return pod


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


def _uid_of(name: str) -> str:
    """Return an object's UID."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, name))
