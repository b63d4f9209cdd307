"""A Job in the words of a profile: its hook, its limits, its rights. Pure."""

from __future__ import annotations

from aegisgen.adopt.find import Original
from aegisgen.argocd.hooks import DeletePolicy, delete_policies_of, hook_of, wave_of
from aegisgen.argocd.workload import DEFAULT_BACKOFF_LIMIT
from aegisgen.kube.pods import WORKLOADS
from aegisgen.kube.resource import Resource
from aegisgen.kube.shape import mapping, natural, text, texts
from aegisgen.profile.agreement.services import MIN_TTL
from aegisgen.profile.model import Job
from aegisgen.profile.types import seconds

# What aegisgen labels its Jobs with.
_OWN_LABELS = frozenset({"app.kubernetes.io/name", "app.kubernetes.io/component", "app.kubernetes.io/managed-by"})
_UNITS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))
_MAX_BACKOFF = 20
# What aegisgen waits for the database and for another pod's migration unless a profile says otherwise.
_WAIT, _LOCK_TIMEOUT = 60, 600


def hook_of_job(job: Resource) -> dict[str, object]:
    """Return `hook`: the wave of Argo CD's or Helm's annotations, and when the Job is deleted."""
    wave = wave_of(job).value if hook_of(job) else -1
    hook: dict[str, object] = {"wave": max(-999, min(1000, wave))}
    if wave <= -4:  # noqa: PLR2004 -- the usual wave of the configuration, which has to come first
        hook["configWave"] = max(-999, wave) - 1
    policies = delete_policies_of(job)[0]
    if policies[0] in {DeletePolicy.HOOK_SUCCEEDED, DeletePolicy.HOOK_FAILED} and len(policies) == 1:
        hook["deletePolicy"] = policies[0].value
    return hook


def job_of(original: Original) -> dict[str, object]:
    """Return `job`, as far as profiles allow it."""
    job = original.migration.resource
    settings: dict[str, object] = {}
    name = original.bare(job.identity.name)
    if name != f"{original.bare(original.workload.identity.name)}-migration":
        settings["name"] = name
    retries, ttl = natural(job.at("spec", "backoffLimit")), job.at("spec", "ttlSecondsAfterFinished")
    settings["backoffLimit"] = min(DEFAULT_BACKOFF_LIMIT if retries is None else retries, _MAX_BACKOFF)
    if isinstance(ttl, int):
        settings["ttl"] = duration(max(ttl, MIN_TTL))
    deadlines = (job.at("spec", "activeDeadlineSeconds"), original.migration.pod.get("activeDeadlineSeconds"))
    deadline = next((seconds for seconds in deadlines if isinstance(seconds, int)), 0)
    if deadline > 0:
        settings["deadline"] = duration(deadline)
    if annotations := texts(job.at("spec", "template", "metadata", "annotations")):
        settings["annotations"] = annotations
    if labels := _labels(original):
        settings["labels"] = labels
    return settings


def _labels(original: Original) -> dict[str, object]:
    """Return the Job's labels, without those by which a selector would take its pod for the application's."""
    job = original.migration.resource
    labels = {**job.labels, **texts(job.at("spec", "template", "metadata", "labels"))}
    for resource in original.resources:
        kind = resource.identity.kind
        wanted = texts(resource.at("spec", "selector", *(() if kind == "Service" else ("matchLabels",))))
        if kind in {"Service", *WORKLOADS} and wanted and wanted.items() <= labels.items():
            labels = {key: value for key, value in labels.items() if key not in wanted}
    return {key: value for key, value in labels.items() if key not in _OWN_LABELS}


def duration(number: int) -> str:
    """Return seconds as a profile says them, in the largest unit that fits: 604800 is `7d`."""
    size, unit = next((size, unit) for size, unit in _UNITS if number % size == 0)
    return f"{number // size}{unit}"


def fit_deadline(migrations: dict[str, object], job: dict[str, object]) -> None:
    """The waits have to end before the Job's deadline does, with time left to migrate."""
    deadline = seconds(text(job.get("deadline")) or Job().deadline)
    if deadline > _WAIT + _LOCK_TIMEOUT:
        return
    migrations["wait"] = duration(max(1, min(_WAIT, deadline // 4)))
    lock = mapping(migrations.get("lock"))
    if lock.get("enabled") is not False:
        migrations["lock"] = {**lock, "timeout": duration(max(1, deadline // 4))}


def security_of(original: Original) -> dict[str, object]:
    """An account that the Job names stays; where it names none, none is made for it."""
    account = text(original.migration.pod.get("serviceAccountName")) or text(
        original.migration.pod.get("serviceAccount")
    )
    own: dict[str, object] = {"create": False}
    if account:
        own["name"] = original.base_name("ServiceAccount", account)
    security: dict[str, object] = {"serviceAccount": own}
    contexts = [mapping(each.get("securityContext")) for each in (original.migration.pod, original.migration.container)]
    if any(context.get("runAsNonRoot") is True for context in contexts):
        security["podSecurity"] = "restricted"
    users = [user for context in contexts if isinstance(user := context.get("runAsUser"), int) and user > 0]
    if users:
        security["runAsUser"] = users[-1]
    return security
