"""What containers ask for and may use."""

from typing import Annotated

from msgspec import UNSET, UnsetType, field

from aegisgen.profile.base import Model, about
from aegisgen.profile.types import Quantity


class Amounts(Model, frozen=True, kw_only=True):
    """Amounts of what a container uses."""

    cpu: Annotated[Quantity | UnsetType, about("Processor time.", "500m")] = UNSET
    memory: Annotated[Quantity | UnsetType, about("Memory.", "256Mi")] = UNSET


class Resources(Model, frozen=True, kw_only=True):
    """What the migration's container asks for and may use."""

    requests: Annotated[Amounts, about("What it asks for.")] = field(
        default_factory=lambda: Amounts(cpu="100m", memory="256Mi")
    )
    limits: Annotated[Amounts, about("What it may use.")] = field(
        default_factory=lambda: Amounts(cpu="1", memory="512Mi")
    )
