"""What every step that is a Job of its own may be told."""

from typing import Annotated, TypeGuard, TypeVar

from msgspec import UnsetType, field

from aegisgen.profile.amounts import Resources
from aegisgen.profile.base import Model, about
from aegisgen.profile.types import Deadline, KeptFor, PodAnnotations, Retries


class StepJob(Model, frozen=True, kw_only=True):
    """A PreSync Job beside the migration's."""

    enabled: Annotated[bool, about("false takes the step back where a weaker layer turned it on.")] = True
    backoff_limit: Retries = 1
    deadline: Deadline = "30m"
    ttl: KeptFor = "7d"
    resources: Resources = field(default_factory=Resources)
    annotations: PodAnnotations = {}


_Step = TypeVar("_Step", bound=StepJob)


def wanted(step: _Step | UnsetType) -> TypeGuard[_Step]:
    """Tell whether a profile turned a step on."""
    return isinstance(step, StepJob) and step.enabled
