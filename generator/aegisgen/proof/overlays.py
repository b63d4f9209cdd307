"""Kustomize directories: what they name, what their patches meet, and what they compose to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from aegisgen.errors import CompositionError, Finding, Problem, Severity, ToolError
from aegisgen.kube.cache import Cache
from aegisgen.kube.compose import MISSING, Composition, compose, composer
from aegisgen.kube.kustomization import composed_files
from aegisgen.kube.origin import origin_of
from aegisgen.kube.overlay import Overlay, overlay_of, read_overlay, unmatched_patches
from aegisgen.kube.resource import Resource, identify
from aegisgen.proof.manifests import Checker, pieces
from aegisgen.record import Record
from aegisgen.rules.manifests import BAD_REFERENCE, NOT_COMPOSABLE
from aegisgen.yaml.source import Parser

LOST_PATCH = "G306"


class Built(Record):
    """An overlay as its files say it is, and as Kustomize builds it."""

    overlay: Overlay
    composition: Composition | CompositionError | None
    """None: it was not composed."""


def build(
    directories: Sequence[Path],
    *,
    composed: bool,
    cache: Cache | None = None,
    jobs: int = 1,
    parser: Parser = composed_files,
) -> Iterator[Built]:
    """Read and build overlays, `jobs` at a time: Kustomize is another process.

    What was built before of the same files is taken from the cache. Raises ToolError where Kustomize is wanted and not
    there, or does not come to an end.
    """
    if not composed:
        return (Built(read_overlay(directory, parser), None) for directory in directories)
    if composer() is None:
        raise ToolError(MISSING)
    if jobs == 1 or len(directories) == 1:
        return (_built(directory, cache, parser) for directory in directories)
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

    with ThreadPoolExecutor(max_workers=jobs) as pool:
        return iter(list(pool.map(lambda directory: _built(directory, cache, parser), directories)))


def _built(directory: Path, cache: Cache | None, parser: Parser) -> Built:
    from aegisgen.kube.closure import Reader  # noqa: PLC0415 - who composes nothing keeps nothing
    from aegisgen.kube.composed import compose_once  # noqa: PLC0415

    reader = Reader()
    overlay = overlay_of(reader, directory.as_posix(), parser)
    try:
        return Built(overlay, compose_once(directory, overlay, reader, cache) if cache else compose(directory))
    except CompositionError as error:
        return Built(overlay, error)


def findings(built: Built, checker: Checker) -> Iterator[Finding]:
    """Yield what is wrong with an overlay as a whole; its files by themselves are checked elsewhere."""
    for problem in built.overlay.problems:
        yield _finding(problem, BAD_REFERENCE)
    if isinstance(built.composition, CompositionError):
        if not built.overlay.problems:  # which explain better why it does not build
            yield _finding(built.composition.problem, NOT_COMPOSABLE, "does not compose: ")
    elif built.composition is not None:
        yield from _composed(built.overlay, built.composition, checker)


def _finding(problem: Problem, rule: str, before: str = "") -> Finding:
    return Finding(problem.path, problem.line, problem.column, rule, Severity.ERROR, before + problem.message)


class Refusal(Record):
    """A failure to compose, and where patches stand that meet nothing: each of them would be its reason."""

    path: str
    lost: frozenset[tuple[str, int, int]]

    def said_by_a_rule(self, found: Iterable[Finding]) -> Iterator[Finding]:
        """Yield the failures to compose among `found` that a lost patch explains, at its own line."""
        found = list(found)
        if any(
            (finding.path, finding.line, finding.column) in self.lost and finding.rule == LOST_PATCH
            for finding in found
        ):
            yield from (finding for finding in found if (finding.path, finding.rule) == (self.path, NOT_COMPOSABLE))


def refusal(built: Built) -> Refusal | None:
    """Return why Kustomize may have refused an overlay, None where it did not."""
    if not isinstance(built.composition, CompositionError):
        return None
    places = (patch.place for patch in unmatched_patches(built.overlay) if patch.target is None)
    lost = frozenset((place.source, *place.position) for place in places)
    return Refusal(built.composition.problem.path, lost)


def _composed(overlay: Overlay, composition: Composition, checker: Checker) -> Iterator[Finding]:
    """Check the composed objects, and say of each flaw where it was written."""
    found = [piece for document in composition.documents for piece in pieces(document, patch=False)]
    for flaw in checker.check(found):
        resource = identify(flaw.piece.document)
        place = origin_of(overlay, resource, flaw.path) if isinstance(resource, Resource) else None
        yield flaw.here() if place is None else flaw.at(place.document, place.path)
