"""The runbooks that a project keeps: resolved services and their rendered overlays in, the texts of files out. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence

from aegisgen.errors import InputError, Problem
from aegisgen.profile.target import Target
from aegisgen.render.environment import Templates
from aegisgen.render.files import Overlay
from aegisgen.render.places import runbook_of
from aegisgen.runbook.facts import facts
from aegisgen.runbook.guide import guide
from aegisgen.runbook.picture import profile_plan


def render_runbooks(targets: Sequence[Target], overlays: Sequence[Overlay], templates: Templates) -> list[Overlay]:
    """Return the folders with the runbooks of those services that have one; `overlays` are the services', in order.

    What only the composed overlay tells is left to the command: the drift check must not need Kustomize.
    Raises InputError where a template fails and where two runbooks would be one file.
    """
    refuse_twins(targets)
    folders: dict[str, dict[str, str]] = {}
    for target, overlay in zip(targets, overlays, strict=False):
        path = runbook_of(target)
        if path is None:
            continue
        folder, name = posixpath.split(path)
        text = _text(target, overlay, templates, markup=name.endswith(".html"))
        folders.setdefault(folder, {})[name] = text
    return [Overlay(folder, files, None, "") for folder, files in folders.items()]


def refuse_twins(targets: Iterable[Target]) -> None:
    """Raise InputError where two runbooks would be one file."""
    seen: set[str] = set()
    for target in targets:
        path = runbook_of(target)
        if path in seen:
            message = f"{path} is that of another service or environment, expected one of its own"
            raise InputError(Problem(target.profile, 0, 0, "runbook.path", message))
        if path is not None:
            seen.add(path)


def _text(target: Target, overlay: Overlay, templates: Templates, *, markup: bool) -> str:
    plan = profile_plan(target, overlay)
    text = guide(facts(target), plan, templates)
    if not markup:
        return text
    from aegisgen.runbook.page import page  # noqa: PLC0415 - few want HTML

    return page(text, plan, templates)
