"""One sync of an application: the plan's phases and waves, with what runs in them.

Source: Argo CD 3.x, `gitops-engine/pkg/sync/sync_context.go`; see `aegisgen.argocd.plan`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from msgspec.structs import replace

from aegisgen.argocd.hooks import Phase, hook_of
from aegisgen.argocd.plan import Plan, PlannedWave, WaveId
from aegisgen.kube.resource import Identity, Resource
from aegisgen.rehearsal.clock import Woken
from aegisgen.rehearsal.cluster.controllers import Controller, Job, Workload
from aegisgen.rehearsal.kubelet.pod import Node
from aegisgen.rehearsal.kubelet.spec import JobSpec, PodSpec, Template, WorkloadSpec, spec_of, with_images
from aegisgen.rehearsal.outcome import StepRun, SyncRun

RELEASE_BEFORE = "Release before"
"""The phase of what a former release does meanwhile."""
WORKLOADS = ("Deployment", "StatefulSet", "ReplicaSet", "DaemonSet")


class Conditions(NamedTuple):
    """What is special about one sync."""

    copies: Mapping[str, int] = {}
    """How many of a Job (by its name) run at once: those beyond the first were started by hand."""
    replicas: int | None = None
    """How many pods each workload has; None: as many as it says."""
    starts: bool = True
    """Whether the application becomes ready."""
    approved: bool = True
    """Whether somebody resumes suspended Jobs."""
    images: Mapping[str, str] = {}
    """Images that are deployed instead of those of the manifests."""


class Ended(NamedTuple):
    """How a sync ended: `endless` is one that Argo CD would wait for without limit."""

    run: SyncRun
    endless: bool


@dataclass
class _Played:
    identity: Identity
    phase: str
    wave: int
    began: float
    runners: tuple[Controller, ...]
    waited: bool = True
    ended: float | None = None
    status: str = "Created"
    detail: str = ""


@dataclass
class Application:
    """An application in a cluster, across its syncs."""

    plan: Plan
    resources: Mapping[Identity, Resource]
    node: Node
    workloads: list[Workload] = field(default_factory=list)
    runners: list[Controller] = field(default_factory=list)
    """All that was started by the sync that runs, for faults to act upon."""
    syncs: int = 0
    _beside: list[_Played] = field(default_factory=list)
    """Pods of a former release that start while a sync runs."""
    _restarts: int = 0

    def sync(self, title: str, conditions: Conditions) -> Ended:
        """Sync once. For a thread that works on the clock; whatever still runs afterwards is ended."""
        clock = self.node.clock
        began = clock.elapsed()
        self.runners.clear()
        self.syncs += 1
        played: list[_Played] = []
        failed = endless = False
        skipped: list[WaveId] = []
        waves = [wave for phase in self.plan.phases for wave in phase.waves]
        for wave in waves:
            if wave.id.phase is Phase.SYNC_FAIL:
                continue
            if failed:
                skipped.append(wave.id)
                continue
            steps = self._start(wave, conditions)
            played += steps
            endless = not self._wait(steps)
            failed = endless or not all(_good(step) for step in steps if step.waited)
        if failed and not endless:
            for wave in (wave for wave in waves if wave.id.phase is Phase.SYNC_FAIL):
                steps = self._start(wave, conditions)
                played += steps
                endless = not self._wait(steps) or endless
        # A sync ends without waiting for what comes last; whether that becomes healthy is what people look at next.
        healthy = not endless and self._wait(played) and all(_good(step) for step in played if step.runners)
        self._wait(self._beside)
        self._end([*played, *self._beside])
        run = SyncRun(
            title=title,
            began=began,
            ended=clock.elapsed(),
            succeeded=not failed and healthy,
            steps=tuple(self._record(step) for step in (*played, *self._beside)),
            skipped=tuple(f"{wave.phase} wave {wave.wave}" for wave in skipped),
        )
        for step in self._beside:
            for runner in step.runners:
                runner.abandon()
        self._beside.clear()
        return Ended(run, endless)

    def restart(self, conditions: Conditions) -> None:
        """Start a pod of each workload anew while a sync runs, or just before. For any thread."""
        for resource in self.resources.values():
            if resource.identity.kind in WORKLOADS:
                self._restarts += 1  # below 0, so that its pods have other names than those of any sync
                workload = self._workload(resource, conditions._replace(replicas=1), -self._restarts)
                began = self.node.clock.elapsed()
                self._beside.append(_Played(resource.identity, RELEASE_BEFORE, 0, began, (workload,)))
                self.node.clock.thread(workload.run, workload.name)

    def create(self, job: Resource) -> StepRun:
        """Run a Job that a person creates. For a thread that works on the clock."""
        runners = tuple(self._runners(job, Conditions()))
        played = _Played(job.identity, "By hand", 0, self.node.clock.elapsed(), runners)
        self.runners += runners
        for runner in runners:
            self.node.clock.thread(runner.run, runner.name)
        self._wait([played])
        self._end([played])
        return self._record(played)

    def abandon(self) -> None:
        """End all that runs. For any thread."""
        beside = (runner for step in self._beside for runner in step.runners)
        for runner in (*self.runners, *self.workloads, *beside):
            runner.abandon()

    def _start(self, wave: PlannedWave, conditions: Conditions) -> list[_Played]:
        steps = []
        for step in wave.steps:
            resource = self.resources[step.identity]
            runners = tuple(self._runners(resource, conditions))
            began = self.node.clock.elapsed()
            steps.append(_Played(step.identity, wave.id.phase, wave.id.wave, began, runners, step.waited))
            for runner in runners:
                self.runners.append(runner)
                self.node.clock.thread(runner.run, runner.name)
                if conditions.approved and runner.suspended:
                    runner.resume()
            if not runners:
                self.node.objects.apply(resource, hook_of(resource))
                steps[-1].ended = self.node.clock.elapsed()
        return steps

    def _runners(self, resource: Resource, conditions: Conditions) -> Iterator[Controller]:
        identity, source = resource.identity, resource.document.source
        if identity.kind == "Job":
            spec = spec_of(resource.at("spec"), JobSpec, identity, source)
            spec = replace(spec, template=with_images(spec.template, conditions.images))
            for copy in range(conditions.copies.get(identity.name, 1)):
                name = f"{identity.name}-by-hand-{copy}" if copy else identity.name
                yield Job(name, identity.namespace, spec, self.node, sync=self.syncs)
        elif identity.kind == "Pod":
            pod = spec_of(resource.at("spec"), PodSpec, identity, source)
            spec = JobSpec(with_images(Template(spec=pod), conditions.images), backoff_limit=0)
            yield Job(identity.name, identity.namespace, spec, self.node, sync=self.syncs)
        elif identity.kind in WORKLOADS:
            for old in self.workloads:
                if old.name == identity.name:
                    old.clear()
            self.workloads.append(self._workload(resource, conditions, self.syncs))
            yield self.workloads[-1]

    def _workload(self, resource: Resource, conditions: Conditions, sync: int) -> Workload:
        identity = resource.identity
        spec = spec_of(resource.at("spec"), WorkloadSpec, identity, resource.document.source)
        spec = replace(spec, template=with_images(spec.template, conditions.images))
        if conditions.replicas is not None:
            spec = replace(spec, replicas=conditions.replicas)
        return Workload(identity.name, identity.namespace, spec, self.node, starts=conditions.starts, sync=sync)

    def _wait(self, steps: Sequence[_Played]) -> bool:
        """Wait until all that runs in these steps is done; False if that will never be."""
        runners = [runner for step in steps for runner in step.runners]
        woken = self.node.clock.wait(lambda: all(runner.done for runner in runners), outermost=True)
        for step in steps:
            if step.ended is None and all(runner.done for runner in step.runners):
                step.ended = self.node.clock.elapsed()
        return woken is Woken.DONE

    def _end(self, played: Sequence[_Played]) -> None:
        """Note how everything stands, then end the Jobs that still run."""
        for step in played:
            worst = next((runner for runner in step.runners if not runner.succeeded), None)
            first = worst or next(iter(step.runners), None)
            if first:
                step.status, step.detail = _words(first)
        for runner in self.runners:
            if isinstance(runner, Job) and not runner.done:
                runner.abandon()
        jobs = [runner for runner in self.runners if isinstance(runner, Job)]
        self.node.clock.wait(lambda: all(job.done and all(pod.done for pod in job.pods) for job in jobs))

    def _record(self, step: _Played) -> StepRun:
        runs = [run for runner in step.runners for pod in runner.pods for run in pod.runs]
        return StepRun(
            phase=step.phase,
            wave=step.wave,
            resource=str(step.identity),
            began=step.began,
            ended=self.node.clock.elapsed() if step.ended is None else step.ended,
            status=step.status,
            detail=step.detail,
            containers=tuple(sorted(runs, key=lambda run: (run.began, run.attempt))),
        )


def _good(step: _Played) -> bool:
    return all(runner.succeeded for runner in step.runners)


def _words(runner: Controller) -> tuple[str, str]:
    """What kubectl shows: while a Job runs, its pod's state says more than the Job's."""
    if runner.status == "Running" and runner.pods and not runner.succeeded:
        pod = runner.pods[-1]
        return pod.status, pod.detail
    return runner.status, runner.detail
