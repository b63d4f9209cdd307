"""A plan carried out in memory: the tree with its project, without the hand-written parts, rendered."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from aegisgen.adopt.project import Plan
from aegisgen.adopt.removal import Draft, make_room, remove
from aegisgen.adopt.texts import project_texts
from aegisgen.errors import InputError
from aegisgen.project.drift import Tree, compare
from aegisgen.project.rendered import resolve_texts
from aegisgen.project.tree.content import Change
from aegisgen.render.environment import Templates
from aegisgen.render.files import Overlay, render, runner


def draft_of(plan: Plan, disk: Callable[[str], bytes | None], templates: Templates) -> list[Change]:
    """Return what has to change in the project's folder, sorted by path.

    `disk` reads a file, by its path in that folder. Raises InputError where a hand-written file cannot be edited
    safely, and where what was inferred makes no project.
    """
    texts = project_texts(plan)
    overlays = _rendered(texts, templates)
    draft = Draft(plan.root, disk)
    kept = {f"{overlay.directory}/{name}" for overlay in overlays for name in overlay.files}
    remove([placed.inferred.found for placed in plan.placed], draft, kept)
    for overlay in overlays:
        make_room(draft, overlay.directory, overlay.files)
    draft.changed |= {path: text.encode() for path, text in texts.items()}
    tree = Tree(read=draft.read, generated={}, display=lambda path: os.path.join(plan.root, path))  # noqa: PTH118
    draft.changed |= {change.path: change.after for change in compare(overlays, tree)}
    changes = [Change(path, disk(path), after) for path, after in draft.changed.items()]
    return sorted(change for change in changes if change.before != change.after)


def _rendered(texts: Mapping[str, str], templates: Templates) -> list[Overlay]:
    try:
        return [*(render(target, templates) for target in resolve_texts(texts)), runner(templates)]
    except InputError as error:
        # these files are on no disk yet: the place says which field of which profile it would be
        problems = (each._replace(path=f"cannot be adopted: {each.path}", line=0, column=0) for each in error.problems)
        raise InputError(*problems) from None
