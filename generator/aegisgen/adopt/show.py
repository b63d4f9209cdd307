"""An adoption's account as text and as JSON. Pure."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

from aegisgen.adopt.adoption import Adoption
from aegisgen.adopt.differences import Difference
from aegisgen.adopt.infer import Adopted, Lost
from aegisgen.kube.shape import mapping
from aegisgen.output.records import fields_of
from aegisgen.output.visible import visible
from aegisgen.profile.sources import display
from aegisgen.project.tree.content import listed
from aegisgen.record import asdict
from aegisgen.render.places import RUNNER
from aegisgen.render.scalars import to_yaml

_WIDTH = 100
_STRATEGIES = {"init-container": "an init container", "presync-job": "a PreSync Job"}


def to_json(adoption: Adoption, *, written: bool) -> str:
    """Return the account as JSON."""
    data = {
        "project": display(adoption.root),
        "written": written,
        "overlays": [
            {
                "directory": overlay.original.directory.as_posix(),
                **fields_of(overlay, "environment", "service"),
                "strategy": overlay.original.migration.strategy,
                "differences": [
                    fields_of(difference, "resource", "field", "before", "after")
                    | {"reason": difference.reason or None}
                    for difference in overlay.differences
                ],
                "lost": [asdict(lost) | {"line": lost.line or None} for lost in overlay.lost],
                "remarks": overlay.remarks,
            }
            for overlay in adoption.overlays
        ],
        "skipped": [
            {"directory": overlay.directory.as_posix(), "reason": overlay.reason} for overlay in adoption.skipped
        ],
        "files": [{"path": display(adoption.root / path), "change": verb} for verb, path in listed(adoption.changes)],
    }
    return json.dumps(data, indent=2) + "\n"


def to_text(adoption: Adoption, *, written: bool, asked: bool) -> str:
    """Return the account for people."""
    lines: list[str] = []
    for overlay in adoption.overlays:
        lines += [*_overlay(overlay), ""]
    if adoption.skipped:
        lines += ["Left alone", *(f"  {overlay.directory}: {overlay.reason}" for overlay in adoption.skipped), ""]
    files = listed(adoption.changes, RUNNER)
    lines += ["Files", *(f"  {verb} {display(adoption.root / path)}" for verb, path in files), ""]
    lines += _end(adoption, written=written, asked=asked)
    return "".join(f"{visible(line)}\n" for line in lines)


def _overlay(adopted: Adopted) -> Iterator[str]:
    tool = mapping(adopted.settings["migrations"]).get("tool")
    strategy = _STRATEGIES[adopted.original.migration.strategy]
    yield f"{adopted.original.directory}: {adopted.service} in {adopted.environment}, {strategy} ({tool})"
    yield from _differences([difference for difference in adopted.differences if difference.reason])
    if not adopted.differences:
        yield "  composes to the same"
    if adopted.lost:
        yield "  Not carried over"
        yield from (f"    {_place(lost)}{lost.what}" for lost in adopted.lost)
    if adopted.remarks:
        yield "  Look at"
        yield from (f"    {remark}" for remark in adopted.remarks)


def _differences(meant: list[Difference]) -> Iterator[str]:
    for resource in dict.fromkeys(difference.resource for difference in meant):
        yield f"  {resource}"
        own = [difference for difference in meant if difference.resource == resource]
        for reason in dict.fromkeys(difference.reason for difference in own):
            yield f"    {reason}"
            for difference in own:
                if difference.reason == reason:
                    yield f"      {_difference(difference)}"


def _difference(difference: Difference) -> str:
    if difference.field:
        return f"{difference.field}: {_value(difference.before)} -> {_value(difference.after)}"
    return "(a new object)" if difference.before is None else "(the whole object)"


def _value(value: object) -> str:
    if value is None:
        return "none"
    lines = str(value).count("\n") if isinstance(value, str) else sum(str(each).count("\n") for each in _texts(value))
    if lines > 1:
        return f"({lines} lines)"
    shown = to_yaml(value) if not isinstance(value, float) else str(value)
    return shown if len(shown) <= _WIDTH else f"{shown[: _WIDTH - 3]}..."


def _texts(value: object) -> list[object]:
    return value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else []


def _place(lost: Lost) -> str:
    return f"{lost.path}:{lost.line}: " if lost.line else f"{lost.path}: "


def _end(adoption: Adoption, *, written: bool, asked: bool) -> Iterator[str]:
    if not written:
        if asked:
            yield "Nothing was written, because something would be lost; write it nevertheless with --write --lossy."
        elif adoption.complete:
            yield "Nothing was written; --write does."
        else:
            yield "Nothing was written; --write --lossy does, without what is not carried over."
        return
    folder = display(adoption.root)
    option = "" if folder in {".", "argocd"} else f" --project {os.path.join(folder, 'aegisgen.yaml')}"  # noqa: PTH118 -- a text for people
    yield f"Written. Next: aegisgen check{option}"
