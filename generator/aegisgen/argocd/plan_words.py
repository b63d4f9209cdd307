"""How a plan is put into words; every presentation says the same."""

from __future__ import annotations

from collections.abc import Sequence

from aegisgen.argocd.hooks import HOOK_TYPES, DeletePolicy, Phase
from aegisgen.argocd.plan import Absence, Plan, PlannedWave, Step, Unapplied, Until, WaveId

_UNITS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))
_DELETED = {
    DeletePolicy.BEFORE_HOOK_CREATION: "before the next sync creates it anew",
    DeletePolicy.HOOK_SUCCEEDED: "when a sync has succeeded",
    DeletePolicy.HOOK_FAILED: "when a sync has failed",
}
NO_DEADLINE = "no limit: without a deadline a stuck pod holds the sync for ever"
PRUNING = "Pruning is not part of the plan: what only the cluster has is not in the tree."
DRY_RUN = (
    "Before the first wave all manifests are applied dry; one that is invalid fails the sync there, and no SyncFail "
    "hook runs."
)


def duration(seconds: int) -> str:
    """Return `seconds` as people write it: `90` is `1m30s`, `604800` is `7d`."""
    parts = []
    for size, unit in _UNITS:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def name(step: Step) -> str:
    """Return the step's name; a star stands for what Argo CD adds to a `generateName`."""
    return step.identity.name + ("*" if step.generated_name else "")


def title(step: Step) -> str:
    """Return kind and name."""
    return f"{step.identity.kind}/{name(step)}"


def kind_of_step(step: Step) -> str:
    """Return what the step is: an approval gate, a hook or an ordinary resource."""
    if step.until is Until.APPROVED:
        return "approval gate"
    return "hook" if step.hook else "resource"


def done(step: Step) -> str:
    """Return when the step is done, for the sync."""
    if not step.waited and step.until is not Until.APPLIED:
        return "applied; the sync does not wait for its health"
    return {
        Until.APPLIED: "done when applied",
        Until.HEALTHY: "done when healthy",
        Until.COMPLETE: "done when complete",
        Until.APPROVED: "suspended: waits until somebody resumes it",
    }[step.until]


def limits(step: Step) -> str:
    """Return how long the step may take at most and how often it is tried, empty where nothing bounds it by nature."""
    limit = step.limit
    if limit is None:
        if step.waited and step.stalls_after is not None:
            return f"fails after {duration(step.stalls_after)} without progress"
        return ""
    tries = f"{limit.pods} attempts" if limit.pods > 1 else "1 attempt"
    if limit.seconds is None:
        bound = f"{NO_DEADLINE if step.waited else 'no deadline'}; {tries}"
    else:
        bound = f"at most {duration(limit.seconds)} for {tries}"
        if step.until is Until.APPROVED:
            bound += ", counted from the approval"
    if limit.syncs is None:
        return f"{bound}; the sync is retried without end"
    if limit.syncs == 1:
        return bound
    total = "" if limit.total_seconds is None else f"{duration(limit.total_seconds)} and "
    return f"{bound}; {total}{limit.total_pods} attempts over {limit.syncs} syncs"


def deletion(step: Step) -> str:
    """Return when Argo CD deletes the step's hook, empty for an ordinary resource."""
    if step.hook is None:
        return ""
    times = [_DELETED[policy] for policy in step.hook.delete_policies if policy in _DELETED]
    return f"deleted {' and '.join(times)}" if times else "never deleted"


def init_order(step: Step) -> tuple[str, ...]:
    """Return one line for each init container, in running order."""
    lines = []
    for index, container in enumerate(step.init_containers, start=1):
        beside = "sidecar, runs beside what follows" if container.sidecar else "init container, runs to its end"
        lines.append(f"{index}. {container.name} ({beside}{_in_pods(step)})")
    return tuple(lines)


def _in_pods(step: Step) -> str:
    if step.identity.kind == "DaemonSet":
        return ", in a pod on each node"
    if step.replicas is None:
        return ""
    return f", in each of {step.replicas} pods" if step.replicas != 1 else ", in its 1 pod"


def waiting(wave: PlannedWave, *, named: int = 2) -> str:
    """Return what must be done before the wave begins, the first `named` steps by name."""
    if wave.id.phase is Phase.SYNC_FAIL:
        return "begins when a step of another phase has failed, all SyncFail hooks at once"
    if not wave.waits_for:
        return "begins at once"
    return f"waits for {names(wave.waits_for, named)}"


def failing(plan: Plan, wave: PlannedWave) -> str:
    """Return what a failure in the wave leads to."""
    if wave.id.phase is Phase.SYNC_FAIL:
        return "the sync has failed anyway"
    parts = [f"skips {places(wave.skips)}"] if wave.skips else []
    hooks = plan.sync_fail
    if not hooks:
        parts.append("nothing else runs: there is no SyncFail hook")
    else:
        parts.append(f"runs {title(hooks[0])}" if len(hooks) == 1 else f"runs the {len(hooks)} SyncFail hooks")
    return "; ".join(parts)


def names(steps: Sequence[Step], named: int) -> str:
    """Return the titles of the first `named` steps, and the number of the rest."""
    shown = [title(step) for step in steps[:named]]
    rest = len(steps) - len(shown)
    if rest:
        return f"{', '.join(shown)} and {rest} more"
    return " and ".join(shown)


def places(waves: Sequence[WaveId]) -> str:
    """Return phases with their waves: `Sync (waves 0, 1) and PostSync (wave 0)`."""
    numbers: dict[Phase, list[str]] = {}
    for wave in waves:
        numbers.setdefault(wave.phase, []).append(str(wave.wave))
    words = [
        f"{phase} ({'wave' if len(found) == 1 else 'waves'} {', '.join(found)})" for phase, found in numbers.items()
    ]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def absence(item: Unapplied) -> str:
    """Return why a resource is not part of the sync."""
    values = ", ".join(repr(str(value)) for value in item.values)
    if item.absence is Absence.SKIPPED:
        return "left out on purpose: its hook type is Skip"
    if item.absence is Absence.DELETION:
        return f"runs only when the Application is deleted: {values}"
    meant = _meant(item.values)
    return f"never applied: Argo CD knows no hook type {values}" + (f"; did you mean {meant}?" if meant else "")


def _meant(values: Sequence[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415, only a plan with a typo pays for it

    lower = {str(kind).lower(): str(kind) for kind in HOOK_TYPES}
    close = [match for value in values for match in get_close_matches(value.lower(), lower, n=1)]
    return ", ".join(lower[match] for match in dict.fromkeys(close))


def notes(plan: Plan) -> tuple[str, ...]:
    """Return what holds for the plan as a whole."""
    found = [DRY_RUN, PRUNING]
    application = plan.application
    if application is None:
        found.append("No Application is known: retries of the sync are not counted.")
    elif application.syncs is None:
        found.append("The Application retries a failing sync without end.")
    elif application.syncs > 1:
        found.append(f"A failing sync runs {application.syncs} times; each time every hook is created anew.")
    if application and application.create_namespace and application.namespace:
        found.append(f"Argo CD creates the namespace {application.namespace} first where it is missing.")
    return tuple(found)
