"""The migration's rights: names, and fields that need or exclude each other."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import UNSET

from aegisgen.errors import Problem
from aegisgen.profile.layers import Layer, problem, saying
from aegisgen.profile.steps.security import Peer
from aegisgen.profile.target import Target

# What makes no sense in the workload's own pods, which are not aegisgen's.
_OF_PRESYNC = ("serviceAccount", "networkPolicy", "externalSecret", "sealedSecret")


def account_name(target: Target) -> str | None:
    """Return the ServiceAccount of the migration's pods; None: the namespace's default one."""
    account = target.settings.security.service_account
    if target.settings.strategy != "presync-job" or not (account.create or account.name):
        return None
    return account.name or f"{target.settings.workload.name}-migration"


def sealed_name(target: Target) -> str:
    """Return the name of the SealedSecret in the overlay or its base."""
    sealed = target.settings.security.sealed_secret
    return (sealed.name if sealed else UNSET) or target.secret_name


def problems(target: Target, layers: list[Layer]) -> Iterator[Problem]:
    """Yield what is wrong with a service's security as it was resolved."""
    security = target.settings.security
    if target.settings.strategy != "presync-job":
        message = "belongs to the strategy presync-job: an init container has its pod's; remove it"
        for name in _OF_PRESYNC:
            for layer in saying(layers, "security", name):
                if layer.path[0] != "services":
                    yield problem([layer], ("security", name), message)
        return
    yield from _network(target, layers)
    external, sealed = security.external_secret, security.sealed_secret
    if external and sealed:
        message = "externalSecret writes the same Secret, expected one of the two"
        yield problem(layers, ("security", "sealedSecret"), message)
    absent = [
        key
        for key in map(target.secret_key, target.settings.database.secret.keys)
        if external and key not in external.data
    ]
    if absent:
        message = f"{', '.join(absent)} missing, expected every key of database.secret.keys: the Job waits for each"
        yield problem(layers, ("security", "externalSecret", "data"), message)


def _network(target: Target, layers: list[Layer]) -> Iterator[Problem]:
    policy = target.settings.security.network_policy
    place = ("security", "networkPolicy")
    if policy.enabled and not policy.database:
        message = "missing, expected podLabels or a cidr: with a policy that does not name it nothing could be migrated"
        yield problem(layers, (*place, "database"), message)
    peers: list[tuple[tuple[str | int, ...], Peer]] = [(("dns",), policy.dns)]
    if policy.database:
        peers.append((("database",), policy.database))
    peers += [(("also", index), peer) for index, peer in enumerate(policy.also)]
    for where, peer in peers:
        labels = bool(peer.pod_labels or peer.namespace_labels)
        if bool(peer.cidr) == labels:
            message = "both labels and a cidr" if labels else "neither podLabels, namespaceLabels nor a cidr"
            yield problem(layers, (*place, *where), f"{message}, expected one of them")
        if peer.cidr and not _is_network(peer.cidr):
            message = "not a network, expected one such as 10.0.0.0/16, with no bits set behind its prefix"
            yield problem(layers, (*place, *where, "cidr"), message)


def _is_network(cidr: str) -> bool:
    try:
        from ipaddress import ip_network  # noqa: PLC0415 -- few profiles have one

        ip_network(cidr)
    except ValueError:
        return False
    return True
