"""What goes wrong during one sync, brought about."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import NamedTuple

from aegisgen.profile.types import seconds
from aegisgen.rehearsal.cluster.controllers import Controller
from aegisgen.rehearsal.cluster.sync import Conditions
from aegisgen.rehearsal.kubelet.process import Process
from aegisgen.rehearsal.postgres.pooler import pooler
from aegisgen.rehearsal.processes import mark_of
from aegisgen.rehearsal.scenario.beside import Questions, Readers
from aegisgen.rehearsal.scenario.gate import Gate
from aegisgen.rehearsal.scenario.model import Faults, Sync
from aegisgen.rehearsal.scenario.stage import Stage

_QUIET_SECONDS = 2.5
_MOST_SECONDS = 15.0
_POLL_SECONDS = 0.05
_TRIED_AGAIN = "in use by others"
"""What aegisgen's runner says when a migration gave up waiting for a table."""
_HIDES_SESSIONS = 'if (process.env.PGAPPNAME) process.env.PGAPPNAME = "hidden";\n'


class Meanwhile(NamedTuple):
    """Who is there while a sync runs, and remembers it."""

    gate: Gate | None = None
    questions: Questions | None = None
    readers: Readers | None = None


def conditions(sync: Sync, stage: Stage) -> Conditions:
    """Return what a sync's faults mean for what it starts."""
    faults, cast = sync.faults, stage.setting.cast
    pods = faults.pods or 1
    migrates_in_pods = any(identity.kind != "Job" for identity, _ in cast.migrations)
    return Conditions(
        copies=dict.fromkeys(cast.jobs, pods),
        replicas=pods if migrates_in_pods else 1,
        starts=faults.application is None,
        approved=faults.approval is None,
        images=stage.images_before if sync.release == "before" else {},
    )


@contextmanager
def faults_of(sync: Sync, stage: Stage) -> Iterator[Meanwhile]:
    """Let it go wrong during the block; afterwards everything is as it was. Yields who is there meanwhile.

    Raises NotRehearsedError.
    """
    faults, cast = sync.faults, stage.setting.cast
    with ExitStack() as stack:
        gate = questions = readers = None
        stack.callback(stage.run_at, 1)
        slow = any(behaviour in {"is-slow", "hangs"} for behaviour in sync.migrations.values())
        if sync.speed > 1 and not slow:
            stage.run_at(sync.speed)
        if slow:
            gate = stack.enter_context(_gate(sync, stage))
        if faults.database in {"down", "late"}:
            stack.enter_context(_without_server(faults.database, seconds(faults.after), stage))
        elif faults.database == "wrong-password":
            stage.offered = stage.login._replace(password="not-" + stage.login.password)
            stack.callback(setattr, stage, "offered", stage.login)
        for pod in cast.pods:
            migrates = any(identity == pod.resource.identity for identity, _ in cast.migrations)
            for reference in pod.references if migrates else ():
                if reference.kind in faults.withhold:
                    stage.objects.withhold(reference.kind, reference.name)
        stack.callback(stage.objects.hand_out)
        _surroundings(faults, stage, stack)
        _sessions(faults, stage, stack)
        if faults.reader:
            readers = stack.enter_context(closing(Readers(stage.login, lambda: _says(stage, _TRIED_AGAIN))))
        if "asks" in faults.release_before:
            questions = stack.enter_context(closing(Questions(stage.login, stage.setting.study.queries)))
        if "starts" in faults.release_before and not slow:
            stage.application.restart(Conditions(images=stage.images_before))
        yield Meanwhile(gate, questions, readers)


def _surroundings(faults: Faults, stage: Stage, stack: ExitStack) -> None:
    if faults.web == "down":
        stage.sink.close()
        stack.callback(stage.sink.open)
    elif faults.web:
        stage.sink.answer = faults.web
        stack.callback(setattr, stage.sink, "answer", "ok")
    if faults.backup_target:
        names = {identity.name for identity in stage.setting.cast.backups}
        stage.limited = lambda container, pod: (
            pod.facts.labels.get("job-name") in names and bool(container.volume_mounts)
        )
        stack.callback(setattr, stage, "limited", lambda *_: False)


def _sessions(faults: Faults, stage: Stage, stack: ExitStack) -> None:
    if faults.pooler:
        stage.pooler = stack.enter_context(
            pooler(stage.login, faults.pooler, stage.root / "pooler", stage.setting.run.environment)
        )
        stack.callback(setattr, stage, "pooler", None)
    if faults.sessions:
        stage.preload = stage.root / "hidden.cjs"
        stage.preload.write_text(_HIDES_SESSIONS)
        stack.callback(setattr, stage, "preload", None)


def _says(stage: Stage, text: str) -> bool:
    pods = [pod for runner in list(stage.application.runners) for pod in list(runner.pods)]
    return any(text in log for pod in pods for log in pod.logs())


@contextmanager
def _without_server(how: str, after: int, stage: Stage) -> Iterator[None]:
    server = stage.server
    over = threading.Event()
    up = threading.Lock()

    def start() -> None:
        stage.clock.wait(over.is_set, after)
        if not over.is_set():
            stage.run_at(1)  # on a busy machine the start takes a while, which is no part of the scenario
            with up:
                server.start()

    server.stop()
    if how == "late":
        stage.clock.thread(start, "late database")
    try:
        yield
    finally:
        over.set()
        with up:
            server.start()


@contextmanager
def _gate(sync: Sync, stage: Stage) -> Iterator[Gate]:
    login, cast = stage.server.superuser._replace(database=stage.login.database), stage.setting.cast
    over = threading.Event()
    hangs = "hangs" in sync.migrations.values()
    hanging: list[Process] = []

    def arrived(gate: Gate, pid: int) -> None:
        mark = mark_of(pid)
        processes = [process for _, process in _running(stage)]
        asking = [process for process in processes if process.mark == mark]
        stage.run_at(sync.speed)
        if "starts" in sync.faults.release_before:
            stage.application.restart(Conditions(images=stage.images_before))
        if sync.faults.kill:
            for process in asking:
                process.kill()
            gate.open()
        elif hangs:
            # Where nothing tells which container a process belongs to, all that may migrate.
            migrating = [process for process in processes if process.mark.split("/")[-2] in cast.containers]
            for process in asking or migrating:
                hanging.append(process)
                process.hang()
        else:
            threading.Thread(target=lambda: _open_later(gate, stage, over), name="opens", daemon=True).start()

    with closing(Gate(login, arrived)) as gate:
        try:
            yield gate
        finally:
            over.set()
            # What hangs never goes on by itself, not even when the scenario lets go of what it waits for.
            for runner, process in list(_running(stage)):
                if process in hanging:
                    runner.abandon()


def _open_later(gate: Gate, stage: Stage, over: threading.Event) -> None:
    """Open when all the others wait, or have failed: that is, when nothing new has been written for a while."""
    give_up = time.monotonic() + _MOST_SECONDS
    written, since = -1, time.monotonic()
    while not over.wait(_POLL_SECONDS) and time.monotonic() < give_up:
        pods = [pod for runner in list(stage.application.runners) for pod in list(runner.pods)]
        now = sum(len(log) for pod in pods for log in pod.logs())
        if now != written:
            written, since = now, time.monotonic()
        elif time.monotonic() - since > _QUIET_SECONDS:
            break
    gate.open()


def _running(stage: Stage) -> Iterator[tuple[Controller, Process]]:
    for runner in list(stage.application.runners):
        for pod in list(runner.pods):
            yield from ((runner, process) for process in pod.running)
