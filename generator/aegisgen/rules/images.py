"""Image references: repository, tag, digest."""

from __future__ import annotations

from functools import lru_cache

from aegisgen.record import Record


class Image(Record):
    """An image reference in its parts; an absent part is empty."""

    repository: str
    tag: str
    digest: str

    @property
    def owner(self) -> str:
        """The registry and the account: what one pull secret usually covers."""
        return self.repository.rpartition("/")[0]

    @property
    def mutable(self) -> bool:
        """Whether the reference may mean another image tomorrow, as far as one can see.

        Tags with a digit in them count as versions, dates or commits; `production`, `main` and `latest` do not.
        """
        return bool(self.repository) and not self.digest and not any(map(str.isdigit, self.tag))

    @property
    def version(self) -> str:
        """The tag or digest, for a message."""
        return self.digest or self.tag or "latest"


@lru_cache(maxsize=1024)
def image_of(reference: str) -> Image:
    """Take an image reference apart: `ghcr.io:443/a/b:1.2@sha256:...`."""
    name, _, digest = reference.strip().partition("@")
    head, slash, last = name.rpartition("/")
    last, _, tag = last.partition(":")
    return Image(f"{head}{slash}{last}", tag, digest)


def pull_policy(container: dict[str, object]) -> str:
    """Return the pull policy that applies: without one, Always for `latest` or no tag, else IfNotPresent.

    Source: Kubernetes documentation, concepts/containers/images.
    """
    policy = container.get("imagePullPolicy")
    if isinstance(policy, str) and policy:
        return policy
    reference = container.get("image")
    image = image_of(reference if isinstance(reference, str) else "")
    return "Always" if image.tag in {"", "latest"} and not image.digest else "IfNotPresent"
