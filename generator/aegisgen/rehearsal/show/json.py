"""A rehearsal as JSON for programs.

The keys are stable: `version` goes up when one changes its meaning or goes away; new ones may come at any time.
`schemas/aegisgen/rehearsal.json` describes them. Times are seconds; `began` and `ended` count from the start of the
scenario. Codes are null where a container was never started or a signal ended it.
"""

from __future__ import annotations

import json
import re

from aegisgen.rehearsal.outcome import Rehearsal, Verdict

VERSION = 1
# A microsecond is finer than anything here is measured.
_DIGITS = 6
_VERDICTS = {verdict: re.sub(r" (\w)", lambda match: match[1].upper(), verdict.value) for verdict in Verdict}
# Keys that differ from the fields' names, written with capitals in place of underscores; None: no key.
_KEYS = {"passed": "held", "got": "saw", "code": "exitCode", "advice": "squawk", "added": None}


def render(rehearsal: Rehearsal, _view: object = None) -> str:
    """Return the document, indented, in ASCII so that no terminal's encoding can spoil it."""
    verdicts = [scenario.verdict for scenario in rehearsal.scenarios]
    document = {
        "version": VERSION,
        "environment": rehearsal.environment,
        "postgres": rehearsal.postgres,
        "seconds": round(rehearsal.seconds, _DIGITS),
        "passed": rehearsal.passed,
        "summary": {name: verdicts.count(verdict) for verdict, name in _VERDICTS.items()},
        "notes": list(rehearsal.notes),
        "gates": list(rehearsal.gates),
        "compatibility": _compatibility(rehearsal),
        "waits": _plain(rehearsal.waits),
        "filled": _plain(rehearsal.filled),
        "scenarios": [_plain(scenario) for scenario in rehearsal.scenarios],
    }
    return json.dumps(document, indent=2) + "\n"


def _compatibility(rehearsal: Rehearsal) -> dict[str, object] | None:
    compatibility = rehearsal.compatibility
    if compatibility is None:
        return None
    plain = {key: _plain(value) for key, value in compatibility._asdict().items()}
    return {"breaking": list(compatibility.breaking), **plain}


def _plain(value: object) -> object:
    """Records become objects, tuples become lists, and all in them likewise."""
    if isinstance(value, Verdict):
        return _VERDICTS[value]
    if isinstance(value, float):
        return round(value, _DIGITS)
    if not isinstance(value, tuple):
        return value
    names: tuple[str, ...] | None = getattr(value, "_fields", None)
    if names is None:
        return [_plain(item) for item in value]
    keys = (_KEYS.get(name, re.sub(r"_(\w)", lambda match: match[1].upper(), name)) for name in names)
    return {key: _plain(item) for key, item in zip(keys, value, strict=True) if key}
