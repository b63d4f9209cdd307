"""What the tree says should be in the cluster: the composed overlay of one service, as a diagnosis looks at it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from aegisgen.argocd import plan_words as words
from aegisgen.argocd.hooks import Phase
from aegisgen.argocd.plan import Absence, WaveId, plan
from aegisgen.argocd.workload import pod_spec
from aegisgen.errors import UsageError
from aegisgen.kube.compose import Composed
from aegisgen.kube.pods import image_of, referred
from aegisgen.kube.resource import Resource
from aegisgen.kube.shape import mapping
from aegisgen.profile.agreement.application import application_name
from aegisgen.profile.target import Target
from aegisgen.record import Record
from aegisgen.render.runner import lock_runtime
from aegisgen.status.exits import Role
from aegisgen.status.model import Cause, Diagnosis, LogSource
from aegisgen.tools import EXEC, TOOLS


class Step(Record):
    """One hook Job of the pipeline."""

    name: str
    role: Role
    phase: Phase
    wave: int
    ttl: int | None
    """How many seconds the finished Job stays; None: until the next sync."""
    pod_spec: Mapping[str, object]


class Expected(Record):
    """One service in one environment. All names are composed ones."""

    environment: str
    service: str
    namespace: str
    strategy: str
    workload_kind: str
    workload: str
    container: str
    pod_spec: Mapping[str, object]
    init_container: str
    """The one that migrates; empty for a PreSync Job."""
    migration: str
    """The Job that migrates; empty for an init container."""
    steps: tuple[Step, ...]
    never_applied: str
    """Why Argo CD never applies the migration Job, put behind its name; empty where it does."""
    config: str
    secret: str
    pull_secrets: tuple[str, ...]
    application: str
    """The Application's name as far as the project says it; empty: to be found by what it deploys."""
    argocd_namespace: str
    directory: str
    unlock: str
    """The command that frees the migration tool's own lock; empty where it has none."""
    locked: bool
    """Whether the runner holds aegisgen's lock."""
    context: str = ""
    """The kubeconfig's context that the user named; empty: the current one."""

    @property
    def title(self) -> str:
        """What the service is called in front of people."""
        return f"{self.environment}/{self.service}"

    @property
    def of_workload(self) -> str:
        """The workload as kubectl takes it: deployment/production-api."""
        return f"{self.workload_kind.lower()}/{self.workload}"

    def kubectl(self, verb: str, *words: str) -> str:
        """Return a command for people to paste, quoted for a POSIX shell."""
        context = ["--context", self.context] if self.context else []
        return shlex.join(["kubectl", *context, *verb.split(), "-n", self.namespace, *words])

    def diagnosis(
        self, cause: Cause, what: str, next_: str, about: str, verb: str, *words: str, log: LogSource | None = None
    ) -> Diagnosis:
        """Return a diagnosis with one command of kubectl, for people to run."""
        return Diagnosis(cause, what, next_, (self.kubectl(verb, *words),), about, log)

    @property
    def sync(self) -> tuple[str, ...]:
        """The command that starts a sync; nothing where the Application's name is not known."""
        return (f"argocd app sync {self.application}",) if self.application else ()

    @property
    def image(self) -> str:
        """The image that the tree gives to the application's container; empty where it has none."""
        return image_of(self.pod_spec, self.container)


def expected(target: Target, composed: Composed, *, namespace: str = "", context: str = "") -> Expected:
    """Return what `composed`, the overlay of `target`, should lead to; `namespace` takes the place of the profile's.

    `context` goes into the commands that are proposed.

    Raises UsageError where the overlay does not hold the workload.
    """
    settings = target.settings
    kind, name = settings.workload.kind, target.composed(settings.workload.name)
    workload = next((each for each in composed.resources if str(each.identity) == f"{kind}/{name}"), None)
    if workload is None:
        raise UsageError(
            f"{composed.directory.as_posix()}: composes no {kind} {name}; run aegisgen check {target.environment}"
        )
    presync = settings.strategy == "presync-job"
    job = target.composed(target.job_name) if presync else ""
    migrations = settings.migrations
    steps = _steps(target, composed.resources)
    of_workload = mapping(pod_spec(workload))
    migrating = next((step.pod_spec for step in steps if step.name == job), of_workload)
    own = composed.application.identity.name if composed.application else ""
    return Expected(
        environment=target.environment,
        service=target.service,
        namespace=namespace or target.namespace,
        strategy=settings.strategy,
        workload_kind=kind,
        workload=name,
        container=settings.workload.container,
        pod_spec=of_workload,
        init_container="" if presync else settings.init_container.name,
        migration=job,
        steps=steps,
        never_applied=_never_applied(job, composed.resources) if job else "",
        config=referred(migrating, settings.database.config.keys, "ConfigMap") or target.migration_config_name,
        secret=referred(migrating, settings.database.secret.keys, "Secret") or target.secret_name,
        pull_secrets=tuple(settings.image_pull_secrets),
        application=own or (application_name(target) if settings.application else ""),
        argocd_namespace=target.argocd.namespace,
        directory=target.directory,
        unlock=(TOOLS[migrations.tool].unlock or "").format(exec=EXEC[migrations.package_manager]),
        locked=lock_runtime(migrations) != "none",
        context=context,
    )


def _steps(target: Target, resources: tuple[Resource, ...]) -> tuple[Step, ...]:
    roles = {target.composed(f"{target.settings.workload.name}-{role}"): role for role in Role}
    roles[target.composed(target.job_name)] = Role.MIGRATION
    jobs = {each.identity: each for each in resources if each.identity.kind == "Job"}
    return tuple(
        _step(job, roles.get(step.identity.name, Role.OTHER), wave.id)
        for phase in plan(resources).phases
        for wave in phase.waves
        for step in wave.steps
        if step.hook and (job := jobs.get(step.identity))
    )


def _step(job: Resource, role: Role, wave: WaveId) -> Step:
    ttl = job.at("spec", "ttlSecondsAfterFinished")
    return Step(
        job.identity.name, role, wave.phase, wave.wave, ttl if isinstance(ttl, int) else None, mapping(pod_spec(job))
    )


def _never_applied(job: str, resources: tuple[Resource, ...]) -> str:
    if not any(each.identity.kind == "Job" and each.identity.name == job for each in resources):
        return "is not in what the overlay composes"
    for item in plan(resources).unapplied:
        if (item.identity.kind, item.identity.name) == ("Job", job) and item.absence is not Absence.DELETION:
            return f"is {words.absence(item)}"
    return ""
