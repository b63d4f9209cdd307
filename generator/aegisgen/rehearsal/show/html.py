"""A rehearsal as one page for people: `--report FILE.html`.

It holds everything that it shows, and asks for nothing from anywhere: its own policy forbids scripts and requests, so
that not even a hostile log could start one. The templates are HTML, not manifests; Jinja escapes every value.
"""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from aegisgen.bundle import bundled
from aegisgen.output.numbers import duration
from aegisgen.output.visible import visible
from aegisgen.rehearsal.outcome import MigrationRun, Rehearsal, SyncRun, Verdict
from aegisgen.rehearsal.show import wording
from aegisgen.rehearsal.show.pods import COLUMNS, pods
from aegisgen.rehearsal.show.timeline import timeline
from aegisgen.rehearsal.show.view import View

_STYLES = {
    Verdict.PASSED: "passed",
    Verdict.FAILED: "failed",
    Verdict.NOT_REHEARSED: "left-out",
    Verdict.DOES_NOT_APPLY: "strange",
}


def render(rehearsal: Rehearsal, _view: View) -> str:
    """Return the page."""
    return _template().render(
        rehearsal=rehearsal,
        scenarios=wording.worst_first(rehearsal.scenarios),
        counsels=wording.counsels(rehearsal),
        wording=wording,
        pods=pods,
        pod_columns=COLUMNS,
        picture=_picture,
    )


@cache
def _template() -> Template:
    folder = bundled("templates") / "rehearsal"
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    environment.filters |= {"seconds": duration, "css": _STYLES.__getitem__}
    style = (folder / "report.css").read_text(encoding="utf-8")
    environment.globals["style"] = Markup(style)  # noqa: S704 -- ours
    return environment.get_template("report.html")


def _picture(sync: SyncRun, migrations: tuple[MigrationRun, ...]) -> Markup:
    return Markup(timeline(sync, migrations))  # noqa: S704 -- it escapes what it shows


def _finalize(value: object) -> object:
    """Show what does not print as an escape: it would be no HTML, or could turn the direction of writing."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return "\n".join(visible(line) for line in value.split("\n"))
