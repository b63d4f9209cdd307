"""The page of each rule: what it means, how to fix what it finds, its source, and the two examples that test it.

The pages are `docs/rules/ID.md`. `aegisgen explain` and the advice of findings are read from them.
"""

from __future__ import annotations

import re
from functools import cache

from aegisgen.bundle import bundled
from aegisgen.record import Record

_PAGE = re.compile(
    r"# (?P<id>\S+): .+\n\nSeverity: .+\n\n(?P<explanation>.+)\n\n\*\*To fix it:\*\* (?P<fix>.+)\.\n\n"
    r"Source: (?P<source>.+)\.\n\n## Bad\n\n```yaml\n(?P<bad>.+\n)```\n\n## Good\n\n```yaml\n(?P<good>.+\n)```\n",
    re.DOTALL,
)


class Text(Record):
    """What a page says. An example is a manifest, or a tree whose files begin with a line `# file: path`."""

    explanation: str
    fix: str
    source: str
    bad: str
    good: str


@cache
def text_of(rule: str) -> Text:
    """Return the text of a rule. Raises ValueError where its page has another form than the other pages."""
    page = (bundled("docs/rules") / f"{rule}.md").read_text(encoding="utf-8")
    match = _PAGE.fullmatch(page)
    if match is None or match["id"] != rule:
        raise ValueError(f"docs/rules/{rule}.md has not the form of the other pages")
    return Text(*match.group(*Text.__struct_fields__))
