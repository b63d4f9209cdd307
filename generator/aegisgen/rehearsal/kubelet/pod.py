"""One pod: volumes, init containers in their order, restarts, and what `kubectl get pods` would show of it.

Source: Kubernetes 1.34, `pkg/kubelet/kubelet_pods.go`, `pkg/kubelet/kuberuntime`; the words for states:
`pkg/printers/internalversion/printers.go` (printPod).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

from aegisgen.rehearsal.clock import Clock
from aegisgen.rehearsal.kubelet.environment import MissingError, PodFacts
from aegisgen.rehearsal.kubelet.process import Launch, Process
from aegisgen.rehearsal.kubelet.spec import Container, PodSpec
from aegisgen.rehearsal.kubelet.volumes import volumes_of
from aegisgen.rehearsal.objects import Objects
from aegisgen.rehearsal.outcome import ContainerRun, NotRehearsedError

_T = TypeVar("_T")

# kubelet: initial and greatest pause before a container is restarted
BACKOFF_SECONDS, MAX_BACKOFF_SECONDS = 10, 300


class Attempt(NamedTuple):
    """A container that is about to be started."""

    pod: Pod
    container: Container
    number: int
    volumes: dict[str, Path]
    sidecar_port: int | None


class Node(Protocol):
    """What a pod finds where it runs."""

    clock: Clock
    patience: float
    """Real seconds without a word after which a container that still runs counts as hanging."""
    restarts: int
    """How often a container is restarted before the rehearsal takes it that it will always fail."""

    objects: Objects
    """What the pod's namespace has."""

    def folder(self, pod: str) -> Path:
        """Return a folder of the pod's own."""

    def launch(self, attempt: Attempt) -> Launch:
        """Say how a container is started. Raises MissingError, NotRehearsedError."""

    def sidecar(self, container: Container, pod: str) -> AbstractContextManager[int]:
        """Run a sidecar; return the port that it listens on. Raises NotRehearsedError."""

    def changed(self, pod: Pod) -> None:
        """Hear that a pod's state is another."""

    def trouble(self, error: Exception) -> None:
        """Hear that something cannot be played; the scenario ends."""


