"""Which files an overlay gets, each from a template of its own: one table, in the order of their sync waves."""

from __future__ import annotations

from collections.abc import Callable

from aegisgen.profile.agreement.approval import asks
from aegisgen.profile.agreement.rollback import automatic
from aegisgen.profile.agreement.security import sealed_name
from aegisgen.profile.steps.job import wanted
from aegisgen.profile.target import Target
from aegisgen.record import Record


class Part(Record):
    """One generated file. Its template is `<strategy>/<file>.j2`, unless it is the same for all strategies."""

    file: str
    wanted: Callable[[Target], bool]
    patches: Callable[[Target], tuple[str, str]] | None = None
    """For a patch: kind and name of what it patches, as in the base. Every other part is a resource of its own."""
    applied: bool = True
    """False: rendered for people to apply by hand, and named by no kustomization."""
    shared: str = ""
    """The name of a template that all strategies have in common."""

    @property
    def entry(self) -> str:
        """How a kustomization names it: a file, or the folder that has a kustomization."""
        return self.file.removesuffix("/kustomization.yaml")


def _always(_: Target) -> bool:
    return True


def _own_config(target: Target) -> bool:
    return target.migration_config_name != target.config_name and bool(target.settings.database.config.keys)


def _workload(target: Target) -> tuple[str, str]:
    return target.settings.workload.kind, target.settings.workload.name


def _own_account(target: Target) -> bool:
    return target.settings.security.service_account.create


def _approvers(target: Target) -> bool:
    return target.settings.approval.gate and bool(target.settings.approval.groups)


def _sealed(target: Target) -> tuple[str, str]:
    return "SealedSecret", sealed_name(target)


# What people add to the ConfigMap of Argo CD Notifications, which all Applications share.
_TRIGGERS = Part(
    "argocd-notifications.yaml",
    lambda target: bool(target.settings.notifications.argocd),
    applied=False,
    shared="argocd-notifications.yaml.j2",
)
_ALERTS = Part(
    "prometheus-rule.yaml", lambda target: target.settings.metrics.prometheus_rule, shared="prometheus-rule.yaml.j2"
)
# A ConfigMap of the service's own with the scripts; before whatever runs them.
_RUNNER = Part("migration-runner/kustomization.yaml", _always, shared="runner-folder.yaml.j2")

PARTS: dict[str, tuple[Part, ...]] = {
    "init-container": (_RUNNER, Part("deployment-patch.yaml", _always, patches=_workload), _ALERTS, _TRIGGERS),
    "presync-job": (
        Part("approval-role.yaml", _approvers),
        Part("approval-role-binding.yaml", _approvers),
        Part("network-policy.yaml", lambda target: target.settings.security.network_policy.enabled),
        Part("service-account.yaml", _own_account),
        Part("external-secret.yaml", lambda target: bool(target.settings.security.external_secret)),
        Part("sealed-secret-patch.yaml", lambda target: bool(target.settings.security.sealed_secret), patches=_sealed),
        _RUNNER,
        Part("migration-config.yaml", _own_config),
        Part("rollback-baseline.yaml", automatic),
        Part("backup-job.yaml", lambda target: wanted(target.settings.backup)),
        Part("dry-run-job.yaml", lambda target: wanted(target.settings.dry_run)),
        Part("approval-request-job.yaml", lambda target: asks(target) == "approval-request"),
        Part("approval-gate.yaml", lambda target: target.settings.approval.gate),
        Part("migration-job.yaml", _always),
        Part("checks-job.yaml", lambda target: wanted(target.settings.checks)),
        Part("rollback-rollout.yaml", automatic),
        Part("rollback-confirm.yaml", automatic),
        Part("rollback-sync-fail.yaml", automatic),
        Part("rollback-manual.yaml", automatic, applied=False),
        _ALERTS,
        _TRIGGERS,
        Part("restore-manual.yaml", lambda target: wanted(target.settings.backup), applied=False),
    ),
}

# What aegisgen may have generated in an overlay, whatever its strategy is today, and how a kustomization names it.
NAMES = {part.file: part.entry for parts in PARTS.values() for part in parts}
# Files that no kustomization names, on purpose.
BY_HAND = frozenset(part.file for parts in PARTS.values() for part in parts if not part.applied)
