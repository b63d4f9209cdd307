"""Locks that nobody holds any more.

aegisgen's own lock ends with its connection and heals Knex's. What remains: tools that lock by themselves, a script of
somebody's own, and a session that PostgreSQL has not given up yet.
"""

from __future__ import annotations

from aegisgen.status.cluster import Container, Pod
from aegisgen.status.expected import Expected
from aegisgen.status.model import Cause, Diagnosis
from aegisgen.status.snapshot import Snapshot
from aegisgen.tools import TOOLS

HELD = 15
"""The runner's exit code for a lock that another migration held for too long."""


def stale_lock(container: Container, pod: Pod, snapshot: Snapshot, expected: Expected) -> Diagnosis | None:
    """Return what is to be said if a container failed because of a lock, and nobody is there who could hold it."""
    if container.exit_code is None or _somebody_migrates(pod, snapshot, expected):
        return None
    if container.exit_code == HELD and expected.locked:
        return Diagnosis(
            Cause.STALE_LOCK,
            "the lock is held (exit code 15), and no pod of this service migrates",
            "end the session that holds it: in pg_stat_activity its application_name begins with aegisgen-; "
            "then sync again",
        )
    log = snapshot.log
    lines = log.lines if log and (log.pod, log.container) == (pod.name, container.name) else ()
    said = "\n".join((container.message, *lines)).lower()
    for words, meaning in (held for tool in TOOLS.values() for held in tool.held):
        if words in said:
            what = f"stale lock: {meaning}, and no pod of this service migrates"
            unlock = expected.unlock
            command = expected.kubectl("exec", expected.of_workload, "-c", expected.container, "--", *unlock.split())
            return Diagnosis(
                Cause.STALE_LOCK,
                what,
                "make sure that nobody else migrates this database, then free it"
                + (" with the command" if unlock else " with the tool's own command"),
                (command,) if unlock else (),
            )
    return None


def _somebody_migrates(failed: Pod, snapshot: Snapshot, expected: Expected) -> bool:
    names = {expected.init_container} if expected.init_container else {"migration"}
    return any(
        container.state == "running" and container.name in names
        for pod in snapshot.pods
        if pod.name != failed.name
        for container in pod.containers
    )
