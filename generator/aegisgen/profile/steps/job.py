"""What every step that is a Job of its own may be told."""

from typing import Annotated

from msgspec import Meta, UnsetType, field

from aegisgen.profile.amounts import Resources
from aegisgen.profile.base import Model
from aegisgen.profile.types import AnnotationKey, Duration, Retries, Text


class StepJob(Model, frozen=True, kw_only=True):
    """A PreSync Job beside the migration's."""

    enabled: Annotated[bool, Meta(description="false takes the step back where a weaker layer turned it on.")] = True
    backoff_limit: Retries = 1
    deadline: Annotated[
        Duration, Meta(description="The longest that all attempts together may take; then the sync fails.")
    ] = "30m"
    ttl: Annotated[Duration, Meta(description="How long the finished Job stays for its logs to be read.")] = "7d"
    resources: Resources = field(default_factory=Resources)
    annotations: Annotated[
        dict[AnnotationKey, Text],
        Meta(
            description="Annotations for the Job's pod, such as a service mesh's.",
            examples=[{"sidecar.istio.io/inject": "false"}],
        ),
    ] = {}


def wanted(step: StepJob | UnsetType) -> bool:
    """Tell whether a profile turned a step on."""
    return isinstance(step, StepJob) and step.enabled
