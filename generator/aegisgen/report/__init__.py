"""Findings as text, JSON, JUnit, SARIF and GitHub annotations.

A format is a module with one pure function, `render(report) -> str`; what it returns ends with a newline and is
written as it stands. A new format is a new module and a line in the table below.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module

from aegisgen.report.model import Report, RuleInfo

__all__ = ["FORMATS", "Format", "Report", "RuleInfo"]

Format = Callable[[Report], str]


def _late(module: str) -> Format:
    """Import the format when it is used: a run needs one of them, and some cost more to import than to run."""

    def render(report: Report) -> str:
        rendered: str = import_module(f"{__name__}.{module}").render(report)
        return rendered

    return render


FORMATS: Mapping[str, Format] = {name: _late(name) for name in ("text", "json", "junit", "sarif", "github")}
"""Every format by the name that `--format` takes."""
