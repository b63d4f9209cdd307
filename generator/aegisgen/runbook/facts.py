"""What a runbook names: every object by the name that it has in the cluster.

`facts` knows the profile alone, as rendering does. `composed` puts right what only the composed overlay tells: whether
Kustomize prefixed a ConfigMap's or Secret's name (it does where the object is in the same build), and which address the
base gives to the database.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from aegisgen.argocd.workload import pod_spec
from aegisgen.kube.pods import referred
from aegisgen.kube.resource import Resource
from aegisgen.kube.shape import mapping, texts
from aegisgen.profile.agreement.application import application_name
from aegisgen.profile.agreement.security import account_name
from aegisgen.profile.target import Target
from aegisgen.record import Record, replace
from aegisgen.render.runner import Steps, lock_key, lock_runtime, lock_tables, ping, sets
from aegisgen.tools import EXEC, TOOLS, Tool

# A name that is no host of the cluster's own has dots, and does not end as those do (Kubernetes: DNS for Services).
_IN_CLUSTER = re.compile(
    r"(?P<service>[a-z]([-a-z0-9]*[a-z0-9])?)(?:\.(?P<namespace>[a-z0-9]([-a-z0-9]*[a-z0-9])?)\.svc(?:\.[a-z0-9.-]+)?)?\.?"
)
_PORT = "5432"


class Database(Record):
    """The database's address as far as it is known. What is empty is in the ConfigMap or the Secret only."""

    host: str
    port: str
    user: str
    name: str
    service: str
    """The Service in front of it; empty where it is outside of the cluster, or nobody knows."""
    service_namespace: str


class Lock(Record):
    """The runner's lock, as `pg_locks` shows it."""

    classid: int
    objid: int


class Facts(Record):
    """One service in one environment. All names are composed ones; paths are relative to the project's folder."""

    target: Target
    workload: str
    """kind/name as kubectl takes it."""
    workload_name: str
    job: str
    """The migration Job; empty for an init container."""
    init_container: str
    """Empty for a PreSync Job."""
    jobs: dict[str, str]
    """The pipeline's Jobs by what they do, such as backup."""
    config: str
    secret: str
    account: str
    """The ServiceAccount of the migration's pods; empty for the workload's own."""
    application: str
    """The Argo CD Application; empty where the project does not say."""
    database: Database
    steps: tuple[Steps, ...]
    ping: str
    tool: Tool
    lock: Lock | None
    """None where the tool's own lock has to do."""
    lock_tables: tuple[str, ...]
    """Knex's own lock rows, quoted for SQL."""
    unlock: str
    """The command that frees the tool's own lock; empty where it has none that could stay."""

    @property
    def owner(self) -> str:
        """Whose log tells of the migration, as kubectl takes it."""
        return f"job/{self.job}" if self.job else self.workload


def facts(target: Target) -> Facts:
    """Return what the profile tells."""
    settings, presync = target.settings, target.settings.strategy == "presync-job"
    migrations, name = settings.migrations, settings.workload.name
    tool = TOOLS[migrations.tool]
    lock = lock_runtime(migrations) != "none"
    key = lock_key(migrations.lock.name)
    roles = (
        "approval",
        "approval-request",
        "backup",
        "baseline",
        "dry-run",
        "checks",
        "rollout",
        "confirm",
        "sync-fail",
    )
    account = account_name(target) or ""
    created = settings.security.service_account.create
    return Facts(
        target=target,
        workload=f"{settings.workload.kind.lower()}/{target.composed(name)}",
        workload_name=target.composed(name),
        job=target.composed(target.job_name) if presync else "",
        init_container="" if presync else settings.init_container.name,
        jobs={role: target.composed(f"{name}-{role}") for role in roles} if presync else {},
        config=target.composed(target.migration_config_name),
        secret=target.secret_name,
        account=target.composed(account) if account and created else account,
        application=application_name(target) if settings.application else "",
        database=_database(target, settings.config),
        steps=tuple(sets(target)),
        ping=ping(target),
        tool=tool,
        lock=Lock(key[0] & 0xFFFFFFFF, key[1] & 0xFFFFFFFF) if lock else None,
        lock_tables=tuple(lock_tables(migrations)),
        unlock=(tool.unlock or "").format(exec=EXEC[migrations.package_manager]),
    )


def composed(known: Facts, resources: Sequence[Resource], application: str = "") -> Facts:
    """Return the facts with what the composed overlay tells for sure. `application`: whatever deploys it."""
    target, read = known.target, known.target.settings.database
    owner = next(
        (each for each in resources if each.identity.name == (known.job or known.workload_name) and pod_spec(each)),
        None,
    )
    spec = mapping(pod_spec(owner)) if owner else {}
    config = referred(spec, read.config.keys, "ConfigMap") or known.config
    data = next((texts(each.at("data")) for each in resources if str(each.identity) == f"ConfigMap/{config}"), {})
    return replace(
        known,
        config=config,
        secret=referred(spec, read.secret.keys, "Secret") or known.secret,
        application=application or known.application,
        database=_database(target, {**data, **target.settings.config}),
    )


def _database(target: Target, config: Mapping[str, str]) -> Database:
    env = target.settings.database.env
    host, port = config.get(env.host, ""), config.get(env.port, "")
    inside = _IN_CLUSTER.fullmatch(host)
    return Database(
        host,
        port or _PORT,
        config.get(env.user, ""),
        config.get(env.name, ""),
        inside["service"] if inside else "",
        (inside["namespace"] or target.namespace) if inside else "",
    )
