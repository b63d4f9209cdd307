"""A runbook as a page: one file, no scripts, nothing from elsewhere, light or dark as its reader has it."""

from __future__ import annotations

import html
import itertools
import re
from typing import TYPE_CHECKING

from aegisgen.argocd.plan_svg import to_svg
from aegisgen.record import Record
from aegisgen.render.environment import Dialect
from aegisgen.render.plain import Text

if TYPE_CHECKING:
    from jinja2 import Environment
    from markdown_it.token import Token

    from aegisgen.argocd.plan import Plan
    from aegisgen.render.environment import Templates

_PICTURE = "mermaid"


class _Heading(Record):
    anchor: str
    title: str


def page(markdown: str, plan: Plan, templates: Templates) -> str:
    """Return the HTML of a runbook, its picture drawn from `plan`. Raises InputError where a template fails.

    The first line of `markdown`, which says that it was generated, is the page's first line, too.
    """
    from markdown_it import MarkdownIt  # noqa: PLC0415 - slow to import, and few want HTML

    header, _, body = markdown.partition("\n")
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = reader.parse(body)
    headings = list(_anchored(tokens))
    for token in tokens:
        if token.type == "fence" and token.info == _PICTURE:
            token.type, token.content = "html_block", f'<figure class="plan">{to_svg(plan)}</figure>\n'
        elif token.type == "table_open":
            token.attrSet("tabindex", "0")  # a wide one scrolls, with the keyboard too
    values: dict[str, object] = {
        "header": Text(header),
        "title": headings[0].title if headings else "Runbook",
        "headings": headings[1:],
        "body": Text(reader.renderer.render(tokens, reader.options, {})),
    }
    return templates.of(_HTML).render("runbook/page.html.j2", **values)


def _anchored(tokens: list[Token]) -> list[_Heading]:
    """Give the headings the anchors that GitHub gives them; return those of the first two levels."""
    found = []
    for opening, inline in itertools.pairwise(tokens):
        if opening.type == "heading_open":
            title = "".join(each.content for each in inline.children or ())
            anchor = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
            opening.attrSet("id", anchor)
            if opening.tag in {"h1", "h2"}:
                found.append(_Heading(anchor, title))
    return found


def _escape(value: object) -> str:
    return value if isinstance(value, Text) else html.escape(str(value))


def _extend(environment: Environment) -> None:
    environment.filters.update(raw=Text)


_HTML = Dialect(_escape, _extend)