class Pod:
    """A pod, from its creation to its end. `run` is for a thread of the clock's; everything else is for others."""

    def __init__(self, facts: PodFacts, spec: PodSpec, node: Node, *, runs_to_end: bool) -> None:
        """Prepare a pod. `runs_to_end`: its containers are run; otherwise reaching them is all that is wanted."""
        self.facts = facts
        self.status = "Pending"
        self.detail = ""
        self.done = False
        self.succeeded = False
        self.ready = False
        self.failures = 0
        """How many attempts of its containers failed."""
        self.runs: list[ContainerRun] = []
        self.began = node.clock.elapsed()
        self._spec = spec
        self._node = node
        self._runs_to_end = runs_to_end
        self._stopped = threading.Event()
        self._processes: list[tuple[Process, Container]] = []
        self._attempts: dict[str, int] = {}
        self._lock = threading.Lock()
        self._folder = node.folder(facts.name)

    @property
    def name(self) -> str:
        """The pod's name."""
        return self.facts.name

    @property
    def running(self) -> tuple[Process, ...]:
        """The containers that run now."""
        with self._lock:
            return tuple(process for process, _ in self._processes)

    def run(self) -> None:
        """Live. Never raises: what cannot be played is told to the node."""
        try:
            self.succeeded = self._live()
        except Exception as error:
            self._node.trouble(error)
        finally:
            self.done = True
            self._node.clock.notify()

    def stop(self) -> None:
        """End it as a controller does: SIGTERM, the grace period, SIGKILL. For a thread that works on the clock."""
        self._stopped.set()
        self._node.clock.notify()
        for process in self.running:
            process.terminate()
            process.hang()  # it may take its time; what else happens must not wait for it
        grace = self._spec.termination_grace_period_seconds
        self._node.clock.wait(lambda: self.done or not self.running, grace)
        self.kill()
        self._node.clock.wait(lambda: self.done)

    def kill(self) -> None:
        """SIGKILL all its containers, as the machine's memory killer or a lost node would."""
        for process in self.running:
            process.kill()

    def abandon(self) -> None:
        """End it at once: the scenario is over. For any thread."""
        self._stopped.set()
        self.kill()
        self._node.clock.notify()

    def logs(self) -> Iterator[str]:
        """Yield all that its containers have written, those that run included."""
        yield from (run.log for run in self.runs)
        yield from (process.log for process in self.running)

    def _live(self) -> bool:
        volumes = self._wait_for(lambda: volumes_of(self._spec, self._node.objects, self._folder), "")
        if volumes is None:
            return False
        return self._init(0, volumes, None)

    def _init(self, index: int, volumes: dict[str, Path], port: int | None) -> bool:
        """Run the init containers from `index` on, and what follows; a sidecar runs until all that is over."""
        inits = self._spec.init_containers
        if index == len(inits):
            return self._main(volumes, port)
        container = inits[index]
        if container.sidecar:
            with self._node.sidecar(container, self.name) as opened:
                return self._init(index + 1, volumes, opened)
        self._say(f"Init:{index}/{len(inits)}")
        return self._complete(container, volumes, port, "Init:") and self._init(index + 1, volumes, port)

    def _main(self, volumes: dict[str, Path], port: int | None) -> bool:
        if not self._runs_to_end:
            self.ready = True
            self._say("Running")
            self._node.clock.wait(self._stopped.is_set)
            return True
        self._say("Running")
        outcomes: dict[str, bool] = {}

        def one(container: Container) -> None:
            try:
                outcomes[container.name] = self._complete(container, volumes, port, "")
            except Exception as error:
                self._node.trouble(error)
                outcomes[container.name] = False

        if len(self._spec.containers) == 1:
            one(self._spec.containers[0])
        else:
            for container in self._spec.containers:
                self._node.clock.thread(partial(one, container), f"{self.name}/{container.name}")
            self._node.clock.wait(lambda: len(outcomes) == len(self._spec.containers))
        good = all(outcomes.values())
        if good:
            self._say("Completed")
        return good

    def _complete(self, container: Container, volumes: dict[str, Path], port: int | None, init: str) -> bool:
        """Run a container until it succeeds or may not be started again; return whether it succeeded."""
        failed = 0
        while not self._stopped.is_set():
            number = self._attempts[container.name] = self._attempts.get(container.name, 0) + 1
            attempt = Attempt(self, container, number, volumes, port)
            launch = self._wait_for(partial(self._node.launch, attempt), init)
            if launch is None:
                return False
            run = self._run(launch, container, number)
            if run.code == 0:
                return True
            if self._stopped.is_set():
                return False
            self.failures += 1
            failed += 1
            self._say(f"{init}Error", run.message)
            if self._spec.restart_policy == "Never":
                return False
            self._say(f"{init}CrashLoopBackOff", run.message)
            pause = min(BACKOFF_SECONDS * 2 ** (failed - 1), MAX_BACKOFF_SECONDS)
            self._node.clock.wait(self._stopped.is_set, pause if failed <= self._node.restarts else None)
        return False

    def _run(self, launch: Launch, container: Container, number: int) -> ContainerRun:
        launch.message.unlink(missing_ok=True)
        try:
            process = Process(launch, self._node.clock)
        except OSError as error:
            program = launch.command[0]
            raise NotRehearsedError(
                f"{container.name} needs the program {program}: {error.strerror or error}"
            ) from None
        with self._lock:
            self._processes.append((process, container))
        if self._stopped.is_set():
            process.kill()
        self._node.changed(self)
        if not process.wait(self._node.patience):
            self.detail = f"{container.name} hangs"  # what follows is brought forward, and says so
            self._node.clock.wait(process.ended)
        run = self._record(process, container, number)
        with self._lock:
            self._processes = [running for running in self._processes if running[0] is not process]
            self.runs.append(run)
        return run

    def _record(self, process: Process, container: Container, number: int) -> ContainerRun:
        message = process.message
        if not message and process.code != 0 and container.termination_message_policy == "FallbackToLogsOnError":
            message = process.last_words
        return ContainerRun(
            pod=self.name,
            container=container.name,
            attempt=number,
            began=process.began,
            ended=process.ended_at,
            code=process.code,
            signal=process.signal,
            status="Completed" if process.code == 0 else "Error",
            message=message,
            log=process.log,
        )

    def _wait_for(self, make: Callable[[], _T], prefix: str) -> _T | None:
        """Make something, as soon as what it needs is there; None if the pod is ended before."""
        objects = self._node.objects
        while not self._stopped.is_set():
            version = objects.version
            try:
                return make()
            except MissingError as error:
                self._say(f"{prefix}{error.status}", str(error))
            self._node.clock.wait(partial(self._is_stale, version))
        return None

    def _is_stale(self, version: int) -> bool:
        """Whether there are other objects than in a version, or nobody wants them any more."""
        return self._stopped.is_set() or self._node.objects.version != version

    def _say(self, status: str, detail: str = "") -> None:
        self.status, self.detail = status, detail
        self._node.changed(self)
