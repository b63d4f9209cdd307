"""What containers ask for and may use."""

from msgspec import UNSET, UnsetType, field

from aegisgen.profile.base import Model
from aegisgen.profile.types import Quantity


class Amounts(Model, frozen=True, kw_only=True):
    """Amounts of what a container uses."""

    cpu: Quantity | UnsetType = UNSET
    memory: Quantity | UnsetType = UNSET


class Resources(Model, frozen=True, kw_only=True):
    """What the migration's container asks for and may use."""

    requests: Amounts = field(default_factory=lambda: Amounts(cpu="100m", memory="256Mi"))
    limits: Amounts = field(default_factory=lambda: Amounts(cpu="1", memory="512Mi"))
