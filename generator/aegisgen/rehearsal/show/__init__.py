"""A rehearsal for people and programs: text, JSON, JUnit, one HTML page, and what moves while it runs.

    with progress(len(scenarios)) as events:              # silent unless stderr is a terminal
        events.began("clean-run", "A clean run")
        events.step("clean-run", "PreSync wave -1: Job/api-migration", "Running")
        events.ended(scenario_run)
    rehearsal = Redaction(secrets).record(rehearsal)      # before anything is shown
    sys.stdout.write(FORMATS["text"](rehearsal, View.of(sys.stdout)))
    save(path, FORMATS["html"](rehearsal, View()))        # --report

A format is a module with one pure function, `render(rehearsal, view) -> str`; what it returns ends with a newline and
is written as it stands. Records must have passed `Redaction` before: no format knows what is a secret.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module

from aegisgen.rehearsal.outcome import Rehearsal
from aegisgen.rehearsal.show.progress import Progress, progress
from aegisgen.rehearsal.show.redact import Redaction
from aegisgen.rehearsal.show.save import save
from aegisgen.rehearsal.show.view import View

__all__ = ["FORMATS", "Format", "Progress", "Redaction", "View", "progress", "save"]

Format = Callable[[Rehearsal, View], str]


def _late(module: str) -> Format:
    """Import the format when it is used: Rich and XML cost more to import than to run."""

    def render(rehearsal: Rehearsal, view: View) -> str:
        rendered: str = import_module(f"{__name__}.{module}").render(rehearsal, view)
        return rendered

    return render


FORMATS: Mapping[str, Format] = {name: _late(name) for name in ("text", "json", "junit", "html")}
"""Every format by its name. `--format` takes the first three; the page is for `--report`."""
