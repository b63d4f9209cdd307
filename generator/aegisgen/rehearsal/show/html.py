"""A rehearsal as one page for people: `--report FILE.html`.

It holds everything that it shows, and asks for nothing from anywhere: its own policy forbids scripts and requests, so
that not even a hostile log could start one. The templates are HTML, not manifests; Jinja escapes every value.
"""

from __future__ import annotations

import secrets
import shutil
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from aegisgen.bundle import bundled
from aegisgen.output.numbers import duration
from aegisgen.output.visible import visible
from aegisgen.rehearsal.outcome import Rehearsal
from aegisgen.rehearsal.show import wording
from aegisgen.rehearsal.show.pods import COLUMNS, pods
from aegisgen.rehearsal.show.release import sections
from aegisgen.rehearsal.show.timeline import timeline


def render(rehearsal: Rehearsal, _view: object = None) -> str:
    """Return the page."""
    return _template().render(
        rehearsal=rehearsal,
        scenarios=wording.worst_first(rehearsal.scenarios),
        counsels=wording.counsels(rehearsal),
        sections=sections(rehearsal),
        wording=wording,
        pods=pods,
        pod_columns=COLUMNS,
        timeline=timeline,
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
    environment.filters["seconds"] = duration
    style = (folder / "report.css").read_text(encoding="utf-8")
    environment.globals["style"] = Markup(style)  # noqa: S704 -- ours
    return environment.get_template("report.html")


def _finalize(value: object) -> object:
    """Show what does not print as an escape: it would be no HTML, or could turn the direction of writing."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return "\n".join(visible(line) for line in value.split("\n"))


def save(path: Path, text: str) -> None:
    """Write `text` to `path` in one step; what a link points to is replaced, the link stays.

    A device or a pipe is written to as it is. Raises OSError, and leaves what was there, where that cannot be done.
    """
    content = text.encode("utf-8", "backslashreplace")
    if path.exists() and not path.is_file():
        path.write_bytes(content)
        return
    target = path.resolve()
    fresh = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}")
    try:
        fresh.write_bytes(content)
        if target.exists():
            shutil.copymode(target, fresh)
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)
