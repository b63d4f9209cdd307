"""What a rule is, and what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from aegisgen.findings import Severity
    from aegisgen.kube.kustomization import Place
    from aegisgen.kube.resource import Resource
    from aegisgen.rules.context import Context
    from aegisgen.rules.pages import Text

Path = tuple[str | int, ...]


class Hit(NamedTuple):
    """A place where a rule is broken: a field of a resource, or a place in a file that is none.

    `path` leads to the field, or to the part that lacks one. `fix` replaces the rule's own advice.
    """

    message: str
    resource: Resource | None = None
    path: Path = ()
    place: Place | None = None
    fix: str = ""


Check = Callable[["Context"], Iterable[Hit]]


class Rule(NamedTuple):
    """A rule: stable ID, what it is about in a few words, how much it weighs, and the pure function that checks it.

    Rules about configuration have no function of their own: `configuration` finds what they name.
    """

    id: str
    title: str
    severity: Severity
    check: Check | None
    tags: tuple[str, ...] = ()
    alone: bool = False
    """It looks at one object at a time, so that it finds in the parts of a build what it finds in the whole."""
    lasting: bool = False
    """Of those: it finds what is there, not what lacks, so that nothing which Kustomize adds takes a finding back."""

    @property
    def text(self) -> Text:
        """What its page says; read only where somebody needs it."""
        from aegisgen.rules.pages import text_of  # noqa: PLC0415 -- start-up time: a clean run needs no words

        return text_of(self.id)

    @property
    def explanation(self) -> str:
        """Why it matters."""
        return self.text.explanation

    @property
    def fix(self) -> str:
        """How to fix it."""
        return self.text.fix

    @property
    def source(self) -> str:
        """Where its fact comes from."""
        return self.text.source

    @property
    def bad(self) -> str:
        """A minimal manifest that breaks it."""
        return self.text.bad

    @property
    def good(self) -> str:
        """The same manifest, corrected."""
        return self.text.good
