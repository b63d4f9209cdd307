"""One adoption from paths to its account: what would be written, what would differ, what would be lost. Reads only."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from aegisgen import files
from aegisgen.adopt.differences import Difference, differences, path_in
from aegisgen.adopt.find import Original, Skipped, find
from aegisgen.adopt.infer import Adopted, Lost, infer
from aegisgen.adopt.project import Plan, plan
from aegisgen.adopt.removal import Draft, make_room, parts_of, remove
from aegisgen.adopt.texts import project_texts
from aegisgen.errors import InputError, TreeError, UsageError
from aegisgen.kube.compose import compose
from aegisgen.kube.origin import origin_of
from aegisgen.kube.overlay import read_overlay, used_files
from aegisgen.kube.resource import Resource, resources_in
from aegisgen.kube.shape import mapping, text
from aegisgen.profile.load import PROJECT_FILE
from aegisgen.profile.sources import display
from aegisgen.project.drift import Tree, compare
from aegisgen.project.rendered import load_templates, resolve_texts
from aegisgen.project.tree.content import Change, read
from aegisgen.project.workspace import named_templates
from aegisgen.proof.inputs import Kustomizations
from aegisgen.record import Record, replace
from aegisgen.render.environment import Templates
from aegisgen.render.files import Overlay, render, runner

_JOB_CONTAINER = "migration"


class Adoption(Record):
    """The whole of it."""

    root: Path
    overlays: tuple[Adopted, ...]
    skipped: tuple[Skipped, ...]
    changes: tuple[Change, ...]

    @property
    def complete(self) -> bool:
        """Nothing would be lost."""
        return not any(overlay.lost for overlay in self.overlays)


def prepare(paths: Sequence[Path], templates: Path | None = None) -> Adoption:
    """Work out an adoption; nothing is written.

    Raises UsageError where the paths hold no migration, TreeError where there is a project already, InputError where a
    hand-written file cannot be edited safely, and ToolError without Kustomize.
    """
    originals, skipped = find(paths)
    if not originals:
        reasons = "\n".join(f"{overlay.directory}: {overlay.reason}" for overlay in skipped)
        raise UsageError(f"nothing to adopt\n{reasons}")
    packages = _packages(paths[0])
    made = plan([infer(original, packages) for original in originals])
    root = Path(made.root)
    if (root / PROJECT_FILE).exists():
        raise TreeError(f"{display(root / PROJECT_FILE)} exists: this is a project already; nothing was written")
    changes = draft_of(made, lambda path: read(root, path), load_templates(named_templates(templates)))
    left = [Skipped(Path(directory), reason) for directory, reason in made.left]
    composed = _composed(made, changes)
    shared = _lost_by_others(made, root)
    overlays = [
        _compared(adopted, after, shared.get(adopted.directory, ()))
        for adopted, after in zip(made.adopted, composed, strict=True)
    ]
    return Adoption(root, tuple(overlays), (*skipped, *left), tuple(changes))


def _compared(adopted: Adopted, after: Sequence[Resource], shared: Sequence[Lost]) -> Adopted:
    """Return the overlay with what differs in `after`, what it composes to now; `shared`: what others lose."""
    original = adopted.original
    name = _JOB_CONTAINER if original.migration.strategy == "presync-job" else original.migration.name
    different = differences(original, after, name)
    lost = [*adopted.lost, *shared]
    named = {loss.what.partition(":")[0] for loss in lost}
    for difference in different:
        # a variable that is lost has been named already, with the reason
        variable = str(difference.path[-1]).strip("[]") if difference.after is None and difference.path else ""
        if not difference.reason and variable not in named:
            lost.append(_unexplained(original, difference))
    remarks = [
        *adopted.remarks,
        *(
            f"{other.name} of {other.resource.identity} migrates too, and is left as it is"
            for other in original.further
        ),
    ]
    if not adopted.namespace:
        remarks.append(f"no namespace is named; the profile says {adopted.environment}")
    return replace(adopted, differences=tuple(different), lost=tuple(sorted(set(lost))), remarks=tuple(remarks))


def _unexplained(original: Original, difference: Difference) -> Lost:
    resource = next((each for each in original.resources if str(each.identity) == difference.resource), None)
    what = f"{difference.resource}: {difference.field or 'the whole object'} is not carried over"
    if difference.before is None:
        what = f"{difference.resource}: {difference.field or 'the whole object'} would be new"
    elif difference.after is not None:
        what = f"{difference.resource}: {difference.field} would be another"
    # by the name that the container had
    before = f"[{original.migration.name}]"
    path = tuple(before if part == f"[{_JOB_CONTAINER}]" else part for part in difference.path)
    place = origin_of(original.overlay, resource, path_in(resource.data, path)) if resource else None
    return Lost(place.source if place else original.directory.as_posix(), place.position[0] if place else 0, what)


def _lost_by_others(made: Plan, root: Path) -> dict[str, list[Lost]]:
    """Name the overlays that are not adopted and share a file with the migration that is taken out of it."""
    own = {os.path.realpath(adopted.original.directory) for adopted in made.adopted}
    result: dict[str, list[Lost]] = {}
    for other in Kustomizations().roots([display(root)]):
        if os.path.realpath(other) in own:
            continue
        used = {os.path.realpath(file) for file in used_files(read_overlay(other))}
        for adopted in made.adopted:
            for part in parts_of(adopted.original):
                if os.path.realpath(part.source) in used:
                    what = f"{display(other)} uses this file too and is not adopted: it would lose its migration"
                    result.setdefault(adopted.directory, []).append(Lost(part.source, part.line, what))
    return result


def _composed(made: Plan, changes: Sequence[Change]) -> list[list[Resource]]:
    folders = {
        os.path.abspath(layer.directory)  # noqa: PTH100 -- no symlinks followed
        for adopted in made.adopted
        for layer in adopted.original.overlay.layers
    }
    top = os.path.commonpath([made.root, *folders])
    with tempfile.TemporaryDirectory(prefix="aegisgen-adopt-") as temporary:
        copy = Path(temporary).resolve() / "tree"
        files.admit(temporary)
        for folder in folders:
            target = copy / os.path.relpath(folder, top)
            shutil.copytree(folder, target, dirs_exist_ok=True, symlinks=True, ignore=_ignored)
        root = copy / os.path.relpath(made.root, top)
        for change in changes:
            file = root / change.path
            if change.after is None:
                file.unlink(missing_ok=True)
            else:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(change.after)
        return [resources_in(compose(root / adopted.directory).documents) for adopted in made.adopted]


def _ignored(_folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name in {".git", "node_modules", ".venv"}]


def _packages(start: Path) -> frozenset[str]:
    """Return what the application depends on, as the nearest package.json upwards in the repository says."""
    for folder in (start.resolve(), *start.resolve().parents):
        file = folder / "package.json"
        if file.is_file():
            try:
                package = mapping(json.loads(files.read(file)))
            except (OSError, ValueError, RecursionError):
                return frozenset()
            fields = (mapping(package.get(field)) for field in ("dependencies", "devDependencies"))
            return frozenset(text(name) for names in fields for name in names)
        if (folder / ".git").exists():
            break
    return frozenset()


def draft_of(plan: Plan, disk: Callable[[str], bytes | None], templates: Templates) -> list[Change]:
    """Return what has to change in the project's folder, sorted by path.

    `disk` reads a file, by its path in that folder. Raises InputError where a hand-written file cannot be edited
    safely, and where what was inferred makes no project.
    """
    texts = project_texts(plan)
    overlays = _rendered(texts, templates)
    draft = Draft(plan.root, disk)
    kept = {f"{overlay.directory}/{name}" for overlay in overlays for name in overlay.files}
    remove([adopted.original for adopted in plan.adopted], draft, kept)
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
        problems = (replace(each, path=f"cannot be adopted: {each.path}", line=0, column=0) for each in error.problems)
        raise InputError(*problems) from None
