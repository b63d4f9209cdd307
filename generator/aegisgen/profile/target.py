"""One service in one environment, resolved."""

from __future__ import annotations

from aegisgen.profile.model import Settings
from aegisgen.profile.steps.application import ArgoCD, Repository
from aegisgen.record import Record


class Target(Record):
    """One service in one environment: everything that rendering needs to know."""

    environment: str
    service: str
    profile: str
    """The profile's path relative to the project's folder."""
    namespace: str
    name_prefix: str
    name_suffix: str
    kubernetes_version: str
    settings: Settings
    repository: Repository | None
    argocd: ArgoCD
    """What the project says of Argo CD."""

    @property
    def directory(self) -> str:
        """The overlay's folder relative to the project's."""
        return overlay_folder(self.settings.overlay, self.environment, self.service)

    @property
    def base(self) -> str:
        """The folder that the overlay changes, relative to the project's."""
        return self.settings.base or f"base/{self.service}"

    @property
    def image(self) -> str:
        """The image with its digest or tag; the name alone where `images` in the kustomization.yaml decides."""
        image = self.settings.image
        return f"{image.name}{f'@{image.digest}' if image.digest else f':{image.tag}' if image.tag else ''}"

    @property
    def pull_policy(self) -> str:
        """A tag can move, and IfNotPresent would then run an old image's migrations."""
        return self.settings.image.pull_policy or ("IfNotPresent" if self.settings.image.digest else "Always")

    @property
    def job_name(self) -> str:
        """The migration Job's name, without the environment's prefix and suffix."""
        return self.settings.job.name or f"{self.settings.workload.name}-migration"

    @property
    def runner_name(self) -> str:
        """The ConfigMap with the scripts, without the environment's prefix and suffix."""
        return f"{self.settings.workload.name}-migration-runner"

    @property
    def gate_name(self) -> str:
        """The approval Job's name, without the environment's prefix and suffix."""
        return f"{self.settings.workload.name}-approval"

    def composed(self, name: str) -> str:
        """Return a name as Kustomize makes it for this environment."""
        return f"{self.name_prefix}{name}{self.name_suffix}"

    @property
    def config_name(self) -> str:
        """The application's ConfigMap."""
        return self.settings.database.config.name or f"{self.settings.workload.name}-config"

    @property
    def migration_config_name(self) -> str:
        """The ConfigMap that the migration reads: the application's, or the PreSync Job's own."""
        if self.settings.strategy == "presync-job" and self.settings.database.config.from_ == "hook":
            return f"{self.settings.workload.name}-migration-config"
        return self.config_name

    @property
    def secret_name(self) -> str:
        """The Secret with the database's password."""
        return self.settings.database.secret.name or f"{self.settings.workload.name}-secrets"

    def config_key(self, variable: str) -> str:
        """Return the key of the ConfigMap that the migration reads for a variable."""
        own = self.migration_config_name != self.config_name
        return variable if own else self.settings.database.config.rename.get(variable, variable)

    def secret_key(self, variable: str) -> str:
        """Return the key of the Secret that the migration reads for a variable."""
        return self.settings.database.secret.rename.get(variable, variable)


def overlay_folder(pattern: str, environment: str, service: str) -> str:
    """Return the folder that `overlay` means for a service in an environment."""
    return pattern.replace("{environment}", environment).replace("{service}", service)
