"""What a rule is, and what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from typing import TYPE_CHECKING

from aegisgen.record import Record

if TYPE_CHECKING:
    from aegisgen.errors import Severity
    from aegisgen.kube.kustomization import Place
    from aegisgen.kube.resource import Resource
    from aegisgen.rules.context import Context
    from aegisgen.rules.pages import Text

Path = tuple[str | int, ...]


class Hit(Record):
    """A place where a rule is broken: a field of a resource, or a place in a file that is none.

    `path` leads to the field, or to the part that lacks one. `fix` replaces the rule's own advice.
    """

    message: str
    resource: Resource | None = None
    path: Path = ()
    place: Place | None = None
    fix: str = ""


class Scope(Enum):
    """How much of a build a rule looks at."""

    WHOLE = "whole"
    ALONE = "alone"
    """One object at a time, so that it finds in the parts of a build what it finds in the whole."""
    LASTING = "lasting"
    """The same; and what it finds stays, whatever Kustomize adds to the object."""


Check = Callable[["Context"], Iterable[Hit]]


class Rule(Record):
    """A rule: stable ID, what it is about in a few words, how much it weighs, and the pure function that checks it.

    Rules about configuration have no function of their own: `configuration` finds what they name.
    """

    id: str
    title: str
    severity: Severity
    check: Check | None
    tags: tuple[str, ...] = ()
    scope: Scope = Scope.WHOLE

    @property
    def text(self) -> Text:
        """What its page says; read only where somebody needs it."""
        from aegisgen.rules.pages import text_of  # noqa: PLC0415 -- start-up time: a clean run needs no words

        return text_of(self.id)
