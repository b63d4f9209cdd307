"""What containers ask for and may use."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType, field

from aegisgen.profile.base import Model
from aegisgen.profile.types import Quantity


class Amounts(Model, frozen=True, kw_only=True):
    """Amounts of what a container uses."""

    cpu: Annotated[Quantity | UnsetType, Meta(description="Processor time.", examples=["500m"])] = UNSET
    memory: Annotated[Quantity | UnsetType, Meta(description="Memory.", examples=["256Mi"])] = UNSET


class Resources(Model, frozen=True, kw_only=True):
    """What the migration's container asks for and may use."""

    requests: Annotated[Amounts, Meta(description="What it asks for.")] = field(
        default_factory=lambda: Amounts(cpu="100m", memory="256Mi")
    )
    limits: Annotated[Amounts, Meta(description="What it may use.")] = field(
        default_factory=lambda: Amounts(cpu="1", memory="512Mi")
    )
