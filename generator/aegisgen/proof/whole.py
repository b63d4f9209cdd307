"""A tree taken apart into tasks, and what was found put together again.

Most of what there is to find out needs one overlay or one directory only. The rest is done here: an Application may
deploy what lies elsewhere, a file that some overlay uses is judged with that overlay and not with its directory, and a
directory may be too large for one process. However the work is shared out, the answer is the same.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from aegisgen.errors import Finding
from aegisgen.kube.resource import Resource
from aegisgen.output.progress import tracked
from aegisgen.profile.stated import Stated
from aegisgen.proof.crew import Crew
from aegisgen.proof.inputs import Source
from aegisgen.proof.judge import judge_together
from aegisgen.proof.manifests import Verdict
from aegisgen.proof.overlays import Refusal
from aegisgen.proof.reading import applications_in
from aegisgen.proof.tasks import ManifestTask, Means, OverlayProof, OverlayTask, prove_manifests, prove_overlays
from aegisgen.record import replace
from aegisgen.rules.builds import Deployments

_Item = TypeVar("_Item")

# Fewer files are read before another process has started. An overlay counts for the files that it is made of.
_MIN_SHARED = 64
_FILES_OF_AN_OVERLAY = 6
# A task is large enough to be worth sending and small enough that nobody waits long for the last one.
_FILES, _OVERLAYS, _SEARCHED = 50, 12, 250
# A directory with more files than this is taken apart, too.
_LARGE = 2 * _FILES


def prove_all(
    named: Sequence[Source], roots: Mapping[Path, Stated | None], means: Means, crew: Crew
) -> tuple[Verdict, list[Refusal]]:
    """Find out all there is about files and overlays, these with what profiles state, and why some do not compose.

    Raises ToolError where Kustomize does not come to an end.
    """
    small = len(named) + _FILES_OF_AN_OVERLAY * len(roots) < _MIN_SHARED
    tree = _Tree(roots, means if small else replace(means, builds=1), crew, small=small)
    tree.look_for_applications(named)
    tree.prove_overlays()
    proofs = tree.proofs()
    used = {path for proof in proofs for path in proof.used}
    tree.prove_manifests([source for source in named if source.shown not in used])
    shown = {source.shown for source in named}
    verdict = tree.verdict
    verdict.findings.extend(finding for finding in tree.of_used.findings if finding.path in shown)
    verdict.ignores.extend(ignore for ignore in tree.of_used.ignores if ignore.path in shown)
    known = {_where(finding) for finding in verdict.findings}
    for proof in proofs:
        # what is wrong in a file is wrong again in everything composed from it
        verdict.findings.extend(finding for finding in proof.flaws if _where(finding) not in known)
        verdict.add(proof.verdict)
    return verdict, [proof.refusal for proof in proofs if proof.refusal]


def _where(finding: Finding) -> tuple[str, int, int, str]:
    return finding.path, finding.line, finding.column, finding.rule


class _Tree:
    def __init__(self, roots: Mapping[Path, Stated | None], means: Means, crew: Crew, *, small: bool) -> None:
        self._roots = roots
        self._means = means
        self._crew = crew
        self._small = small
        self._applications: list[Resource] = []
        self._deployments = Deployments()
        self._overlays: dict[Path, tuple[tuple[Resource, ...], OverlayProof]] = {}
        """By directory: the Applications with which each was judged, and what came of it."""
        self.of_used = Verdict([], [])
        """On the files of overlays, which may be others than those that were named."""
        self.verdict = Verdict([], [])

    def look_for_applications(self, named: Sequence[Source]) -> None:
        for found in self._crew.map(applications_in, list(self._split(named, _SEARCHED))):
            self._applications += found
        self._deployments = Deployments(self._applications)

    def proofs(self) -> list[OverlayProof]:
        return [self._overlays[root][1] for root in self._roots if root in self._overlays]

    def prove_overlays(self) -> None:
        """Prove overlays, each with the Applications that deploy it.

        Which these are is known in the end: one whose file an overlay uses is what that overlay makes of it. So
        overlays that lie around Applications come first, and what was judged too early is judged again.
        """
        around = {folder for each in self._applications for folder in Path(each.document.source).parents}
        self._prove(root for root in self._roots if root in around)
        self._prove(root for root in self._roots if root not in self._overlays)
        self._prove(root for root in self._roots if not self._is_up_to_date(root))

    def prove_manifests(self, loose: Sequence[Source]) -> None:
        parts: dict[str, list[Resource]] = {}
        tasks = list(self._manifest_tasks(loose))
        answers = zip(tasks, self._crew.map(prove_manifests, tasks), strict=True)
        for task, proof in tracked(answers, len(loose), "files", lambda each: len(each[0].sources)):
            self.verdict.add(proof.verdict)
            if not task.whole:
                parts.setdefault(posixpath.dirname(task.sources[0].shown), []).extend(proof.manifests)
        for manifests in parts.values():
            together = judge_together(manifests, self._deployments, self._means.settings)
            self.verdict.findings.extend(together)

    def _prove(self, roots: Iterable[Path]) -> None:
        wanted = [(root, self._deployments.of(root.as_posix()), self._roots[root]) for root in roots]
        tasks = [OverlayTask(tuple(part), self._means) for part in self._split(wanted, _OVERLAYS)]
        answers = zip(tasks, self._crew.map(prove_overlays, tasks), strict=True)
        for task, (proven, of_files) in tracked(answers, len(wanted), "overlays", lambda each: len(each[0].overlays)):
            self.of_used.add(of_files)
            for (root, applications, _), proof in zip(task.overlays, proven, strict=True):
                self._overlays[root] = applications, proof
        proofs = self.proofs()
        used = {path for proof in proofs for path in proof.used}
        loose = (each for each in self._applications if each.document.source not in used)
        self._deployments = Deployments([*loose, *(each for proof in proofs for each in proof.applications)])

    def _is_up_to_date(self, root: Path) -> bool:
        judged_with, _ = self._overlays[root]
        return list(map(id, judged_with)) == list(map(id, self._deployments.of(root.as_posix())))

    def _manifest_tasks(self, loose: Iterable[Source]) -> Iterator[ManifestTask]:
        directories: dict[str, list[Source]] = {}
        for source in loose:
            directories.setdefault(posixpath.dirname(source.shown), []).append(source)
        together: dict[str, list[Source]] = {}
        for directory, sources in directories.items():
            if len(sources) > _LARGE and all(source.raw is None for source in sources):
                for part in self._split(sources, _FILES):
                    yield ManifestTask(tuple(part), (), whole=False, means=self._means)
                continue
            together[directory] = sources
            if not self._small and sum(map(len, together.values())) >= _FILES:
                yield self._whole(together)
                together = {}
        if together:
            yield self._whole(together)

    def _whole(self, directories: Mapping[str, Sequence[Source]]) -> ManifestTask:
        sources = [source for inside in directories.values() for source in inside]
        # a file may be a build of its own
        paths = (*directories, *(source.shown for source in sources))
        return ManifestTask(tuple(sources), self._deployments.of(*paths), whole=True, means=self._means)

    def _split(self, items: Sequence[_Item], size: int) -> Iterator[Sequence[_Item]]:
        if self._small:
            size = max(len(items), 1)
        for start in range(0, len(items), size):
            yield items[start : start + size]
