"""One scenario from its beginning to its end."""

from __future__ import annotations

import threading
import time
from contextlib import closing

from aegisgen.rehearsal.cluster.sync import Conditions
from aegisgen.rehearsal.database import copies
from aegisgen.rehearsal.image.knex import write_migrations
from aegisgen.rehearsal.kubelet.pod import Pod
from aegisgen.rehearsal.outcome import (
    DoesNotApplyError,
    Expectation,
    MigrationRun,
    NotRehearsedError,
    ScenarioRun,
    SyncRun,
    Verdict,
)
from aegisgen.rehearsal.postgres import load_dump
from aegisgen.rehearsal.postgres.pooler import pgbouncer
from aegisgen.rehearsal.scenario.expectations import before, expectations, refuse_missing_programs
from aegisgen.rehearsal.scenario.faults import conditions, faults_of
from aegisgen.rehearsal.scenario.model import Scenario, Sync
from aegisgen.rehearsal.scenario.observed import migrations_of
from aegisgen.rehearsal.scenario.setting import Place, Setting
from aegisgen.rehearsal.scenario.stage import Stage

_FEATURES = {
    "backup": "backup step",
    "restore": "Job that restores a backup",
    "dry-run": "dry run",
    "rollback": "rollback",
    "rollback-after-sync": "rollback once the release is rolled out",
    "notifications": "notifications",
    "approval": "approval gate",
    "application": "workload that is rolled out",
    "session-lock": "lock that a session of aegisgen's holds",
    "pooled-address": "address that may be a pooler's: database.direct names the server's own",
    "direct-address": "address of the server's own (database.direct)",
}
_NO_RELEASE = "the release before it cannot be deployed; the scenario clean shows why"
_NO_PREVIOUS = (
    "what --previous names, by default the commit at which the branch left the main one, cannot be deployed; where an "
    "application is built, name the folder of its former build, or the one of --app"
)
_RELEASED, _BEFORE = "released", "before"


