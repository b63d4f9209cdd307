"""What of an Argo CD Application decides how a sync runs."""

from __future__ import annotations

from aegisgen.kube.resource import Resource
from aegisgen.record import Record

# An automated sync that says nothing of retries gets five: `autoSync` in Argo CD's controller/appcontroller.go.
AUTOMATED_RETRIES = 5


class ApplicationSettings(Record):
    """The settings of one Application that a sync plan depends on.

    `namespace` is the destination's. `retry_limit` is `syncPolicy.retry.limit`: None where there is no `retry`, below 0
    where the sync is retried without end.
    """

    name: str
    namespace: str = ""
    automated: bool = False
    retry_limit: int | None = None
    create_namespace: bool = False

    @property
    def syncs(self) -> int | None:
        """How often a failing sync runs in all, the first time included; None without end."""
        limit = self.retry_limit
        if limit is None:
            limit = AUTOMATED_RETRIES if self.automated else 0
        return None if limit < 0 else limit + 1


def application_settings(resource: Resource) -> ApplicationSettings | None:
    """Return the settings of an Application, None for any other resource.

    A value of the wrong type counts as absent: the schema check reports it. Source: `Application` in
    pkg/apis/application/v1alpha1/types.go, Argo CD 3.x (`automated.enabled: false` turns automation off).
    """
    identity = resource.identity
    if identity.kind != "Application" or identity.group != "argoproj.io":
        return None
    namespace = resource.at("spec", "destination", "namespace")
    options = resource.at("spec", "syncPolicy", "syncOptions")
    return ApplicationSettings(
        identity.name,
        namespace if isinstance(namespace, str) else "",
        isinstance(resource.at("spec", "syncPolicy", "automated"), dict)
        and resource.at("spec", "syncPolicy", "automated", "enabled") is not False,
        _retry_limit(resource),
        isinstance(options, list) and "CreateNamespace=true" in options,
    )


def _retry_limit(resource: Resource) -> int | None:
    if not isinstance(resource.at("spec", "syncPolicy", "retry"), dict):
        return None
    limit = resource.at("spec", "syncPolicy", "retry", "limit")
    return limit if isinstance(limit, int) and not isinstance(limit, bool) else 0
