"""Whether what runs is what the tree says: hooks that were never applied, images that are not the tree's.

Argo CD drops a hook of unknown type without a word; hooks are no part of its diff, so that a change to hooks alone
starts no sync; a selective sync runs no hooks; and a tag that moves changes nothing in git.
Sources: gitops-engine's hook.go, and Argo CD's documentation, Selective Sync.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from aegisgen.argocd.plan_words import duration
from aegisgen.kube.pods import container_of, image_of
from aegisgen.kube.shape import mapping, sequence, text
from aegisgen.status.cluster import NEVER, Job
from aegisgen.status.expected import Expected, Step
from aegisgen.status.model import Cause, Diagnosis
from aegisgen.status.snapshot import Snapshot

_COMPARED = ("image", "command", "args", "env")


def disagreements(snapshot: Snapshot, expected: Expected, migration: Job | None, now: datetime) -> Iterator[Diagnosis]:
    """Yield where cluster and tree differ, for a service whose hooks are done. `migration`: the Job of this sync."""
    if expected.never_applied and migration is None:
        what = f"Job {expected.migration} {expected.never_applied}"
        yield _never(expected, what, "fix the overlay (aegisgen check names the line), push, then sync")
        return
    workload = snapshot.workload
    if workload is None:
        return
    live = image_of(workload.pod_spec, expected.container)
    if live != expected.image:
        runs = f"{workload.kind} {workload.name} runs {live or 'no such container'}"
        what, about = f"{runs}, and the tree says {expected.image}", f"{workload.kind}/{workload.name}"
        yield Diagnosis(Cause.OTHER_IMAGE, what, _out_of_sync(snapshot), expected.sync, about)
        return
    if expected.init_container:
        yield from _init_container(snapshot, expected)
        return
    step = next((each for each in expected.steps if each.name == expected.migration), None)
    if step is None:
        return
    if migration is None:
        yield from _absent(step, snapshot, expected, now)
    else:
        yield from _other_job(step, migration, expected)
        yield from _moved_tag(migration, snapshot, expected)


def _init_container(snapshot: Snapshot, expected: Expected) -> Iterator[Diagnosis]:
    name, workload = expected.init_container, f"{expected.workload_kind} {expected.workload}"
    if not container_of(expected.pod_spec, name):
        what = f"the overlay composes {workload} without the init container {name}"
        yield _never(
            expected, what, "a patch that matches nothing is dropped silently: run aegisgen check, fix it, push"
        )
        return
    live = container_of(snapshot.workload.pod_spec, name) if snapshot.workload else {}
    different = _different(container_of(expected.pod_spec, name), live)
    if not live:
        what = f"{workload} runs without the init container {name} that the tree has"
        yield _never(expected, what, _out_of_sync(snapshot))
    elif different:
        what = f"the init container {name} of the cluster differs from the tree's in its {different}"
        yield _never(expected, what, _out_of_sync(snapshot))


def _absent(step: Step, snapshot: Snapshot, expected: Expected, now: datetime) -> Iterator[Diagnosis]:
    """The migration Job is not there. Its TTL may have removed it; if not, no sync has run it."""
    application = snapshot.application
    if application and application.operation == "Succeeded":
        if any((hook.kind, hook.name) == ("Job", step.name) for hook in application.synced if hook.hook_type):
            return
        revision = f" of revision {application.revision[:7]}" if application.revision else ""
        if application.chosen:
            what = f"the last sync{revision} was of chosen resources only, and such a sync runs no hooks"
        else:
            what = f"the last sync{revision} succeeded without the hook Job {step.name}"
        yield _never(expected, what, "start a full sync; if the Job does not come, look whether it is in the revision")
        return
    workload = snapshot.workload
    if workload is None or step.ttl is None or workload.rolled == NEVER or workload.restarted:
        return
    if workload.rolled + timedelta(seconds=step.ttl) > now:
        what = f"the pods were rolled out without the migration Job {step.name}, which stays for {duration(step.ttl)}"
        next_ = "start a full sync; if the Job does not come, Argo CD does not take it for a hook: aegisgen check"
        yield _never(expected, what, next_)


def _other_job(step: Step, migration: Job, expected: Expected) -> Iterator[Diagnosis]:
    for wanted in map(mapping, sequence(step.pod_spec.get("containers"))):
        live = container_of(migration.pod_spec, text(wanted.get("name")))
        different = _different(wanted, live)
        if different == "image":
            what = f"the last migration ran {text(live.get('image'))}, and the tree says {text(wanted.get('image'))}"
        elif different:
            what = f"the migration Job that ran differs from the tree's in its {different}"
        else:
            continue
        yield _never(
            expected, what, "start a sync: a change to hooks alone makes no Application OutOfSync, and starts none"
        )


def _moved_tag(migration: Job, snapshot: Snapshot, expected: Expected) -> Iterator[Diagnosis]:
    """One tag, two images. Digests are compared where the kubelet tells them as name@digest, on both sides."""
    ran = {
        digest
        for pod in snapshot.pods_of_job(migration)
        for container in pod.containers
        if container.image == expected.image and (digest := _digest(container.image_id))
    }
    if len(ran) != 1 or "@" in expected.image:
        return
    for pod in reversed(snapshot.pods_of_workload()):
        for container in pod.containers:
            digest = _digest(container.image_id)
            if container.name != expected.container or not digest or digest in ran:
                continue
            migrated = next(iter(ran))
            what = f"one tag, two images: the migration ran {_short(migrated)}, pod {pod.name} runs {_short(digest)}"
            if pod.created > migration.created:
                next_, commands = (
                    "the tag has moved since: start a sync, which migrates with the new image",
                    expected.sync,
                )
            else:
                next_ = "restart the pods, so that they run what was migrated"
                commands = (expected.kubectl("rollout restart", expected.of_workload),)
            yield Diagnosis(Cause.MOVED_TAG, what, next_, commands, f"Pod/{pod.name}")
            return


def _different(wanted: Mapping[str, object], live: Mapping[str, object]) -> str:
    """Return the first field in which a live container is not the tree's; empty where it agrees.

    The API server fills defaults in, so that it may have more, never less.
    """
    return next((field for field in _COMPARED if not _within(wanted.get(field), live.get(field))), "")


def _within(wanted: object, live: object) -> bool:
    if isinstance(wanted, dict):
        return isinstance(live, dict) and all(_within(value, live.get(key)) for key, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(live, list) and len(wanted) <= len(live) and all(map(_within, wanted, live))
    return wanted is None or wanted == live


def _digest(image_id: str) -> str:
    return image_id.partition("@")[2]


def _short(digest: str) -> str:
    return digest[:19]


def _never(expected: Expected, what: str, next_: str) -> Diagnosis:
    about = f"Job/{expected.migration}" if expected.migration else f"{expected.workload_kind}/{expected.workload}"
    return Diagnosis(Cause.NEVER_RUNS, what, next_, expected.sync, about)


def _out_of_sync(snapshot: Snapshot) -> str:
    application = snapshot.application
    if application and application.automated and application.sync_status == "OutOfSync":
        return "Argo CD knows and syncs by itself; if it does not, look at the Application's conditions"
    return "push the tree if it is not yet, then sync"
