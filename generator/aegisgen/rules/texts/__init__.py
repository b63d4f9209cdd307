"""What is said of each rule: for `aegisgen explain`, for `docs/rules`, and as its own tests."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple


class Text(NamedTuple):
    """Why a rule matters, how to mend what it finds, where its fact comes from, and the least that shows both sides.

    An example is a manifest, or a tree whose files begin with a line `# file: path`.
    """

    explanation: str
    fix: str
    source: str
    bad: str
    good: str


def text_of(rule: str) -> Text:
    """Return the text of a rule; KeyError where there is none."""
    return _all()[rule]


@cache
def _all() -> dict[str, Text]:
    from aegisgen.rules.texts import (  # noqa: PLC0415
        agreement,
        applications,
        configuration,
        drift,
        hooks,
        manifests,
        order,
        security,
    )

    families = (hooks, order, agreement, security, applications, configuration, manifests, drift)
    return {rule: text for family in families for rule, text in family.TEXTS.items()}