class Play:
    """One scenario. `run` is for a thread of its own; `stop` for any."""

    def __init__(self, scenario: Scenario, setting: Setting, place: Place) -> None:
        self._scenario = scenario
        self._setting = setting
        self._place = place
        self._stopped = threading.Event()
        self._stage: Stage | None = None
        self._expectations: list[Expectation] = []
        self._syncs: list[SyncRun] = []
        self._migrations: tuple[MigrationRun, ...] = ()
        self.notes: list[str] = []
        """What a reader must know."""
        self.hidden: set[str] = set()
        """What a reader must not see."""

    def stop(self) -> None:
        """End it early."""
        self._stopped.set()
        if self._stage:
            self._stage.application.abandon()

    def run(self) -> ScenarioRun:
        """Play it. Raises what is no outcome: a defect, or what PostgreSQL's programs say of the dump."""
        began = time.monotonic()
        self._setting.progress.began(self._scenario.name, self._scenario.spec.title)
        try:
            self._refuse()
            self._play()
            failed = next((expectation for expectation in self._expectations if not expectation.passed), None)
            verdict = Verdict.FAILED if failed else Verdict.PASSED
            reason = f"expected: {failed.text}; got: {failed.got}" if failed else ""
        except NotRehearsedError as error:
            verdict, reason = Verdict.NOT_REHEARSED, str(error)
        except DoesNotApplyError as error:
            verdict, reason = Verdict.DOES_NOT_APPLY, str(error)
        done = ScenarioRun(
            name=self._scenario.name,
            title=self._scenario.spec.title,
            verdict=verdict,
            reason=reason,
            seconds=time.monotonic() - began,
            expectations=tuple(self._expectations),
            syncs=tuple(self._syncs),
            migrations=self._migrations,
        )
        self._setting.progress.ended(done)
        return done

    def _refuse(self) -> None:
        """What can be told before anything is started. Raises NotRehearsedError, DoesNotApplyError."""
        spec = self._scenario.spec
        address = "direct-address" if self._setting.names.direct else "pooled-address"
        lacking = [name for name in spec.needs if name not in {*self._setting.cast.features, address}]
        if lacking:
            raise DoesNotApplyError(f"this overlay has no {' and no '.join(_FEATURES[name] for name in lacking)}")
        adds = any(sync.migrations for sync in spec.syncs)
        if adds and self._setting.tool != "knex":
            raise NotRehearsedError(f"scenarios can add migrations to Knex's only, and this is {self._setting.tool}")
        if any(sync.faults.database in {"down", "late"} for sync in spec.syncs) and not self._place.server.own:
            raise NotRehearsedError("the server is your own (--database-url), and is not stopped")
        if any(sync.by_hand for sync in spec.syncs) and not self._place.server.own:
            raise NotRehearsedError("the server is your own (--database-url), and no backup is restored")
        if any(sync.faults.pooler for sync in spec.syncs):
            pgbouncer()

    def _play(self) -> None:
        stage = self._stage = Stage(self._scenario, self._setting, self._place, self._changed)
        with closing(stage), stage.clock.working():
            self._give(stage)
            elapsed = stage.clock.elapsed()
            study = self._setting.study if self._runs_pending() else None
            watch = self._setting.observer.watch(stage.server, stage.login, elapsed=elapsed, app=stage.app, study=study)
            with watch as observation:
                try:
                    for sync in self._scenario.spec.syncs:
                        self._sync(sync, stage)
                finally:
                    self._migrations = migrations_of(observation, self._syncs, stage)

    def _give(self, stage: Stage) -> None:
        """Bring the database, and the cluster, to where the scenario begins."""
        server, kept = stage.server, self._place.snapshots
        given, images, kept_as = self._scenario.spec.given, {}, _RELEASED
        if given == "the-release-before" and self._setting.previous:
            images, kept_as = stage.images_before, _BEFORE
        released = given != "nothing"
        if released:
            for resource in self._setting.resources:
                stage.objects.apply(resource, None)
            if kept_as in kept:
                copies.restore(server, stage.login, kept_as)
                return
        if self._setting.dump:
            scratch = stage.root / "dump"
            scratch.mkdir()
            self.notes += load_dump(server, stage.login, self._setting.dump, scratch=scratch)
            self._fill(stage)
        if released:
            ended = stage.application.sync("The release before", Conditions(replicas=1, images=images))
            self._complain(ended.run)
            if not ended.run.succeeded:
                raise NotRehearsedError(_NO_PREVIOUS if images else _NO_RELEASE)
            if images and not self._setting.dump:
                self._fill(stage)
            if server.own:
                copies.keep(server, stage.login, kept_as)
                kept.add(kept_as)

    def _fill(self, stage: Stage) -> None:
        self._setting.study.fill(stage.server.superuser._replace(database=stage.login.database))

    def _runs_pending(self) -> bool:
        """Whether the application's own pending migrations run in the scenario's syncs, and not before them."""
        given = self._scenario.spec.given
        return given == "nothing" or bool(given == "the-release-before" and self._setting.previous)

    def _sync(self, sync: Sync, stage: Stage) -> None:
        if sync.migrations:
            if stage.migrations is None:
                raise NotRehearsedError("no folder with Knex migrations was found in --app; name it in the profile")
            write_migrations(stage.migrations, sync.migrations)
        was = before(stage)
        with faults_of(sync, stage) as meanwhile:
            ended = stage.application.sync(sync.title, conditions(sync, stage))
        if sync.by_hand and self._setting.restore:
            with copies.replaceable(stage.server, stage.login):
                step = stage.application.create(self._setting.restore)
            ended = ended._replace(run=ended.run._replace(ended=step.ended, steps=(*ended.run.steps, step)))
            got = f"{step.status}: {step.detail}".rstrip(": ")
            self._expectations.append(Expectation("the backup is restored", step.status == "Completed", got))
        self._syncs.append(ended.run)
        self._complain(ended.run)
        several = len(self._scenario.spec.syncs) > 1
        for expectation in expectations(sync, stage, was, ended, meanwhile):
            self._expectations.append(
                expectation._replace(text=f"{sync.title}: {expectation.text}") if several else expectation
            )
        hidden = {*stage.values.hidden, stage.login.password}
        self.hidden |= hidden
        logs = [text for step in ended.run.steps for run in step.containers for text in (run.log, run.message)]
        told = any(secret in text for secret in hidden for text in logs)
        self._expectations.append(Expectation("no secret in a log", not told, "one" if told else "none"))

    def _complain(self, run: SyncRun) -> None:
        """Raise what kept the sync from being played as it is."""
        if self._stage and self._stage.errors:
            raise self._stage.errors[0]
        if self._stopped.is_set():
            raise NotRehearsedError("interrupted")
        refuse_missing_programs(run)

    def _changed(self, pod: Pod) -> None:
        self._setting.progress.step(self._scenario.name, pod.name, pod.status)
