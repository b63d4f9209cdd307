"""A rehearsal for people and programs: text, JSON, JUnit, one HTML page, and what moves while it runs.

    with progress(len(scenarios)) as events:              # silent unless stderr is a terminal
        events.began("clean-run", "A clean run")
        events.step("clean-run", "PreSync wave -1: Job/api-migration", "Running")
        events.ended(scenario_run)
    rehearsal = Redaction(secrets).record(rehearsal)      # before anything is shown
    sys.stdout.write(FORMATS["text"](rehearsal, View.of(sys.stdout)))
    save(path, FORMATS["html"](rehearsal))                # --report

A format is a module with one pure function, `render(rehearsal, view) -> str`; what it returns ends with a newline and
is written as it stands. Only text needs a view. Records must have passed `Redaction` before: no format knows what is
secret.
"""

from aegisgen.rehearsal.show import html, json, junit, text
from aegisgen.rehearsal.show.html import save
from aegisgen.rehearsal.show.progress import Events, progress
from aegisgen.rehearsal.show.redact import Redaction
from aegisgen.rehearsal.show.text import View

__all__ = ["FORMATS", "Events", "Redaction", "View", "progress", "save"]

FORMATS = {"text": text.render, "json": json.render, "junit": junit.render, "html": html.render}
"""Every format by its name. `--format` takes the first three; the page is for `--report`."""
